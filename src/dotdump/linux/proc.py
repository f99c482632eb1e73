"""``Proc``: the files of one /proc/PID (or /proc/PID/task/TID), read whole, bounded, and parsed.

Only reads. Every method raises ``ProcessGone`` or ``AccessDenied`` where the kernel does not give the file, and
``FormatError`` where the text is not what it should be; each is one look, so two calls may see two states.
Parsers are imported by the method that needs them: ``ps`` reads little and must start fast.
"""

from __future__ import annotations

import os

from dotdump import limits
from dotdump.errors import DotdumpError, FormatError, LimitExceeded, ProcessGone
from dotdump.linux.errors import explain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dotdump.linux.cgroup import CgroupMembership
    from dotdump.linux.maps import MapsMemo
    from dotdump.linux.mounts import Mount
    from dotdump.linux.process_stat import ProcessStat
    from dotdump.linux.smaps import MemoryUse
    from dotdump.linux.status import Status
    from dotdump.memory.region_table import RegionTable

ROOT = "/proc"
_CHUNK = 1 << 16
_SLICE = 3 << 10
"""Bytes that leave room for one more entry in the page that the kernel fills for each read of a file of regions."""


class Proc:
    """The directory of a process, ``Proc(4711)``, or of a thread, ``Proc(4711).task(4712)``; holds nothing open."""

    __slots__ = ("directory", "pid")

    def __init__(self, pid: int, root: str = ROOT) -> None:
        self.pid = pid
        self.directory = f"{root}/{pid}"

    def task(self, tid: int) -> Proc:
        """Return the same view of one thread."""
        thread = Proc(self.pid)
        thread.directory = f"{self.directory}/task/{tid}"
        return thread

    def living(self) -> Proc:
        """Return the process by a thread that lives: a leader that has ended shows no memory, files or environment.

        Itself where its leader lives, or no thread does.
        """
        root = self.directory.rpartition("/")[0]
        if not self.stat().has_ended:
            return self
        return next((Proc(tid, root) for tid in self.tasks() if not self._has_ended(tid)), self)

    def status(self) -> Status:
        """Return the kernel's summary: ids, capabilities, namespaces, tracer."""
        from dotdump.linux.status import parse_status

        return parse_status(self.read("status"), f"{self.directory}/status")

    def stat(self) -> ProcessStat:
        """Return the line of numbers: state, threads, start time, sizes."""
        from dotdump.linux.process_stat import parse_stat

        return parse_stat(self.read("stat"), f"{self.directory}/stat")

    def maps(self, memo: MapsMemo | None = None) -> RegionTable:
        """Return the regions of the address space, by address; ``memo`` knows the text that was read before."""
        from dotdump.linux.maps import MapsMemo

        path = f"{self.directory}/maps"
        return (memo or MapsMemo()).parse(self._pieces(path, limits.PROC_FILE), path)

    def memory_use(self) -> MemoryUse:
        """Return what is resident, and VmFlags of all regions; slow: the kernel walks every page table."""
        from dotdump.linux.smaps import parse_smaps

        path = f"{self.directory}/smaps"
        return parse_smaps(self._pieces(path, limits.SMAPS_FILE), path)

    def pages(self) -> int:
        """Return the size of the address space in pages."""
        from dotdump.linux.text import decimal

        return decimal(self.read("statm").split(b" ", 1)[0], f"{self.directory}/statm")

    def environment(self) -> Mapping[str, str]:
        """Return the environment the program was started with."""
        from dotdump.linux.strings import parse_environment

        return parse_environment(self.read("environ"))

    def command_line(self) -> tuple[str, ...]:
        """Return the arguments; empty for a kernel thread or a zombie."""
        from dotdump.linux.strings import parse_command_line

        return parse_command_line(self.read("cmdline"))

    def cgroups(self) -> tuple[CgroupMembership, ...]:
        """Return the control groups."""
        from dotdump.linux.cgroup import parse_cgroup

        return parse_cgroup(self.read("cgroup"), f"{self.directory}/cgroup")

    def limits(self) -> Mapping[str, tuple[int | None, int | None]]:
        """Return soft and hard resource limits by the kernel's name."""
        from dotdump.linux.rlimits import parse_limits

        return parse_limits(self.read("limits"), f"{self.directory}/limits")

    def free_descriptors(self) -> int | None:
        """Return how many more files it may open, below 0 where its limit was lowered; None where it does not show."""
        from dotdump.linux.rlimits import OPEN_FILES

        directory = f"{self.directory}/fd"
        try:
            limit, _ = self.limits().get(OPEN_FILES, (None, None))
            count = os.stat(directory).st_size or len(os.listdir(directory))  # a count since Linux 6.2, else 0
        except (OSError, DotdumpError):
            return None
        return None if limit is None else limit - count

    def mounts(self) -> list[Mount]:
        """Return the mounts that the process sees."""
        from dotdump.linux.mounts import parse_mountinfo

        return parse_mountinfo(self.read("mountinfo"), f"{self.directory}/mountinfo")

    def tasks(self) -> list[int]:
        """Return the ids of the threads that exist at this moment, ascending."""
        try:
            return sorted(int(name) for name in os.listdir(f"{self.directory}/task") if name.isdecimal())
        except OSError as error:
            raise explain(error, self.pid, "list its threads") from error

    def children(self) -> list[int]:
        """Return the children of all threads, dead ones included; empty for a kernel that does not list them."""
        found: list[int] = []
        for tid in self.tasks():
            path = f"{self.directory}/task/{tid}/children"
            try:
                words = read_file(path).split()
            except OSError:
                continue
            if not all(word.isdigit() for word in words):
                raise FormatError(f"{words!r:.60} are no process ids", source=path)
            found += map(int, words)
        return found

    def namespace(self, kind: str) -> int:
        """Return the inode that identifies the namespace of ``kind``, such as ``pid`` or ``mnt``."""
        try:
            return os.stat(f"{self.directory}/ns/{kind}").st_ino
        except OSError as error:
            raise explain(error, self.pid, f"look at its {kind} namespace") from error

    def children_share_pid_namespace(self) -> bool:
        """Return whether a child of this thread comes into its own pid namespace, not as init into another.

        One that has no process yet, after ``unshare``, cannot be looked at. True before Linux 4.12: nothing tells.
        """
        link = f"{self.directory}/ns/pid_for_children"
        if not os.path.lexists(link):
            return True
        return os.path.exists(link) and self.namespace("pid_for_children") == self.namespace("pid")

    def executable(self) -> str:
        """Return the path of the program; with the suffix ``" (deleted)"`` where the file is gone."""
        try:
            return os.readlink(f"{self.directory}/exe")
        except OSError as error:
            raise explain(error, self.pid, "look at its executable") from error

    def root(self) -> str:
        """Return where its root is, with which paths of mapped files begin; ``"/"`` where it does not show."""
        try:
            return os.readlink(f"{self.directory}/root")
        except OSError:
            return "/"

    def _has_ended(self, tid: int) -> bool:
        try:
            return self.task(tid).stat().has_ended
        except ProcessGone:
            return True

    def _pieces(self, path: str, limit: int) -> Iterator[memoryview]:
        try:
            yield from file_pieces(path, limit)
        except OSError as error:
            raise explain(error, self.pid, f"read {path}") from error

    def read(self, name: str) -> bytes:
        """Return the bytes of one file of the directory, at most ``limits.PROC_FILE``."""
        path = f"{self.directory}/{name}"
        try:
            return read_file(path)
        except OSError as error:
            raise explain(error, self.pid, f"read {path}") from error


def name_of(pid: int, root: str = ROOT) -> str:
    """Return the name of a process; nothing where it has ended, or may not be looked at."""
    try:
        return Proc(pid, root).stat().name
    except (DotdumpError, OSError):
        return ""


def read_file(path: str, limit: int = limits.PROC_FILE, directory: int | None = None) -> bytes:
    """Return a whole file, relative to the descriptor ``directory`` if given; raises ``OSError``, ``LimitExceeded``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
    try:
        parts, total = [], 0
        while part := os.read(descriptor, _CHUNK):
            parts.append(part)
            total += len(part)
            if total > limit:
                raise LimitExceeded(f"more than {limit} bytes", source=path)
    finally:
        os.close(descriptor)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def file_pieces(path: str, limit: int) -> Iterator[memoryview]:
    """Yield a file of many regions as it comes, each piece until the next is asked for; raises as ``read_file``.

    For each read the kernel fills a page of its own, and drops the entry that does not fit there to make it again. So
    less is asked for, many times in one system call, in which other threads of ours run.
    """
    buffer = memoryview(bytearray(_CHUNK))
    slices = [buffer[start : start + _SLICE] for start in range(0, _CHUNK, _SLICE)]
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        total = 0
        while count := os.readv(descriptor, slices):
            total += count
            if total > limit:
                raise LimitExceeded(f"more than {limit} bytes", source=path)
            yield buffer[:count]
    finally:
        os.close(descriptor)
