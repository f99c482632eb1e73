"""``Stop``: what a traced thread stopped for, as wait(2) tells it, and waiting for that.

Source of truth: ptrace(2), "Stopped states"; waitid(2).
"""

from __future__ import annotations

import os
import signal
import time
from enum import IntEnum

from dotdump.errors import ProcessGone
from dotdump.linux.proc import Proc
from dotdump.records import record

WALL = 0x40000000
"""``__WALL`` of wait(2): children of every kind, those without an exit signal as well."""
SYSCALL_STOP = signal.SIGTRAP | 0x80

_POLL_SECONDS = 0.0001
_POLLS = 32
"""A wait is this often as long as the time between two looks, once that is longer than ``_POLL_SECONDS``."""


class Event(IntEnum):
    """What a ptrace-stop is about; 0 where the signal says all."""

    NONE = 0
    FORK = 1
    VFORK = 2
    CLONE = 3
    STOP = 128


@record
class Stop:
    """A ptrace-stop: the signal, and the event in the third byte of the wait status."""

    signal: int
    event: int

    @property
    def is_group_or_interrupt(self) -> bool:
        """An EVENT_STOP: by INTERRUPT, by a group-stop, or at birth. The only one that restarts system calls well."""
        return self.event == Event.STOP

    @property
    def is_syscall(self) -> bool:
        """A syscall-entry-stop or syscall-exit-stop (with TRACESYSGOOD)."""
        return self.event == Event.NONE and self.signal == SYSCALL_STOP

    @property
    def delivers(self) -> int:
        """The signal of a signal-delivery-stop, which must be handed back, else 0."""
        return 0 if self.event or self.signal == SYSCALL_STOP else self.signal


def wait_for_stop(tid: int, seconds: float) -> Stop | None:
    """Return the next ptrace-stop of ``tid``, or None after ``seconds``; ``ProcessGone`` where it ended instead."""
    begun = time.monotonic()
    while True:
        stop = poll_stop(tid)
        waited = time.monotonic() - begun
        if stop is not None or waited >= seconds:
            return stop
        time.sleep(max(_POLL_SECONDS, waited / _POLLS))


def poll_stop(tid: int) -> Stop | None:
    """Return the ptrace-stop that ``tid`` is in, or None; ``ProcessGone`` where it ended.

    A signal-delivery-stop is looked at, not taken: the kernel forgets the signal of one that has been taken, and
    would not deliver it should we die before we hand it back.
    """
    try:
        found = _peek(tid)
        if found is None:
            return None
        if found.si_code in (os.CLD_TRAPPED, os.CLD_STOPPED):
            stop = Stop(found.si_status & 0xFF, found.si_status >> 8)
            if not stop.delivers:
                _take(tid)
            return stop
        if not _is_own_child(tid):
            _take(tid)
    except ChildProcessError:
        raise ProcessGone(f"thread {tid} is not traced by us any more") from None
    raise ProcessGone(f"thread {tid} has ended")


def _peek(tid: int) -> os.waitid_result | None:
    return os.waitid(os.P_PID, tid, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT | WALL)


def _take(tid: int) -> None:
    os.waitpid(tid, WALL | os.WNOHANG)


def _is_own_child(tid: int) -> bool:
    """Whether the end of ``tid`` is for somebody else here to wait for, such as ``subprocess``."""
    try:
        status = Proc(tid).status()
    except ProcessGone:
        return False
    return status.group == tid and status.parent == os.getpid()
