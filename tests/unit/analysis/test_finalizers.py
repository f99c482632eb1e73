"""The finalizer that its thread is in, by the frames of that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.analysis import finalizers
from dotdump.analysis.finalizers import FinalizerList, RunningFinalizer, running_finalizer
from dotdump.analysis.stacks import FrameLocation, StackFrame, StackList, ThreadStack
from dotdump.report.finalizers import render_objects

if TYPE_CHECKING:
    from dotdump.clr.model.runtime import ClrRuntime

TID = 4711
SLEEP, OWN, BASE = "System.Threading.Thread.Sleep(Int32)", "Store.Session.Finalize()", "Store.Base.Finalize()"


def running(*methods: str | None, finalizer: bool = True) -> RunningFinalizer | None:
    """Return what runs where a thread has these frames, the innermost first; a Frame has no method."""
    frames = [StackFrame(FrameLocation("managed" if each else "frame", each), "0x0", "") for each in methods]
    stacks = StackList(1, "dotnet", (ThreadStack(TID, 2, "", "", None, frames, ""),))
    thread = SimpleNamespace(is_finalizer=finalizer, os_id=TID)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finalizers, "stack_of", lambda _runtime, of: stacks if of is thread else None)
        return running_finalizer(cast("ClrRuntime", SimpleNamespace(threads=[thread])))


def test_the_outermost_finalizer_is_the_one_that_runs() -> None:
    assert running(None, SLEEP, BASE, OWN, "System.GC.RunFinalizers()") == RunningFinalizer(TID, OWN, SLEEP)


def test_a_thread_that_waits_for_work_runs_none() -> None:
    assert running(None) is None
    assert running(SLEEP) is None
    assert running(SLEEP, OWN, finalizer=False) is None


def test_a_line_says_it_once() -> None:
    found = FinalizerList("CoreCLR 10", 1, 2, running(SLEEP, OWN), (), ())
    assert render_objects(found, None).endswith(f"\nfinalizer thread {TID} is in {OWN}, at {SLEEP}")
    found = FinalizerList("CoreCLR 10", 1, 2, running(OWN), (), ())
    assert render_objects(found, None).endswith(f"\nfinalizer thread {TID} is in {OWN}")
