"""Pages of mapped files that a core has and its reader would not find in the files: it keeps them.

The process had no right to write there when it was dumped, but may have had it before; or the file is not at hand.
"""

from __future__ import annotations

from dotdump.memory.space import MemoryRange, merged, overlaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.memory.space import AddressSpace

_STEP = 1 << 20


def changed_pages(
    held: AddressSpace, files: AddressSpace, parts: Sequence[MemoryRange], page_size: int, *, lacking: bool
) -> list[MemoryRange]:
    """Return the pages of ``parts`` that ``held`` has and ``files`` have otherwise: sorted and disjoint.

    And those that they have not, or not whole, where these are ``lacking`` too.
    """
    there = merged(MemoryRange(one.start & -page_size, -(-one.end & -page_size)) for one in held.ranges())
    starts = [one.start for one in there]
    kept = (one for part in parts for one in overlaps(there, starts, part.start, part.end))
    return merged(run for one in kept for run in _changed(held, files, one, page_size, lacking=lacking))


def _changed(
    held: AddressSpace, files: AddressSpace, part: MemoryRange, page_size: int, *, lacking: bool
) -> Iterator[MemoryRange]:
    for start in range(part.start, part.end, _STEP):
        size = min(_STEP, part.end - start)
        if held.read_available(start, size) == files.read_available(start, size):
            continue
        pages = range(start, start + size, page_size)
        yield from merged(
            MemoryRange(page, page + page_size)
            for page in pages
            if _differs(held.read_available(page, page_size), files.read_available(page, page_size), lacking=lacking)
        )


def _differs(held: bytes, file: bytes, *, lacking: bool) -> bool:
    both = min(len(held), len(file))
    return held[:both] != file[:both] or (lacking and len(file) < len(held))
