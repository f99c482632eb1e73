"""The paragraph of ``crash``, and the frames below it."""

from __future__ import annotations

from dotdump.analysis.crash import Crash
from dotdump.analysis.crash_cause import Cause
from dotdump.report.crash import render_crash

CRASH = Crash(
    pid=12,
    process="shop",
    cause=Cause.SIGNAL,
    signal="SIGSEGV",
    address=None,
    sender=None,
    os_id=12,
    managed_id=1,
    thread_name="",
    message=None,
    exceptions=(),
    frames=("Shop.Cart.Add()",),
    end="damaged: at 0x7f00: no code is there",
    summary="process 12 shop died.",
    hint="look",
    problems=(),
)


def test_why_there_are_no_more_frames_is_said_below_them() -> None:
    assert render_crash(CRASH, None).split("\n\n") == [
        "process 12 shop died.",
        "    at Shop.Cart.Add()\n    (damaged: at 0x7f00: no code is there)",
        "next: look",
    ]
