"""Which thread a process died on, and of which signal.

A core says so, but for those of a runtime before 6: its createdump writes SIGABRT into every core, also of a process
that was well, and one that stands in for it is told of no signal. The thread that died is known by what it was doing:
it had started createdump, and waited for it.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from dotdump.clr.runtime_version import major_of
from dotdump.errors import DotdumpError
from dotdump.records import record
from dotdump.target.core_threads import waits_for_child

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.formats.core_notes import Siginfo
    from dotdump.target.core import CoreTarget
    from dotdump.target.model import Thread

_SILENT = range(1, 6)
"""Versions whose createdump is told of no signal; one that is not known is believed."""
_SYSTEM_CALL, _RESULT, _FIRST_ARGUMENT = "orig_rax", "rax", "rdi"
"""Where x86-64 has the number of the system call that a thread is in or comes from, and what goes with it."""
_PRCTL, _FORKS = 157, (56, 57, 58)
_SET_PTRACER = 0x59616D61


@record
class Death:
    """Where a process died: ``thread`` is None in a core without threads, ``signo`` 0 where it did not die.

    ``signal`` is what the core tells of it; None where it tells nothing, or what means nothing.
    """

    thread: Thread | None
    signal: Siginfo | None
    signo: int


def death_of(target: CoreTarget, versions: Iterable[str]) -> Death:
    """Return where the process of a core died whose runtimes have these ``versions``; they are read only if need be."""
    if _means_nothing(target) and any(major_of(version) in _SILENT for version in versions):
        from dotdump.clr.model.runtime import ClrRuntime

        with suppress(DotdumpError):
            return find_death(target, ClrRuntime.of(target))
    return _as_told(target)


def find_death(target: CoreTarget, runtime: ClrRuntime) -> Death:
    """Return where the process of a core died."""
    if not _means_nothing(target) or runtime.access.major not in _SILENT:
        return _as_told(target)
    asking = _asking_thread(target, runtime)
    if asking is None:
        return Death(target.threads[0] if target.threads else None, None, 0)
    return Death(asking, target.signal, signal.SIGABRT)


def _as_told(target: CoreTarget) -> Death:
    told, first = target.signal, target.threads[0] if target.threads else None
    return Death(first, told, told.signo if told is not None else 0)


def _means_nothing(target: CoreTarget) -> bool:
    """Return whether a dump of ours has no signal, or a core one that came from nowhere: the kernel says whence."""
    told = target.signal
    if told is None:
        return target.origin is not None
    return told.signo == signal.SIGABRT and not told.code and told.pid is None


def _asking_thread(target: CoreTarget, runtime: ClrRuntime) -> Thread | None:
    """Return the thread of the program that had createdump started: where a client asked, one of the runtime has."""
    managed = {thread.os_id for thread in runtime.threads}
    tids = {thread.tid for thread in target.threads}
    return next((thread for thread in target.threads if thread.tid in managed and _has_a_child(thread, tids)), None)


def _has_a_child(thread: Thread, tids: set[int]) -> bool:
    """Return whether a thread has just forked, names its child as a tracer, or waits for it."""
    call, registers = thread.registers.get(_SYSTEM_CALL), thread.registers
    if call in _FORKS:
        return 0 < registers.get(_RESULT, 0) < 1 << 31 and registers[_RESULT] not in tids
    return waits_for_child(thread) or (call == _PRCTL and registers.get(_FIRST_ARGUMENT) == _SET_PTRACER)
