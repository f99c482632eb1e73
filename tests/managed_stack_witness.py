"""ClrMD's stacks beside ours: which managed frames are equal, in order, and a reason for each that is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dotdump.analysis.managed_stacks import list_stacks

if TYPE_CHECKING:
    from dotdump.clr.model.runtime import ClrRuntime

Row = tuple[str, str, str]

NO_FRAME = "stood in native code that managed code calls without a Frame, where ClrMD passes over the methods before it"
CUT = "is deeper than the frames that ClrMD gives where nobody asks for more"
CLRMD_FRAMES = 8096
"""Frames of all kinds; ``EnumerateStackTrace`` of ClrMD 4.0."""
IN_CODE = "was stopped in managed code by a signal, where ClrMD shows nothing of the thread"


@dataclass
class Comparison:
    """Threads and managed frames of ClrMD, how many are equal, and how many are not by the reason for it."""

    threads: int = 0
    equal_threads: int = 0
    theirs: int = 0
    equal: int = 0
    in_code: int = 0
    """Threads that were stopped within managed code."""
    without_frame: int = 0
    """Threads that were stopped in native code that leaves no Frame."""
    reasons: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)

    def add(self, other: Comparison) -> None:
        """Count what ``other`` counted too."""
        for name in ("threads", "equal_threads", "theirs", "equal", "in_code", "without_frame"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)
        self.samples += other.samples


def compare(runtime: ClrRuntime, recorded: list[dict[str, Any]]) -> Comparison:
    """Return how the managed frames of each thread differ from those that ClrMD's ``threads`` gave."""
    found = Comparison()
    theirs_by_thread = {thread["os"]: _theirs(thread) for thread in recorded}
    cut = {thread["os"] for thread in recorded if len(thread["frames"]) >= CLRMD_FRAMES}
    for thread in list_stacks(runtime).threads:
        if not thread.os_id:
            continue
        managed = [frame for frame in thread.frames if frame.location.kind == "managed"]
        ours = [(frame.location.ip or "", frame.sp, frame.location.method or "") for frame in managed]
        theirs = theirs_by_thread.get(thread.os_id, [])
        found.threads += 1
        found.theirs += len(theirs)
        found.in_code += bool(managed) and managed[0].trust == "context"
        if ours == theirs:
            found.equal_threads += 1
            found.equal += len(theirs)
            continue
        found.equal += sum(row in ours for row in theirs)
        reason = _reason(ours, theirs, managed[0].trust if managed else "", cut=thread.os_id in cut)
        found.without_frame += reason == NO_FRAME
        found.reasons[reason or "not explained"] += 1
        if not reason:
            found.samples.append(f"thread {thread.os_id} ({thread.end}):\n  ours {ours[:6]}\n  theirs {theirs[:6]}")
    return found


def _theirs(thread: dict[str, Any]) -> list[Row]:
    return [(f["ip"], f["sp"], f["method"]) for f in thread["frames"] if f["kind"] == "ManagedMethod" and f["method"]]


def _reason(ours: list[Row], theirs: list[Row], trust: str, *, cut: bool) -> str:
    """Return why two stacks differ; nothing where that is not known."""
    if cut and ours[: len(theirs)] == theirs:
        return CUT
    more = len(ours) - len(theirs)
    if more > 0 and ours[more:] == theirs and trust in ("cfi", "scan"):
        return NO_FRAME
    if not theirs and trust == "context":
        return IN_CODE
    return ""
