"""Which pages of a process hold data, asked of the page tables: nothing is read, nothing is committed in the target.

``PAGEMAP_SCAN`` (Linux 6.7) answers in runs and knows the shared zero page; before it, /proc/PID/pagemap is read entry
by entry, and zero pages count as data. What is meant by "data" is a page that is present or swapped out: an absent
page of anonymous memory is zero, one of a file mapping is what the file says. A guard (``MADV_GUARD_INSTALL``) looks
swapped out and holds nothing; kernels before 6.15 do not tell it. A page of a private file mapping is the process's own
once it wrote there: anonymous memory from then on, whatever rights the mapping has later. Source of truth: the kernel's
Documentation/admin-guide/mm/pagemap.rst, uapi ``linux/fs.h``.
"""

from __future__ import annotations

import errno
import fcntl
import os
from array import array
from enum import IntFlag
from struct import Struct
from threading import Lock

from dotdump.closing import Closing
from dotdump.errors import ProcessGone
from dotdump.kernels import page_runs
from dotdump.memory.space import MemoryRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
_PAGEMAP_SCAN = 0xC0606610
_SCAN_ARGUMENTS = Struct("=12Q")
"""``struct pm_scan_arg``: size, flags, start, end, walk_end, vec, vec_len, max_pages, and four masks of categories."""
_WALK_END = 4
_REGION_WORDS = 3
"""``struct page_region``: start, end, categories, of 64 bits each."""
_RUNS = 4096
_ENTRIES = 1 << 17
"""Entries of /proc/PID/pagemap read at once: 1 MiB for half a gigabyte."""


class Category(IntFlag):
    """PAGE_IS_* of PAGEMAP_SCAN."""

    FILE = 1 << 2
    PRESENT = 1 << 3
    SWAPPED = 1 << 4
    PFNZERO = 1 << 5
    GUARD = 1 << 8


_UNWANTED_BITS = {Category.PFNZERO: page_runs.GUARD, Category.FILE: page_runs.GUARD | page_runs.FILE}
"""What entries of the file tell of it."""
_DATA = Category.PRESENT | Category.SWAPPED


class Pagemap(Closing):
    """/proc/PID/pagemap, open. ``pid`` may be any live thread of the process. Close it, or use it in a with block.

    Any thread may ask.
    """

    def __init__(self, pid: int) -> None:
        self._descriptor = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        self._words = array("Q", [0]) * (_REGION_WORDS * _RUNS)
        self._vector, _ = self._words.buffer_info()
        self._scanning = Lock()
        self.scans = True
        self._knows_guards = True

    def populated(self, start: int, end: int) -> Iterator[MemoryRange]:
        """Yield the runs of pages with data between two page boundaries, neighbours joined, in order.

        Raises ``ProcessGone`` where the process has ended: its memory is not there, it is not zero.
        """
        return self._joined_runs(start, end, Category.PFNZERO)

    def copied(self, start: int, end: int) -> Iterator[MemoryRange]:
        """Yield the runs of pages of a private file mapping that may differ from the file. Raises ``ProcessGone``."""
        return self._joined_runs(start, end, Category.FILE)

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _joined_runs(self, start: int, end: int, unwanted: Category) -> Iterator[MemoryRange]:
        try:
            yield from _joined(self._runs(start, end, unwanted))
        except ProcessLookupError as error:
            raise ProcessGone(f"cannot look for pages at {start:#x}: the process ended") from error

    def _runs(self, start: int, end: int, unwanted: Category) -> Iterator[tuple[int, int]]:
        while start < end and self.scans:
            asked = unwanted | Category.GUARD if self._knows_guards else unwanted
            try:
                found, start = self._scan(start, end, asked.value)
            except OSError as error:
                if error.errno not in (errno.ENOTTY, errno.EINVAL, errno.EPERM, errno.ENOSYS):
                    raise
                if error.errno == errno.EINVAL and Category.GUARD in asked:
                    self._knows_guards = False  # or rather the kernel does not
                else:
                    self.scans = False
            else:
                yield from found
        while start < end:
            found, start = self._parse(start, end, _UNWANTED_BITS[unwanted])
            yield from found

    def _scan(self, start: int, end: int, unwanted: int) -> tuple[list[tuple[int, int]], int]:
        """Return runs as (start, end) and the address up to which the page tables were walked."""
        place = (_SCAN_ARGUMENTS.size, 0, start, end, 0, self._vector, _RUNS, 0)
        # Categories whose meaning is turned round, that all must hold, of which one must, and that are returned.
        masks = (unwanted, unwanted, _DATA.value, Category.PRESENT.value)
        buffer = bytearray(_SCAN_ARGUMENTS.pack(*place, *masks))
        with self._scanning:
            count = fcntl.ioctl(self._descriptor, _PAGEMAP_SCAN, buffer, True)  # noqa: FBT003 - of fcntl
            filled = self._words[: _REGION_WORDS * count]
        found = list(zip(filled[::_REGION_WORDS], filled[1::_REGION_WORDS], strict=True))
        walked = _SCAN_ARGUMENTS.unpack(buffer)[_WALK_END]
        if walked <= start:
            raise OSError(errno.EINVAL, f"PAGEMAP_SCAN stands still at {start:#x}")
        # Linux 6.18 says it stopped 512 runs before the last one it returned, where the vector was too short.
        return found, max(walked, found[-1][1] if found else 0)

    def _parse(self, start: int, end: int, unwanted: int) -> tuple[list[tuple[int, int]], int]:
        count = min((end - start) // PAGE_SIZE, _ENTRIES)
        entries = os.pread(self._descriptor, count * 8, start // PAGE_SIZE * 8)
        count = len(entries) // 8
        if not count:
            if not os.pread(self._descriptor, 8, 0):
                raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
            return [], end  # beyond what this process can map
        indexes = array("Q", bytes(8 * (count + 1)))
        filled = page_runs.find_runs(memoryview(entries)[: count * 8].cast("Q"), indexes, unwanted)
        edges = [start + index * PAGE_SIZE for index in indexes[:filled]]
        return list(zip(edges[::2], edges[1::2], strict=True)), start + count * PAGE_SIZE


def _joined(runs: Iterator[tuple[int, int]]) -> Iterator[MemoryRange]:
    begun: tuple[int, int] | None = None
    for start, end in runs:
        if begun is not None and begun[1] == start:
            begun = (begun[0], end)
            continue
        if begun is not None:
            yield MemoryRange(*begun)
        begun = (start, end)
    if begun is not None:
        yield MemoryRange(*begun)
