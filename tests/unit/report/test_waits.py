"""Who waits for whom, as text on terminals and elsewhere."""

from __future__ import annotations

from dotdump.analysis.lock_owners import ThreadRef
from dotdump.analysis.locks import LockReport, WaitRow
from dotdump.analysis.parallel_stacks import StackGroup, StackGroups
from dotdump.analysis.wait_rules import WaitKind
from dotdump.report.locks import render_locks
from dotdump.report.parallel_stacks import render_groups

OWNER, FIRST, SECOND = ThreadRef(11, 1, "owner"), ThreadRef(12, 2, "first"), ThreadRef(13, 3, "second")
LOCK = "0x7f986d157078"
FRAME = "Corpus.ThreadScenario.WaitForContendedLock(System.Object, System.Object)"
NARROW = 30


def waits(*threads: ThreadRef) -> LockReport:
    """Return a report in which ``threads`` wait for one lock."""
    rows = [WaitRow(each, WaitKind.MONITOR, "", LOCK, "System.Object", (OWNER,), None, (FRAME,)) for each in threads]
    return LockReport("CoreCLR", (), tuple(rows), (), None, ())


def group(*threads: ThreadRef, frames: tuple[str, ...] = (FRAME,), more: bool = False) -> StackGroups:
    """Return ``threads`` that wait in the same place."""
    words = f"waits to enter a monitor: System.Object {LOCK}, held by 11 owner"
    found = StackGroup(len(threads), threads, words, is_idle=False, frames=frames, more=more)
    return StackGroups("CoreCLR", (found,), 0, ())


def test_who_waits_for_which_object_is_whole_on_a_narrow_terminal() -> None:
    lines = render_locks(waits(FIRST, SECOND), NARROW).splitlines()
    assert lines[0] == f'2 threads wait for the monitor of System.Object {LOCK}, held by thread 11 "owner"'
    lines = render_groups(group(FIRST, SECOND), NARROW).splitlines()
    told = f"2 threads, each waits to enter a monitor: System.Object {LOCK}, held by 11 owner"
    assert lines[:2] == [told, "    12 first, 13 second"]
    assert (len(lines[2]), lines[2][:7], "…" in lines[2]) == (NARROW, "    at ", True)


def test_one_is_told_as_one() -> None:
    assert render_locks(waits(FIRST), None).endswith(
        "0 locks taken or waited for, 1 thread waits, 0 deadlocks (CoreCLR)"
    )
    assert render_groups(group(FIRST), None).endswith("1 thread in 1 group (CoreCLR)")


def test_frames_that_are_not_compared_are_told() -> None:
    deep = render_groups(group(FIRST, frames=(FRAME, "A.Recurse()", "A.Recurse()"), more=True), None).splitlines()
    assert deep[3:5] == [
        "    at A.Recurse() (2 times)",
        "    ... older frames, which are not compared: dotdump stacks shows them",
    ]
    assert "older" not in render_groups(group(FIRST), None)
