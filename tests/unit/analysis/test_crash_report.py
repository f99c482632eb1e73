"""Frames of a crash report of which a stack has thousands at one place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from dotdump.analysis.crash_report import ReportedFrame, _Reporter
from dotdump.clr.contracts.walk_step import StepKind
from dotdump.records import replace

if TYPE_CHECKING:
    import pytest

    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.thread import ClrThread
    from dotdump.target.model import Thread

PLACE = ReportedFrame(
    is_managed=True, address=0x1000, stack_pointer=0x10, module_address=0, offset=0, name="Overflow", module=""
)


def test_a_place_is_named_once_however_many_frames_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    named = []

    def name(_: object, __: object, step: SimpleNamespace) -> ReportedFrame:
        named.append(step)
        return replace(PLACE, stack_pointer=step.context.sp)

    monkeypatch.setattr(_Reporter, "_managed", name)
    steps = [
        SimpleNamespace(
            kind=StepKind.MANAGED, code=object(), context=SimpleNamespace(pc=0x1000, interrupted=not sp, sp=sp)
        )
        for sp in (0, 0x10, 0x20, 0x30)
    ]
    reporter = object.__new__(_Reporter)
    reporter._runtime, reporter._places = cast("ClrRuntime", object()), {}
    thread = cast("ClrThread", SimpleNamespace(walk=lambda **_: steps))
    frames = list(reporter._frames(cast("Thread", object()), thread))
    assert [frame.stack_pointer for frame in frames] == [0, 0x10, 0x20, 0x30]
    assert len(named) == 2
