"""Locks that the library makes of objects: what their fields say of who has them and how many wait.

Fields are found by the names they have had since 3.1; what does not look as expected is told and left out.
Source of truth: Lock.cs (9 and 10), ReaderWriterLockSlim.cs, SemaphoreSlim.cs, ManualResetEventSlim.cs of
System.Private.CoreLib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.wait_rules import WaitKind
from dotdump.clr.model.object import ClrObject
from dotdump.errors import FormatError
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = {
    "System.Threading.Lock": WaitKind.LOCK,
    "System.Threading.ReaderWriterLockSlim": WaitKind.READER_WRITER_LOCK,
    "System.Threading.SemaphoreSlim": WaitKind.SEMAPHORE,
    "System.Threading.ManualResetEventSlim": WaitKind.EVENT,
    "System.Threading.CountdownEvent": WaitKind.COUNTDOWN,
    "System.Threading.Barrier": WaitKind.BARRIER,
}
"""Types of the library that threads wait for, derived ones too."""

INNER_LOCKS = {
    WaitKind.SEMAPHORE: ("m_lockObjAndDisposed", "m_lockObj"),
    WaitKind.EVENT: ("m_lock",),
    WaitKind.COUNTDOWN: ("_event",),
    WaitKind.BARRIER: ("_oddEvent", "_evenEvent"),
}
"""What a thread that waits for such an object waits for inside of it: an object in ``Monitor.Wait``, or an event."""

_LOCKED = 1
_WAITERS_SHIFT = 7
"""Of ``Lock._state``, as seen in 9.0.22 and 10.0.14."""

_OWNED_BY_SYSTEM_ID = (9, 10)
"""Versions in which a ``Lock`` names its owner by the system's id of the thread."""

_WRITER = 0x80000000
_READERS = 0x0FFFFFFF
_SIGNALLED = 0x80000000
_EVENT_WAITERS = 0x7FFFF
_NOBODY = -1


@record
class LockState:
    """What a lock says of itself: the managed ids of ``owners``, and how many ``waiters``; ``text`` says more in words.

    ``os_owner`` is its owner's id of the system, 0 where it names none so. ``is_taken`` is whether somebody who comes
    now has to wait; ``recursion`` how often its owner has entered it; ``is_upgrading`` whether the one reader that may
    write waits for the others to leave.
    """

    is_taken: bool
    owners: tuple[int, ...]
    waiters: int
    recursion: int = 0
    text: str = ""
    os_owner: int = 0
    is_upgrading: bool = False


def kind_of(found: ClrObject) -> WaitKind | None:
    """Return which of these locks an object is, None for any other."""
    return next((KINDS[kind.name] for kind in found.type.hierarchy if kind.name in KINDS), None)


def read_lock(found: ClrObject, kind: WaitKind) -> LockState:
    """Return what a lock says; raises ``FormatError``, ``FieldNotFound``, ``MemoryFault`` where it is damaged."""
    return _READERS_OF[kind](found)


def _lock(found: ClrObject) -> LockState:
    state, owner = _number(found, "_state"), _number(found, "_owningThreadId")
    held = bool(state & _LOCKED)
    by_system = found.heap.access.major in _OWNED_BY_SYSTEM_ID
    owners = (owner,) if held and owner and not by_system else ()
    recursion = _number(found, "_recursionCount") + held
    os_owner = owner if held and by_system else 0
    return LockState(held, owners, state >> _WAITERS_SHIFT, recursion, os_owner=os_owner)


def _reader_writer(found: ClrObject) -> LockState:
    bits = _number(found, "_owners")
    writer, upgrader = _number(found, "_writeLockOwnerId"), _number(found, "_upgradeLockOwnerId")
    readers = 0 if bits & _WRITER else bits & _READERS
    waiting = [_number(found, f"_num{who}Waiters") for who in ("Write", "Read", "Upgrade", "WriteUpgrade")]
    owners = tuple(dict.fromkeys(owner for owner in (writer, upgrader) if owner not in (_NOBODY, 0)))
    parts = [
        "a writer is in" if bits & _WRITER else "",
        f"{readers} {'reader is' if readers == 1 else 'readers are'} in" if readers else "",
        "an upgradeable reader is in" if upgrader not in (_NOBODY, 0) else "",
    ]
    waits = [
        f"{count} to {what}"
        for count, what in zip(waiting, ("write", "read", "upgrade", "go on from there"), strict=True)
        if count
    ]
    text = ", ".join(filter(None, [*parts, f"waiting: {', '.join(waits)}" if waits else ""]))
    is_taken = bool(bits & _WRITER) or readers > 0
    return LockState(is_taken, owners, sum(waiting), 0, text, is_upgrading=waiting[-1] > 0)


def _semaphore(found: ClrObject) -> LockState:
    count, most = _number(found, "m_currentCount"), _number(found, "m_maxCount")
    limit = "" if most == (1 << 31) - 1 else f" of {most}"
    queued = "" if found["m_asyncHead"] is None else ", tasks wait for it"
    return LockState(count == 0, (), _number(found, "m_waitCount"), 0, f"count {count}{limit}{queued}")


def _event(found: ClrObject) -> LockState:
    state = _number(found, "m_combinedState") & 0xFFFFFFFF
    is_set = bool(state & _SIGNALLED)
    return LockState(not is_set, (), state & _EVENT_WAITERS, 0, "set" if is_set else "not set")


def _countdown(found: ClrObject) -> LockState:
    count = _number(found, "_currentCount")
    return LockState(
        count > 0, (), _inner_waiters(found, "_event"), 0, f"{count} of {_number(found, '_initialCount')} to go"
    )


def _barrier(found: ClrObject) -> LockState:
    count = _number(found, "_currentTotalCount")
    parties, arrived = count & 0x7FFF, count >> 16 & 0x7FFF
    waiters = _inner_waiters(found, "_oddEvent") + _inner_waiters(found, "_evenEvent")
    return LockState(arrived < parties, (), waiters, 0, f"{arrived} of {parties} have arrived")


def _inner_waiters(found: ClrObject, name: str) -> int:
    event = found[name]
    return _event(event).waiters if isinstance(event, ClrObject) else 0


def _number(found: ClrObject, name: str) -> int:
    value = found[name]
    if not isinstance(value, int):
        raise FormatError(f"{name} is {value!r}", source=f"{found.type.name} at {found.address:#x}")
    return value


_READERS_OF: dict[WaitKind, Callable[[ClrObject], LockState]] = {
    WaitKind.LOCK: _lock,
    WaitKind.READER_WRITER_LOCK: _reader_writer,
    WaitKind.SEMAPHORE: _semaphore,
    WaitKind.EVENT: _event,
    WaitKind.COUNTDOWN: _countdown,
    WaitKind.BARRIER: _barrier,
}
