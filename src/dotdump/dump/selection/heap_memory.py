"""What a Heap dump keeps besides what a Mini dump does: private memory, but for what the collector does not use.

Everything that is not mapped from a file is kept, as other readers follow pointers that ours do not (allocators,
handle tables, loader heaps). Of the collector's own address range only what lies between the first and the last object
of each segment is: regions that are free, and the ends of segments that are committed or were once, carry nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.gc import MIN_OBJECT_SIZE, SegmentKind
from dotdump.memory.space import MemoryRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.clr.contracts.gc import Segment
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.memory.region import Region
    from dotdump.target.model import Module


def private_memory(regions: Iterable[Region], modules: Sequence[Module]) -> Iterator[MemoryRange]:
    """Yield the mappings that no file backs, and the writable data of loaded ELF files."""
    programs = {module.path for module in modules}
    for region in regions:
        if not region.readable:
            continue
        if not region.backed or (region.path in programs and region.writable):
            yield MemoryRange(region.start, region.end)


def unused_heap(heap: ClrHeap, regions: Sequence[Region], page_size: int) -> list[MemoryRange]:
    """Return the whole pages within the collector's address range in which no object can be, sorted and disjoint."""
    segments = [segment for segment in heap.segments if segment.kind is not SegmentKind.FROZEN]
    walkable = heap.can_walk
    used = [_used(segment, page_size, walkable=walkable) for segment in segments]
    if heap.collector.has_regions and segments:
        whole = MemoryRange(used[0].start, max(segment.reserved for segment in segments))
        territories = [whole] if _is_one_reservation(whole, regions) else used
    else:
        territories = [
            MemoryRange(part.start, max(s.reserved, part.end)) for s, part in zip(segments, used, strict=True)
        ]
    return list(subtracted(territories, used))


def free_objects(heap: ClrHeap, page_size: int) -> Iterator[MemoryRange]:
    """Yield the whole pages within free objects, their first 24 bytes apart, which say how long they are."""
    spans = [span for segment in heap.segments for span in segment.spans]
    for free in heap.matching(spans, lambda shape: shape.is_free):
        start = (free.address + MIN_OBJECT_SIZE + page_size - 1) & -page_size
        end = (free.address + free.size - 8) & -page_size
        if start < end:
            yield MemoryRange(start, end)


def subtracted(ranges: Iterable[MemoryRange], taken: Iterable[MemoryRange]) -> Iterator[MemoryRange]:
    """Yield what of sorted, disjoint ``ranges`` is in none of the sorted, disjoint ``taken``."""
    holes = iter(taken)
    hole = next(holes, None)
    for part in ranges:
        position = part.start
        while hole is not None and hole.end <= position:
            hole = next(holes, None)
        while hole is not None and hole.start < part.end:
            if position < hole.start:
                yield MemoryRange(position, hole.start)
            position = max(position, hole.end)
            if hole.end > part.end:
                break
            hole = next(holes, None)
        if position < part.end:
            yield MemoryRange(position, part.end)


def _used(segment: Segment, page: int, *, walkable: bool) -> MemoryRange:
    """Return the pages of a segment that hold objects; all committed ones where a collection was moving objects."""
    end = segment.end if walkable else max(segment.end, segment.committed)
    return MemoryRange((segment.start - 1) & -page, (end + page - 1) & -page)


def _is_one_reservation(whole: MemoryRange, regions: Sequence[Region]) -> bool:
    """Whether a range is mapped without a hole and by no file: then nobody but the collector has memory in it."""
    position = whole.start
    for region in regions:
        if region.end <= position:
            continue
        if region.start > position or region.path.startswith("/"):
            return False
        position = region.end
        if position >= whole.end:
            return True
    return False
