"""``ProcessIdentity``: one process, held from first step to last, so that a reused pid is never taken for it.

A pid is a number that the kernel gives away again. A pidfd and an open /proc/PID are not: both stay tied to the
process they were opened on. Where the kernel (before 5.3) or a seccomp filter gives no pidfd, the directory alone
does it. Source of truth: pidfd_open(2).
"""

from __future__ import annotations

import os
import select
import time
from errno import EINVAL, ENOENT, ENOSYS, EPERM

from dotdump.closing import Closing
from dotdump.errors import DotdumpError, NotFound, ProcessGone
from dotdump.linux.errors import explain
from dotdump.linux.proc import ROOT, Proc, read_file
from dotdump.linux.process_stat import ProcessStat, parse_stat

_LAST_PID = (1 << 31) - 1
_STEP_SECONDS = 0.02


class ProcessIdentity(Closing):
    """A process that cannot be mistaken for another. A context manager; ``close`` gives up the descriptors.

    ``start_time`` is in clock ticks since boot; ``pidfd`` is None where the kernel gives none.
    """

    __slots__ = ("directory", "pid", "pidfd", "start_time")

    def __init__(self, pid: int, start_time: int, directory: int, pidfd: int | None) -> None:
        self.pid = pid
        self.start_time = start_time
        self.directory = directory
        self.pidfd = pidfd

    @classmethod
    def open(cls, pid: int, root: str = ROOT) -> ProcessIdentity:
        """Hold process ``pid``; raises ``ProcessGone``, or ``NotFound`` where the number is that of a thread."""
        if not 0 < pid <= _LAST_PID:
            raise NotFound(f"{pid} is not the number of a process")
        pidfd = _open_pidfd(pid, root)
        directory = -1
        try:
            directory = os.open(f"{root}/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            identity = cls(pid, _stat(directory, pid).start_time, directory, pidfd)
            identity.check()
        except BaseException as error:
            _close(directory, pidfd)
            if isinstance(error, OSError) and not isinstance(error, DotdumpError):
                raise explain(error, pid, f"find process {pid}") from error
            raise
        return identity

    def check(self) -> None:
        """Return where the process still runs (or is stopped); raises ``ProcessGone`` where it has ended."""
        if self.poll():
            raise ProcessGone(f"process {self.pid} has ended")

    def poll(self, seconds: float = 0.0) -> bool:
        """Return whether the process has ended, waiting up to ``seconds`` for it; a zombie has ended."""
        if self.pidfd is not None:
            watch = select.poll()
            watch.register(self.pidfd, select.POLLIN)
            return bool(watch.poll(seconds * 1000))
        deadline = time.monotonic() + seconds
        while not self._ended():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(left, _STEP_SECONDS))
        return True

    def close(self) -> None:
        """Give up the descriptors; harmless when called twice."""
        directory, pidfd = self.directory, self.pidfd
        self.directory, self.pidfd = -1, None
        _close(directory, pidfd)

    def _ended(self) -> bool:
        """Whether no thread lives any more: a leader that ends before the others is a zombie until they have."""
        try:
            stat = _stat(self.directory, self.pid)
        except ProcessGone:
            return True
        return stat.has_ended and stat.threads < 2


def _stat(directory: int, pid: int) -> ProcessStat:
    try:
        return parse_stat(read_file("stat", directory=directory), f"/proc/{pid}/stat")
    except OSError as error:
        raise explain(error, pid, f"find process {pid}") from error


def _open_pidfd(pid: int, root: str) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno in (ENOSYS, EPERM):
            return None
        if error.errno in (EINVAL, ENOENT):
            _refuse_thread(pid, root)
        raise explain(error, pid, f"find process {pid}") from error


def _refuse_thread(tid: int, root: str) -> None:
    group = Proc(tid, root).status().group
    if group != tid:
        raise NotFound(f"{tid} is a thread of process {group}, not a process", hint=f"use -p {group}")


def _close(directory: int, pidfd: int | None) -> None:
    if directory >= 0:
        os.close(directory)
    if pidfd is not None:
        os.close(pidfd)
