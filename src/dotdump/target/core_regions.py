"""Regions of a core: its segments, cut where NT_FILE says that a file begins or ends, and named after it.

A core knows less than /proc/PID/maps: whether a mapping was shared is lost, and so are the names of the kernel's own
mappings but for those that the auxiliary vector and the stack pointer betray.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from dotdump.memory.region import Protection, Region
from dotdump.memory.space import ADDRESS_END

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.formats.core_notes import MappedFile
    from dotdump.formats.elf import ProgramHeader


def regions_of(
    loads: Iterable[ProgramHeader], files: Sequence[MappedFile], named: Iterable[tuple[int, str]]
) -> tuple[Region, ...]:
    """Return the regions, sorted and disjoint; ``named`` holds addresses within mappings that have a known name.

    A segment that does not end where addresses do is none.
    """
    lines = sorted((f for f in files if f.start < f.end), key=lambda f: f.start)
    possible = (load for load in loads if load.vaddr + load.memsz <= ADDRESS_END)
    regions = [region for load in sorted(possible, key=lambda h: h.vaddr) for region in _cut(load, lines)]
    return tuple(_with_names(_disjoint(regions), dict(named)))


def _cut(load: ProgramHeader, lines: Sequence[MappedFile]) -> Iterator[Region]:
    """Yield the parts of a segment that are of one file, or of none."""
    position, end = load.vaddr, load.vaddr + load.memsz
    protection = Protection(load.flags & 7)
    first = max(0, bisect_right(lines, position, key=lambda f: f.start) - 1)
    for line in lines[first : bisect_left(lines, end, key=lambda f: f.start)]:
        start, stop = max(position, line.start), min(end, line.end)
        if start >= stop:
            continue
        if position < start:
            yield Region(position, start, protection)
        yield Region(start, stop, protection, line.offset + start - line.start, line.path)
        position = stop
    if position < end:
        yield Region(position, end, protection)


def _disjoint(regions: Iterable[Region]) -> Iterator[Region]:
    reached = 0
    for region in regions:
        if region.start >= reached:
            yield region
            reached = region.end


def _with_names(regions: Iterable[Region], named: dict[int, str]) -> Iterator[Region]:
    addresses = sorted(named)
    for region in regions:
        index = bisect_left(addresses, region.start)
        if not region.path and index < len(addresses) and addresses[index] < region.end:
            yield Region(region.start, region.end, region.protection, 0, named[addresses[index]])
        else:
            yield region
