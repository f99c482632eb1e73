"""Who has a lock, and which lock a thread waits for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.analysis.lock_objects import KINDS, LockState, read_lock
from dotdump.analysis.wait_rules import WaitKind
from dotdump.clr.model.object import ClrObject
from dotdump.errors import UNREADABLE
from dotdump.records import record
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dotdump.analysis.lock_census import LockCensus
    from dotdump.analysis.waits import ThreadWait, Waits
    from dotdump.clr.contracts.monitors import Monitor
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.thread import ClrThread

_READERS_OF_THREAD = "t_rwc"
_ABANDONED = "its owner has ended"
FRAMES_SHOWN = 6
"""How many frames of a thread a row has."""


@record
class ThreadRef:
    """A thread by its ids and its name."""

    os_id: int
    managed_id: int | None
    name: str


def thread_ref(thread: ClrThread) -> ThreadRef:
    """Return what a thread is called."""
    return ThreadRef(thread.os_id, thread.managed_id, thread.name)


@record
class Awaited:
    """What a thread waits for: the object at ``address``, 0 where it is not known, and who has it."""

    address: int = 0
    type: str = ""
    owners: tuple[ThreadRef, ...] = ()


class LockOwners:
    """Finds owners among the threads of a runtime; ``problems`` says what of a lock could not be read."""

    def __init__(self, runtime: ClrRuntime, waits: Waits, census: LockCensus) -> None:
        self._runtime = runtime
        self._waits = waits
        self.census = census
        self._threads = {thread.address: thread for thread in runtime.threads}
        self._by_id = {thread.managed_id: thread for thread in runtime.threads if thread.is_alive}
        self._by_os_id = {thread.os_id: thread for thread in runtime.threads if thread.is_alive}
        self._states: dict[int, LockState | None] = {}
        self._ids: dict[int, int] = {}
        self.problems: list[Problem] = []

    @property
    def monitors(self) -> Iterable[Monitor]:
        """The monitors that are in the table of sync blocks."""
        return self._waits.by_address.values()

    def awaited(self, wait: ThreadWait) -> Awaited:
        """Return what a thread waits for, and who has it."""
        monitor = self._waits.by_address.get(wait.monitor)
        if monitor is not None and wait.kind is WaitKind.MONITOR:
            return Awaited(monitor.object, self.type_name(monitor.object), self.owners_of_monitor(monitor))
        if wait.kind is WaitKind.TASK:
            return self._task(wait)
        if wait.kind is WaitKind.JOIN:
            return self._joined(wait)
        outer = self.census.outer(monitor.object) if monitor is not None else None
        if outer is not None:
            return Awaited(outer[0].address, outer[0].type.name, self.owners_of_object(*outer))
        if monitor is not None:
            return Awaited(monitor.object, self.type_name(monitor.object))
        return self._on_stack(wait)

    def owners_of_monitor(self, monitor: Monitor) -> tuple[ThreadRef, ...]:
        """Return the thread that has entered a monitor, as a tuple of one or none."""
        owner = self._threads.get(monitor.owner) if monitor.owner else self._by_id.get(monitor.owner_id or None)
        return (thread_ref(owner),) if owner is not None else ()

    def abandoned(self, owners: Sequence[ThreadRef], *, named: bool = True) -> str:
        """Return words for a lock whose owner is ``named`` and none of ``owners`` lives; else no words."""
        return _ABANDONED if named and not any(owner.os_id in self._by_os_id for owner in owners) else ""

    def owners_of_object(self, found: ClrObject, kind: WaitKind) -> tuple[ThreadRef, ...]:
        """Return the threads that have a lock which is an object, readers too."""
        state = self.state_of(found, kind)
        if state is None:
            return ()
        readers = self._readers.get(self._id_of(found), ()) if kind is WaitKind.READER_WRITER_LOCK else ()
        named = self._by_os_id.get(state.os_owner)
        owners = (thread_ref(named),) if named is not None else self.by_managed_id(state.owners)
        return tuple(dict.fromkeys([*owners, *readers]))

    def by_managed_id(self, ids: Iterable[int]) -> tuple[ThreadRef, ...]:
        """Return the threads that live with these managed ids."""
        return tuple(thread_ref(self._by_id[each]) for each in ids if each in self._by_id)

    def frames_of(self, owners: Sequence[ThreadRef]) -> tuple[str, ...]:
        """Return the methods on top of the stack of the first of ``owners``."""
        wait = self._waits_of.get(owners[0]) if owners else None
        return wait.methods[:FRAMES_SHOWN] if wait is not None else ()

    @cached_property
    def _waits_of(self) -> dict[ThreadRef, ThreadWait]:
        return {thread_ref(wait.thread): wait for wait in self._waits.threads}

    def state_of(self, found: ClrObject, kind: WaitKind) -> LockState | None:
        """Return what a lock says of itself, None where it cannot be read."""
        if found.address not in self._states:
            try:
                self._states[found.address] = read_lock(found, kind)
            except UNREADABLE as error:
                self._states[found.address] = None
                self._report(found, error)
        return self._states[found.address]

    def _report(self, found: ClrObject, error: Exception) -> None:
        self.problems.append(Problem("locks", f"the {found.type.name} at {found.address:#x}: {error}"))

    def type_name(self, address: int) -> str:
        """Return the name of the type of the object at an address; empty where none is there."""
        try:
            return self._runtime.heap.object(address).type.name
        except UNREADABLE:
            return ""

    def _on_stack(self, wait: ThreadWait) -> Awaited:
        """Return the one lock of its kind that a thread's frames refer to, and that others have taken.

        Its own lock is none, but one in which it reads and waits to write.
        """
        if wait.kind is None:
            return Awaited()
        me = thread_ref(wait.thread)
        candidates = self.census.of_kind(wait.kind)
        found = []
        for address in self._waits.objects_on_stack(wait, candidates):
            lock = candidates[address]
            owners, state = self.owners_of_object(lock, wait.kind), self.state_of(lock, wait.kind)
            if state is not None and (state.is_taken or state.waiters) and (me not in owners or state.is_upgrading):
                found.append((lock, tuple(owner for owner in owners if owner != me)))
        if len(found) != 1:
            return Awaited()
        lock, others = found[0]
        return Awaited(lock.address, lock.type.name, others)

    def _task(self, wait: ThreadWait) -> Awaited:
        found = self._waits.objects_on_stack(wait, self.census.tasks)
        return Awaited(found[0], self.census.tasks[found[0]].type.name) if found else Awaited()

    def _joined(self, wait: ThreadWait) -> Awaited:
        others = {
            thread.record.object: thread
            for thread in self._runtime.threads
            if thread.is_alive and thread.record.object and thread is not wait.thread
        }
        found = self._waits.objects_on_stack(wait, others)
        if len(found) != 1:
            return Awaited()
        return Awaited(found[0], self.type_name(found[0]), (thread_ref(others[found[0]]),))

    def _id_of(self, found: ClrObject) -> int:
        """Return the number that a ReaderWriterLockSlim gave itself, 0 where it cannot be read."""
        if found.address not in self._ids:
            try:
                self._ids[found.address] = _lock_id(found)
            except UNREADABLE as error:
                self._ids[found.address] = 0
                self._report(found, error)
        return self._ids[found.address]

    @cached_property
    def _readers(self) -> dict[int, Sequence[ThreadRef]]:
        """Which threads read under which ReaderWriterLockSlim, by the number that the lock gave itself."""
        locks = self.census.of_kind(WaitKind.READER_WRITER_LOCK)
        kinds = {kind for found in locks.values() for kind in found.type.hierarchy}
        tables = {kind.method_table for kind in kinds if KINDS.get(kind.name) is WaitKind.READER_WRITER_LOCK}
        readers: dict[int, list[ThreadRef]] = {}
        for static in self._runtime.static_finder.of_types(tables):
            if static.field.name == _READERS_OF_THREAD and static.thread is not None:
                for lock in _counts(static.value):
                    readers.setdefault(lock, []).append(thread_ref(static.thread))
        return {lock: tuple(dict.fromkeys(found)) for lock, found in readers.items()}


def _counts(value: object) -> Iterable[int]:
    """Yield the number of each lock that a chain of ``ReaderWriterCount`` counts a reader of."""
    for _ in range(limits.READER_COUNTS):
        if not isinstance(value, ClrObject):
            return
        try:
            lock, count, following = value["lockID"], value["readercount"], value["next"]
        except UNREADABLE:
            return
        if isinstance(lock, int) and isinstance(count, int) and lock and count > 0:
            yield lock
        value = following


def _lock_id(found: ClrObject) -> int:
    for name in ("_lockID", "lockID"):
        if found.type.find_field(name) is not None:
            value = found[name]
            return value if isinstance(value, int) else 0
    return 0
