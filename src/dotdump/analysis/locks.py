"""Locks: who has which, who waits for whom, and where that goes in a circle.

A deadlock is a circle of threads of which each waits for a lock, a thread or a monitor that the next one has, whatever
kinds of lock they are. What a thread waits for and is not known breaks a circle: then nothing is claimed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.cycles import find_cycles
from dotdump.analysis.lock_census import count_locks
from dotdump.analysis.lock_owners import FRAMES_SHOWN, LockOwners, ThreadRef, thread_ref
from dotdump.analysis.pool_starvation import Starvation, find_starvation
from dotdump.analysis.wait_rules import WaitKind
from dotdump.analysis.waits import ThreadWait, Waits
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import UnsupportedRuntime
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Problem

LOCK_KINDS = frozenset(WaitKind) - {WaitKind.IDLE, WaitKind.SLEEP, WaitKind.SOCKET, WaitKind.INPUT, WaitKind.PROCESS}
"""What a thread waits for until another thread does something."""
THIN = "thin lock"
_OF_A_TASK = "+SetOnInvokeMres"
"""The event inside of ``Task.Wait``: what its thread waits for is the task."""


@record
class LockRow:
    """The lock at ``address``, or that of the object there: ``kind`` is as in ``WaitKind``, or ``thin lock``.

    ``waiting`` threads wait for it, as it says itself; ``waiters`` are those that are known. ``state`` says the rest.
    ``recursion`` is how often its owner has entered it. ``owner_frames`` are on top of its first owner's stack: what
    keeps the others waiting.
    """

    address: str
    kind: str
    type: str
    is_taken: bool
    owners: tuple[ThreadRef, ...]
    recursion: int
    waiting: int
    waiters: tuple[ThreadRef, ...]
    state: str = ""
    sync_block: int | None = None
    owner_frames: tuple[str, ...] = ()


@record
class WaitRow:
    """A thread that waits: for what, who has it, and where both stand. ``timeout`` in milliseconds, None for ever."""

    thread: ThreadRef
    kind: str
    text: str
    lock: str | None
    lock_type: str | None
    owners: tuple[ThreadRef, ...]
    timeout: int | None
    frames: tuple[str, ...]


@record
class DeadlockStep:
    """``thread`` waits for the lock, which the thread of the next step has; ``frames`` are on top of its stack."""

    thread: ThreadRef
    kind: str
    lock: str | None
    lock_type: str | None
    owner: ThreadRef
    timeout: int | None
    frames: tuple[str, ...]


@record
class Deadlock:
    """A circle; the last step's owner is the first one's thread."""

    steps: tuple[DeadlockStep, ...]


@record
class LockReport:
    """All of it; locks that nobody has and nobody waits for are left out."""

    runtime: str
    locks: tuple[LockRow, ...]
    waits: tuple[WaitRow, ...]
    deadlocks: tuple[Deadlock, ...]
    starvation: Starvation | None
    problems: tuple[Problem, ...]


def waits_of(runtime: ClrRuntime) -> Waits:
    """Return what the threads of a runtime wait for; raises ``UnsupportedRuntime`` for NativeAOT."""
    if runtime.kind is RuntimeKind.NATIVE_AOT:
        raise UnsupportedRuntime(runtime.version, "how NativeAOT keeps its locks")
    return Waits(runtime)


def lock_report(runtime: ClrRuntime, progress: Progress | None = None, waits: Waits | None = None) -> LockReport:
    """Return the locks of a runtime, what its threads wait for, deadlocks, and whether its pool starves.

    Raises ``UnsupportedRuntime`` for NativeAOT.
    """
    waits = waits or waits_of(runtime)
    census = count_locks(runtime, tasks=any(wait.kind is WaitKind.TASK for wait in waits.threads), progress=progress)
    finder = LockOwners(runtime, waits, census)
    rows = tuple(_wait_row(finder, wait) for wait in waits.threads if wait.kind in LOCK_KINDS)
    locks = tuple(_lock_rows(finder, rows))
    problems = (*runtime.heap.problems, *runtime.thread_list.problems, *waits.monitors.problems, *finder.problems)
    return LockReport(
        runtime=runtime.name,
        locks=locks,
        waits=rows,
        deadlocks=tuple(_deadlocks(rows)),
        starvation=find_starvation(waits.threads, census),
        problems=problems,
    )


def _wait_row(finder: LockOwners, wait: ThreadWait) -> WaitRow:
    found = finder.awaited(wait)
    return WaitRow(
        thread=thread_ref(wait.thread),
        kind=str(wait.kind),
        text=wait.words,
        lock=f"{found.address:#x}" if found.address else None,
        lock_type=found.type or None,
        owners=found.owners,
        timeout=wait.timeout,
        frames=wait.methods[:FRAMES_SHOWN],
    )


def _lock_rows(finder: LockOwners, waits: Sequence[WaitRow]) -> Iterator[LockRow]:
    waiters: dict[str, list[ThreadRef]] = {}
    for wait in waits:
        if wait.lock is not None:
            waiters.setdefault(wait.lock, []).append(wait.thread)
    for monitor in finder.monitors:
        if monitor.is_held or monitor.waiters:
            address, owners = f"{monitor.object:#x}", finder.owners_of_monitor(monitor)
            state = finder.abandoned(owners, named=bool(monitor.owner or monitor.owner_id))
            yield LockRow(
                address, str(WaitKind.MONITOR), finder.type_name(monitor.object), monitor.is_held,
                owners, monitor.recursion, monitor.waiters, tuple(waiters.get(address, ())), state,
                sync_block=monitor.index, owner_frames=finder.frames_of(owners),
            )  # fmt: skip
    for found, thin in finder.census.thin:
        address, owners = f"{found.address:#x}", finder.by_managed_id([thin.owner])
        yield LockRow(
            address,
            THIN,
            found.type.name,
            is_taken=True,
            owners=owners,
            recursion=thin.recursion + 1,
            waiting=0,
            waiters=tuple(waiters.get(address, ())),
            state=finder.abandoned(owners),
            owner_frames=finder.frames_of(owners),
        )
    yield from _object_rows(finder, waiters)


def _object_rows(finder: LockOwners, waiters: dict[str, list[ThreadRef]]) -> Iterator[LockRow]:
    for found, kind in finder.census.locks.values():
        state = finder.state_of(found, kind)
        known = tuple(waiters.get(f"{found.address:#x}", ()))
        if finder.census.outer(found.address) is not None or found.type.name.endswith(_OF_A_TASK):
            continue
        is_event = kind in (WaitKind.EVENT, WaitKind.COUNTDOWN, WaitKind.BARRIER)
        if state is None or not (known or state.waiters or (state.is_taken and not is_event)):
            continue
        owners = finder.owners_of_object(found, kind)
        yield LockRow(
            f"{found.address:#x}", str(kind), found.type.name, state.is_taken, owners, state.recursion, state.waiters,
            known, state.text, owner_frames=finder.frames_of(owners),
        )  # fmt: skip


def _deadlocks(waits: Sequence[WaitRow]) -> Iterator[Deadlock]:
    by_thread = {wait.thread: wait for wait in waits}
    edges = {thread: [owner for owner in wait.owners if owner in by_thread] for thread, wait in by_thread.items()}
    for cycle in find_cycles(edges):
        steps = []
        for thread, owner in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            wait = by_thread[thread]
            steps.append(DeadlockStep(thread, wait.kind, wait.lock, wait.lock_type, owner, wait.timeout, wait.frames))
        yield Deadlock(tuple(steps))
