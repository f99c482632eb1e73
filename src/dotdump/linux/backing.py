"""``BackingFiles``: what the pages of file mappings hold that the process has not touched, read from the files.

Reading such a page through the process would map it there: its resident set would grow by being dumped, and a hole of
a memfd would be allocated for good. A file is opened by /proc/PID/map_files (CAP_CHECKPOINT_RESTORE), by a descriptor
that the process holds, or by its path as the process sees it; device and inode must be those of the mapping.
Source of truth: proc_pid_map_files(5), proc_pid_fd(5), mmap(2).
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from threading import Lock

from dotdump.linux.position import read_at
from dotdump.linux.proc import Proc
from dotdump.memory.mapped_path import DELETED, within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.memory.region import Region

    FileKey = tuple[tuple[int, int], int]
    """The device, by its major and minor number, and the inode of a file."""

MOST_OPEN = 128
"""Files that are kept open: a process may map more than we may open. Few are asked for at a time."""


class BackingFiles:
    """The files that a process maps, opened as they are asked for, by any thread. ``close`` closes them."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._opened: dict[FileKey, _OpenFile] = {}
        self._absent: set[FileKey] = set()
        self._opening = Lock()
        self._held: dict[FileKey, str] | None = None
        self._root = Proc(pid).root()

    def read_into(self, region: Region, address: int, buffer: memoryview) -> int | None:
        """Fill ``buffer`` as a page fault would, and return how much of it the file backs.

        None without the file. What is behind its end, up to the end of its last page, is zero; further on there is
        nothing, and nothing where it cannot be read (EIO, ESTALE): a page fault could not, and would have the process
        take the page.
        """
        file = self._file(region)
        if file is None:
            return None
        offset = region.offset + address - region.start
        filled = 0
        while filled < len(buffer):
            try:
                count = read_at(file.descriptor, buffer[filled:], offset + filled)
            except OSError:
                return filled
            if not count:
                break
            filled += count
        page = -(offset + filled) % os.sysconf("SC_PAGE_SIZE") if filled < len(buffer) else 0
        padding = min(page, len(buffer) - filled)
        buffer[filled : filled + padding] = bytes(padding)
        return filled + padding

    def close(self) -> None:
        """Close the files. A second call does nothing."""
        self._opened.clear()

    def _file(self, region: Region) -> _OpenFile | None:
        """Return the file, of which the caller keeps hold while it reads; None where there is none to be had."""
        key = (region.device, region.inode)
        file = self._opened.get(key)
        if file is not None or key in self._absent:
            return file
        with self._opening:
            if key not in self._opened:
                self._open(region, key)
            return self._opened.get(key)

    def _open(self, region: Region, key: FileKey) -> None:
        descriptor = self._descriptor_of(region)
        if descriptor is None:
            self._absent.add(key)
            return
        if len(self._opened) >= MOST_OPEN:
            del self._opened[next(iter(self._opened))]
        self._opened[key] = _OpenFile(descriptor)

    def _descriptor_of(self, region: Region) -> int | None:
        for path in self._paths(region):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
            except OSError:
                continue
            if _is_file_of(descriptor, region):
                return descriptor
            os.close(descriptor)
        return None

    def _paths(self, region: Region) -> Iterator[str]:
        yield f"/proc/{self._pid}/map_files/{region.start:x}-{region.end:x}"
        if region.path.endswith(DELETED):
            held = self._held_files().get((region.device, region.inode))
            if held is not None:
                yield held
        elif region.path.startswith("/"):
            yield f"/proc/{self._pid}/root{within(self._root, region.path)}"

    def _held_files(self) -> dict[FileKey, str]:
        if self._held is None:
            self._held = dict(_descriptors_of(self._pid))
        return self._held


class _OpenFile:
    """A descriptor, closed when nobody has hold of it any more."""

    __slots__ = ("descriptor",)

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        with suppress(OSError):  # nothing was written
            os.close(self.descriptor)


def _descriptors_of(pid: int) -> Iterator[tuple[FileKey, str]]:
    directory = f"/proc/{pid}/fd"
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in names:
        path = f"{directory}/{name}"
        try:
            found = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode):
            yield (_device(found), found.st_ino), path


def _is_file_of(descriptor: int, region: Region) -> bool:
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and (_device(found), found.st_ino) == (region.device, region.inode)


def _device(found: os.stat_result) -> tuple[int, int]:
    return os.major(found.st_dev), os.minor(found.st_dev)
