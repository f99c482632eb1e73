"""Locks as text: deadlocks first, then what starves, who waits, and all locks as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.value_text import quoted
from dotdump.analysis.wait_rules import WaitKind
from dotdump.report.counting import counted
from dotdump.report.listing import csv_text
from dotdump.report.table import fitted, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.analysis.lock_owners import ThreadRef
    from dotdump.analysis.locks import Deadlock, DeadlockStep, LockReport, LockRow, WaitRow
    from dotdump.analysis.pool_starvation import Starvation

_HEADER = ("ADDRESS", "KIND", "OWNER", "ENTERED", "WAITING", "TYPE", "STATE")
_CSV = ("address", "kind", "type", "is_taken", "owners", "recursion", "waiting", "waiters", "state")
_INDENT = "    "
_FRAME = "at "
_MONITORS = (WaitKind.MONITOR, WaitKind.PULSE)


def render_locks(found: LockReport, width: int | None) -> str:
    """Return all that is known of locks, the worst first."""
    blocks = [
        *(_deadlock(each) for each in found.deadlocks),
        *([_starvation(found.starvation)] if found.starvation is not None else []),
        *_waits(found),
    ]
    texts = ["\n".join(_fitted(line, width) for line in block) for block in blocks]
    rows = [_row(lock) for lock in found.locks]
    table = render_table(_HEADER, rows, right=frozenset({3, 4}), width=width)
    waits = "1 thread waits" if len(found.waits) == 1 else f"{len(found.waits):,} threads wait"
    deadlocks = counted(len(found.deadlocks), "deadlock")
    totals = f"{counted(len(found.locks), 'lock')} taken or waited for, {waits}, {deadlocks}"
    return "\n\n".join([*texts, *([table] if rows else []), f"{totals} ({found.runtime})"])


def locks_csv(found: LockReport) -> str:
    """Return a row for each lock."""
    rows = (
        (
            row.address,
            row.kind,
            row.type,
            str(row.is_taken).lower(),
            " ".join(str(owner.os_id) for owner in row.owners),
            row.recursion,
            row.waiting,
            " ".join(str(waiter.os_id) for waiter in row.waiters),
            row.state,
        )
        for row in found.locks
    )
    return csv_text(_CSV, rows)


def thread_text(thread: ThreadRef) -> str:
    """Return ``thread 4711 "name"``."""
    name = f" {quoted(thread.name)}" if thread.name else ""
    return f"thread {thread.os_id}{name}"


def awaited_text(wait: WaitRow | DeadlockStep) -> str:
    """Return what a thread waits for, as the end of a sentence: ``the monitor of Corpus.Order 0x7f…``."""
    if wait.lock is None:
        return f"a {wait.kind}" if wait.kind != WaitKind.HANDLE else "a wait handle, which nothing tells the owner of"
    kind = "the monitor of " if wait.kind in _MONITORS else ""
    return f"{kind}{wait.lock_type or wait.kind} {wait.lock}"


def _deadlock(deadlock: Deadlock) -> Iterator[str]:
    count = len(deadlock.steps)
    yield f"deadlock: {count} threads wait for each other" if count > 1 else "deadlock: a thread waits for itself"
    for number, step in enumerate(deadlock.steps):
        who = thread_text(step.thread)
        subject = f"held by {who}, which waits" if number else f"{who} waits"
        timeout = "" if step.timeout is None else f", for {step.timeout:,} ms at most"
        yield f"{_INDENT}{subject} for {awaited_text(step)}{timeout}"
        yield from _frames(step.frames, 2)
    yield f"{_INDENT}held by {thread_text(deadlock.steps[-1].owner)}"


def _starvation(found: Starvation) -> Iterator[str]:
    yield (
        f"starvation: {len(found.blocked)} of {found.workers} threads of the pool wait for tasks "
        f"while {found.queued:,} items of work wait for a thread"
    )
    yield from (f"{_INDENT}{thread_text(thread)}" for thread in found.blocked)


def _waits(found: LockReport) -> Iterator[Iterator[str]]:
    """Yield a block for each lock and its owners that threads wait for outside of deadlocks, with the first's stack."""
    circle = {step.thread for deadlock in found.deadlocks for step in deadlock.steps}
    rows: dict[tuple[str, str | None, tuple[ThreadRef, ...]], list[WaitRow]] = {}
    for wait in found.waits:
        if wait.thread not in circle:
            rows.setdefault((wait.kind, wait.lock, wait.owners), []).append(wait)
    locks = {lock.address: lock for lock in found.locks}
    for (_, address, _), waits in rows.items():
        yield _wait_block(waits, locks.get(address or ""))


def _wait_block(waits: Sequence[WaitRow], lock: LockRow | None) -> Iterator[str]:
    first = waits[0]
    who = f"{len(waits)} threads wait" if len(waits) > 1 else f"{thread_text(first.thread)} waits"
    verb = f"{who} for {awaited_text(first)}"
    if first.kind == WaitKind.PULSE:
        verb = f"{who} in Monitor.Wait on {first.lock_type} {first.lock}"
    owners = ", ".join(thread_text(owner) for owner in first.owners)
    state = f" ({lock.state})" if lock is not None and lock.state else ""
    yield f"{verb}{state}{f', held by {owners}' if owners else ''}"
    if lock is not None and lock.owners[:1] == first.owners[:1]:
        yield from _frames(lock.owner_frames, 1)
    if len(waits) > 1:
        yield from (f"{_INDENT}{thread_text(wait.thread)}" for wait in waits)


def _fitted(line: str, width: int | None) -> str:
    """Return a line as wide as the terminal where it is a frame: what says who waits for which object stays whole."""
    return fitted(line, width if line.lstrip().startswith(_FRAME) else None)


def _frames(frames: Sequence[str], depth: int) -> Iterator[str]:
    yield from (f"{_INDENT * depth}{_FRAME}{frame}" for frame in frames)


def _row(lock: LockRow) -> tuple[object, ...]:
    owners = ", ".join(f"{owner.os_id} {owner.name}".rstrip() for owner in lock.owners)
    return (lock.address, lock.kind, owners, lock.recursion or "", lock.waiting or "", lock.type, lock.state)
