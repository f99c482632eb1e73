"""Segments: where the collector keeps objects, and how much memory it holds for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.contracts.gc import Segment
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Problem


@record
class SegmentRow:
    """A segment or region of heap number ``heap``; sizes in bytes.

    ``address`` is the collector's own record of it, ``start`` and ``end`` enclose its objects, ``reserved`` are the
    addresses kept beyond the committed memory. ``generations`` maps a generation's number to where it starts in it.
    """

    heap: int
    kind: str
    address: str
    start: str
    end: str
    size: int
    committed: int
    reserved: int
    generations: dict[str, str]


@record
class SegmentList:
    """All segments of a heap by address; the sums are of all, also where only some are shown."""

    runtime: str
    server: bool
    regions: bool
    heaps: int
    size: int
    committed: int
    reserved: int
    segments: tuple[SegmentRow, ...]
    problems: tuple[Problem, ...]


def heap_segments(runtime: ClrRuntime) -> SegmentList:
    """Return the segments of the managed heap; nothing but the collector's own records is read."""
    heap = runtime.heap
    segments = heap.segments
    return SegmentList(
        runtime=runtime.name,
        server=heap.is_server,
        regions=heap.collector.has_regions,
        heaps=len({segment.heap for segment in segments}),
        size=sum(segment.end - segment.start for segment in segments),
        committed=sum(segment.committed_size for segment in segments),
        reserved=sum(segment.reserved_size for segment in segments),
        segments=tuple(_row(segment) for segment in segments),
        problems=tuple(heap.problems),
    )


def _row(segment: Segment) -> SegmentRow:
    return SegmentRow(
        heap=segment.heap,
        kind=str(segment.kind),
        address=f"{segment.address:#x}",
        start=f"{segment.start:#x}",
        end=f"{segment.end:#x}",
        size=segment.end - segment.start,
        committed=segment.committed_size,
        reserved=segment.reserved_size,
        generations={str(span.generation): f"{span.start:#x}" for span in segment.spans},
    )
