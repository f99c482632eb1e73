"""Why a process died whose exception is damaged."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from builders.managed import NamedObject, NamedType, exception
from dotdump.analysis import crash
from dotdump.analysis.crash import Cause, explain_crash
from dotdump.formats.core_notes import Siginfo
from dotdump.target.model import Thread

if TYPE_CHECKING:
    import pytest

    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.core import CoreTarget


def summary_of(thrown: ClrObject, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what is said of a process that aborted while a thread threw this."""
    monkeypatch.setattr(crash, "list_stacks", lambda *_, **__: SimpleNamespace(threads=()))
    thread = SimpleNamespace(os_id=42, managed_id=1, name="main", exceptions=(thrown,), current_exception=thrown)
    target = SimpleNamespace(
        signal=Siginfo(signal.SIGABRT),
        threads=[Thread(42, {}, signal.SIGABRT, 0)],
        process=SimpleNamespace(pid=42, name="shop"),
    )
    runtime = SimpleNamespace(threads=[thread], thread_problems=())
    report = explain_crash(cast("CoreTarget", target), cast("ClrRuntime", runtime))
    assert report.cause is Cause.UNHANDLED_EXCEPTION
    return report.summary


def test_the_exception_and_what_led_to_it_are_in_the_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = exception(0x2000, "Inner", _message="no room")
    assert "The exception was Outer, caused by Inner: no room." in summary_of(
        exception(0x1000, "Outer", _innerException=inner), monkeypatch
    )


def test_what_was_thrown_and_is_no_exception_does_not_hide_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    said = summary_of(NamedObject(0x1000, NamedType("<type at 0x5000>")), monkeypatch)
    assert said.startswith('process 42 shop died because thread 42 "main" threw an exception that nobody handled.')
    assert "The exception was one that cannot be read." in said
