"""``BackingFiles``: what the pages of file mappings hold that the process has not touched, read from the files.

Reading such a page through the process would map it there: its resident set would grow by being dumped, and a hole of
a memfd would be allocated for good. A file is opened by /proc/PID/map_files (CAP_CHECKPOINT_RESTORE), by a descriptor
that the process holds, or by its path as the process sees it; device and inode must be those of the mapping.
Source of truth: proc_pid_map_files(5), proc_pid_fd(5), mmap(2).
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.memory.region import Region

DELETED = " (deleted)"


class BackingFiles:
    """The files that a process maps, opened as they are asked for, by any thread. ``close`` closes them."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._opened: dict[tuple[tuple[int, int], int], int | None] = {}
        self._held: dict[tuple[tuple[int, int], int], str] | None = None

    def read_into(self, region: Region, address: int, buffer: memoryview) -> int | None:
        """Fill ``buffer`` as a page fault would, and return how much of it the file backs.

        None without the file. What is behind its end, up to the end of its last page, is zero; further on there is
        nothing, and nothing where it cannot be read (EIO, ESTALE): a page fault could not, and would have the process
        take the page.
        """
        descriptor = self._descriptor(region)
        if descriptor is None:
            return None
        offset = region.offset + address - region.start
        filled = 0
        while filled < len(buffer):
            try:
                count = os.preadv(descriptor, [buffer[filled:]], offset + filled)
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
        for descriptor in self._opened.values():
            if descriptor is not None:
                os.close(descriptor)
        self._opened.clear()

    def _descriptor(self, region: Region) -> int | None:
        key = (region.device, region.inode)
        if key in self._opened:
            return self._opened[key]
        found = next(self._candidates(region), None)
        kept = self._opened.setdefault(key, found)
        if found is not None and found != kept:  # another thread was first
            os.close(found)
        return kept

    def _candidates(self, region: Region) -> Iterator[int]:
        for path in self._paths(region):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
            except OSError:
                continue
            if _is_file_of(descriptor, region):
                yield descriptor
                return
            os.close(descriptor)

    def _paths(self, region: Region) -> Iterator[str]:
        yield f"/proc/{self._pid}/map_files/{region.start:x}-{region.end:x}"
        if region.path.endswith(DELETED):
            held = self._held_files().get((region.device, region.inode))
            if held is not None:
                yield held
        elif region.path.startswith("/"):
            yield f"/proc/{self._pid}/root{region.path}"

    def _held_files(self) -> dict[tuple[tuple[int, int], int], str]:
        if self._held is None:
            self._held = dict(_descriptors_of(self._pid))
        return self._held


def _descriptors_of(pid: int) -> Iterator[tuple[tuple[tuple[int, int], int], str]]:
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
