"""Which pages of mapped files a process has of its own: it wrote there, or had the right to for a while and used it.

Such a page is anonymous memory from then on, whatever the mapping is called and whatever rights it has. Source of
truth: the kernel's Documentation/admin-guide/mm/pagemap.rst.
"""

from __future__ import annotations

import os
from array import array

from dotdump.linux.pagemap import PAGE_SIZE
from dotdump.linux.proc import Proc
from dotdump.memory.space import MemoryRange, merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ENTRIES = 1 << 17
_KINDS = 61
"""From this bit on an entry says: of a file or shared, swapped out, present."""
_COPIED = frozenset((0b010, 0b100, 0b110))


def copied_pages(pid: int, parts: Sequence[MemoryRange]) -> list[MemoryRange]:
    """Return the pages of ``parts``, private mappings of files, that may differ from their files, sorted and disjoint.

    Nothing of the process is read. Empty where it has ended; ``OSError`` where that is not allowed.
    """
    for tid in (pid, *Proc(pid).tasks()) if parts else ():
        descriptor = os.open(f"/proc/{tid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if os.pread(descriptor, 8, 0):  # there is nothing to read of a first thread that has ended
                return merged(page for part in parts for page in _copied(descriptor, part))
        finally:
            os.close(descriptor)
    return []


def _copied(descriptor: int, part: MemoryRange) -> Iterator[MemoryRange]:
    for start in range(part.start, part.end, _ENTRIES * PAGE_SIZE):
        count = min(part.end - start, _ENTRIES * PAGE_SIZE) // PAGE_SIZE
        entries = os.pread(descriptor, 8 * count, start // PAGE_SIZE * 8)
        if entries.count(0) == len(entries):
            continue
        for index, entry in enumerate(array("Q", entries[: len(entries) & -8])):
            if entry >> _KINDS in _COPIED:
                yield MemoryRange(start + index * PAGE_SIZE, start + (index + 1) * PAGE_SIZE)
