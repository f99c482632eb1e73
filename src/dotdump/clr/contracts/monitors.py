"""Monitors: locks that threads have contended for, and which thread waits for which.

The runtime has a table of sync blocks, an entry for each object that needs one; in it is the object's monitor. Of a
thread that waits the runtime notes the monitor, whether it waits to enter or in ``Monitor.Wait``, and for how long.

Source of truth: syncblk.h (``AwareLock::LockState`` has the same bits from 3.1 to 10), threaddebugblockinginfo.h;
docs/design/datacontracts/SyncBlock.md, whose fields no descriptor up to 10 has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.object_headers import ObjectHeaders
from dotdump.clr.contracts.sync_table import SyncTable
from dotdump.clr.data.locks import AwareLock, BlockedThread, DebugBlockingItem
from dotdump.errors import MemoryFault
from dotdump.records import record
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.sync_table import SyncEntry
    from dotdump.clr.data_access import DataAccess

_LOCKED = 1
_WAITERS_SHIFT = 6
_FOR_EVER = 0xFFFFFFFF
_WAIT = 1


@record
class Monitor:
    """The monitor at ``address`` of an object; ``index`` is that of its sync block.

    Its owner is named by ``owner``, its Thread, or by ``owner_id``, its managed id; the other is 0, both where nobody
    owns it. ``recursion`` is how often that has entered it, ``waiters`` how many threads want to.
    """

    index: int
    object: int
    address: int
    is_held: bool
    owner: int
    owner_id: int
    recursion: int
    waiters: int


@record
class Blocked:
    """What a thread waits for: the monitor at ``address``, to enter it or in ``Monitor.Wait``.

    ``timeout`` is in milliseconds, None for ever.
    """

    address: int
    is_wait: bool
    timeout: int | None


class Monitors:
    """The monitors of one runtime; ``problems`` says what of their table could not be read."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self._headers = ObjectHeaders(access)
        self._by_thread = access.has("AwareLock", "HoldingThread")
        self.problems: list[Problem] = []

    def __iter__(self) -> Iterator[Monitor]:
        """Yield each monitor that is in the table, held or not."""
        try:
            table = SyncTable(self._access, self._headers)
        except MemoryFault as fault:
            self.problems.append(Problem("locks", f"the table of sync blocks: {fault}"))
            return
        if not table.address:
            self.problems.append(Problem("locks", "the table of sync blocks was not found, or none of it is in use"))
        for entry in table.in_use():
            try:
                yield self._monitor(entry)
            except MemoryFault as fault:
                self.problems.append(Problem("locks", f"the sync block {entry.index}: {fault}"))

    def blocked(self, thread: int) -> tuple[Blocked, ...]:
        """Return what the thread whose Thread is at ``thread`` waits for, the newest first."""
        access = self._access
        found: list[Blocked] = []
        try:
            item = BlockedThread(access, thread).blocking
            while item and len(found) < limits.BLOCKING_ITEMS:
                one = DebugBlockingItem(access, item)
                timeout = one.timeout
                found.append(Blocked(one.monitor, one.type == _WAIT, None if timeout == _FOR_EVER else timeout))
                item = one.next
        except MemoryFault as fault:
            self.problems.append(Problem("locks", f"what the Thread at {thread:#x} waits for: {fault}"))
        return tuple(found)

    def _monitor(self, entry: SyncEntry) -> Monitor:
        address = entry.block + self._access.offset("SyncBlock", "Monitor")
        lock = AwareLock(self._access, address)
        state = lock.state
        held = bool(state & _LOCKED)
        return Monitor(
            index=entry.index,
            object=entry.object,
            address=address,
            is_held=held,
            owner=lock.thread if held and self._by_thread else 0,
            owner_id=lock.thread_id if held and not self._by_thread else 0,
            recursion=lock.recursion,
            waiters=state >> _WAITERS_SHIFT,
        )
