"""GC: heaps, generations, segments or regions, and the state the collector is in.

One algorithm for every collector, because ``GcDacVars`` and the descriptors of 11 lead to the same names. Knows
nothing of objects. Whatever the memory claims is bounded and checked before it is believed; what is not believed is
a ``Problem``.

Source of truth: docs/design/datacontracts/GC.md; the rules of which chain holds which generation and where the
allocated part ends are those of gc.cpp as measured on 3.1.23, 8.0.4, 9.0.22 and 10.0.14 (docs/formats/gc-heap.md).
"""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.data.gc import GcAllocContext, Generation, HeapSegment
from dotdump.errors import MemoryFault
from dotdump.records import record
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.data_access import DataAccess

OLDEST_GENERATION = 2
MIN_OBJECT_SIZE = 24
_PAGE = 4096


class SegmentFlags(IntFlag):
    """``heap_segment_flags_*`` of gcpriv.h."""

    READ_ONLY = 1
    LARGE = 8
    PINNED = 0x200


class SegmentKind(StrEnum):
    """What a segment holds. An ephemeral segment holds several generations; a region never does."""

    GENERATION0 = "Generation0"
    GENERATION1 = "Generation1"
    GENERATION2 = "Generation2"
    EPHEMERAL = "Ephemeral"
    LARGE = "Large"
    PINNED = "Pinned"
    FROZEN = "Frozen"


_KINDS = (
    SegmentKind.GENERATION0,
    SegmentKind.GENERATION1,
    SegmentKind.GENERATION2,
    SegmentKind.LARGE,
    SegmentKind.PINNED,
)


@record
class Span:
    """Objects of one generation that lie one after the other, from ``start`` up to ``end``."""

    start: int
    end: int
    generation: int


@record
class Segment:
    """A segment or region of heap number ``heap``: objects from ``start`` up to ``end``.

    ``address`` is the collector's own record of it; ``committed`` and ``reserved`` are the ends of what the
    operating system gave and of what the addresses are kept for.
    """

    heap: int
    address: int
    kind: SegmentKind
    spans: tuple[Span, ...]
    committed: int
    reserved: int
    flags: SegmentFlags

    @property
    def start(self) -> int:
        """Where the first object lies."""
        return self.spans[0].start

    @property
    def end(self) -> int:
        """The address after the last object."""
        return self.spans[-1].end

    @property
    def committed_size(self) -> int:
        """Bytes of memory behind it, from the start of the page before the first object on."""
        return max(0, self.committed - (self.start - 1) // _PAGE * _PAGE)

    @property
    def reserved_size(self) -> int:
        """Bytes of addresses kept beyond the committed ones."""
        return max(0, self.reserved - self.committed)

    def generation_of(self, address: int) -> int:
        """Return the generation of an object of this segment."""
        for span in self.spans:
            if span.start <= address < span.end:
                return span.generation
        return self.spans[-1].generation


@record
class AllocationContext:
    """A hole in the heap: no objects from ``pointer`` up to ``limit`` and one smallest object beyond."""

    pointer: int
    limit: int

    @property
    def end(self) -> int:
        """Where objects go on."""
        return self.limit + MIN_OBJECT_SIZE


@record
class GcHeap:
    """One heap of the collector: its generation table, where it allocates now, its queue of finalizable objects."""

    index: int
    generation_table: int
    ephemeral_segment: int
    alloc_allocated: int
    finalize_queue: int = 0


class GarbageCollector:
    """The collector of a runtime. Everything about it is read anew at each call; ``problems`` grows with damage."""

    def __init__(self, access: DataAccess) -> None:
        self.access = access
        self.problems: list[Problem] = []

    @property
    def is_server(self) -> bool:
        """Whether there is a heap for each processor instead of one."""
        return "server" in self._identifiers if self._identifiers else self.access.has_global("Heaps")

    @property
    def has_regions(self) -> bool:
        """Whether generations are lists of regions, instead of parts of segments."""
        if self._identifiers:
            return "regions" in self._identifiers
        return not self.access.has("Generation", "AllocationStart")

    @property
    def _identifiers(self) -> list[str]:
        """What the collector says of its own kind; empty of those that say nothing."""
        text = self.access.global_text("GCIdentifiers")
        return text.split(",") if text else []

    @property
    def structures_valid(self) -> bool:
        """Whether the heap can be walked: no collection was moving objects at this moment."""
        return self.access.global_integer("StructureInvalidCount", "int32") == 0

    def heaps(self) -> list[GcHeap]:
        """Return the heaps: one, or with server collection one for each processor in use."""
        access = self.access
        if not self.is_server:
            table = access.global_address("GCHeapGenerationTable")
            ephemeral, allocated = (
                access.global_pointer(name) for name in ("GCHeapEphemeralHeapSegment", "GCHeapAllocAllocated")
            )
            queue = access.global_pointer("GCHeapFinalizeQueue") if access.has_global("GCHeapFinalizeQueue") else 0
            return [GcHeap(0, table, ephemeral, allocated, queue)]
        count = self._bounded("heaps", access.global_integer("NumHeaps", "int32"), limits.GC_HEAPS)
        array = access.global_pointer("Heaps")
        return [self._server_heap(index, access.reader.pointer(array + 8 * index)) for index in range(count)]

    def segments(self) -> list[Segment]:
        """Return every segment or region that may hold objects, in order of address; none overlaps another."""
        found = [segment for heap in self.heaps() for segment in self._segments_of(heap)]
        return self._without_overlaps(sorted(found, key=lambda s: s.start))

    def allocation_contexts(self) -> list[AllocationContext]:
        """Return the contexts in use that the collector keeps itself; threads have their own."""
        contexts = []
        for heap in self.heaps():
            for _, generation in self._generations(heap):
                context = GcAllocContext(self.access, generation.address_of("AllocationContext"))
                if pointer := context.pointer:
                    contexts.append(AllocationContext(pointer, context.limit))
        return contexts

    def _server_heap(self, index: int, address: int) -> GcHeap:
        access = self.access
        return GcHeap(
            index,
            address + access.offset("GCHeap", "GenerationTable"),
            access.pointer(address, "GCHeap", "EphemeralHeapSegment"),
            access.pointer(address, "GCHeap", "AllocAllocated"),
            access.pointer(address, "GCHeap", "FinalizeQueue") if access.has("GCHeap", "FinalizeQueue") else 0,
        )

    def _generations(self, heap: GcHeap) -> Iterator[tuple[int, Generation]]:
        count = self._bounded("generations", self.access.global_integer("TotalGenerationCount"), limits.GC_GENERATIONS)
        size = self.access.size("Generation")
        for number in range(count):
            yield number, Generation(self.access, heap.generation_table + number * size)

    def _segments_of(self, heap: GcHeap) -> Iterator[Segment]:
        regions = self.has_regions
        for number, generation in self._generations(heap):
            if not regions and number < OLDEST_GENERATION:
                continue
            for found in self._chain(heap, number, generation.start_segment):
                segment = self._segment(heap, number, found, regions=regions)
                if segment is not None:
                    yield segment

    def _chain(self, heap: GcHeap, number: int, address: int) -> Iterator[HeapSegment]:
        """Yield a generation's segments; a chain that leads back, on and on, or nowhere ends with a problem."""
        place = f"heap {heap.index} generation {number}"
        seen: set[int] = set()
        while address:
            if address in seen or len(seen) >= limits.GC_SEGMENTS:
                self._report(place, f"its list of segments does not end: {address:#x} again")
                return
            seen.add(address)
            record = HeapSegment(self.access, address)
            try:
                following = record.next
            except MemoryFault as fault:
                self._report(place, f"its list of segments is broken: {fault}")
                return
            yield record
            address = following

    def _segment(self, heap: GcHeap, number: int, record: HeapSegment, *, regions: bool) -> Segment | None:
        ephemeral = record.address == heap.ephemeral_segment
        start, allocated = record.mem, heap.alloc_allocated if ephemeral else record.allocated
        committed, reserved, flags = record.committed, record.reserved, SegmentFlags(record.flags)
        end = self._believable_end(record, start, allocated, max(committed, allocated if ephemeral else 0))
        if end is None:
            return None
        spans: tuple[Span, ...] = (Span(start, end, number),)
        kind = _KINDS[min(number, len(_KINDS) - 1)]
        if flags & SegmentFlags.READ_ONLY:
            kind = SegmentKind.FROZEN
        elif ephemeral and not regions:
            kind, spans = SegmentKind.EPHEMERAL, self._ephemeral_spans(heap, start, end)
        return Segment(heap.index, record.address, kind, spans, committed, reserved, flags)

    def _believable_end(self, record: HeapSegment, start: int, allocated: int, committed: int) -> int | None:
        place = f"segment {record.address:#x}"
        if start % 8 or not start or start >= 1 << 63:
            self._report(place, f"objects cannot start at {start:#x}: all of it is left out")
            return None
        if start <= allocated <= committed and allocated % 8 == 0:
            return allocated
        end = committed if start <= committed < start + limits.GC_SEGMENT_SIZE else start
        self._report(place, f"its objects cannot end at {allocated:#x}: taken to end at {end:#x}")
        return end

    def _ephemeral_spans(self, heap: GcHeap, start: int, end: int) -> tuple[Span, ...]:
        """Return the part of generation 2, of 1 and of 0 in the segment that holds all three, in this order."""
        starts = {number: g.allocation_start for number, g in self._generations(heap) if number < OLDEST_GENERATION}
        first, second = starts.get(1, end), starts.get(0, end)
        if not start <= first <= second <= end:
            place = f"heap {heap.index}"
            self._report(place, f"generations 1 and 0 cannot start at {first:#x} and {second:#x}")
            return (Span(start, end, OLDEST_GENERATION),)
        spans = (Span(start, first, OLDEST_GENERATION), Span(first, second, 1), Span(second, end, 0))
        return tuple(span for span in spans if span.start < span.end) or (Span(start, end, 0),)

    def _without_overlaps(self, segments: list[Segment]) -> list[Segment]:
        kept: list[Segment] = []
        for segment in segments:
            if kept and segment.start < kept[-1].end:
                text = f"it overlaps segment {kept[-1].address:#x} and is left out"
                self._report(f"segment {segment.address:#x}", text)
                continue
            kept.append(segment)
        return kept

    def _bounded(self, what: str, count: int, most: int) -> int:
        if 0 < count <= most:
            return count
        self._report("garbage collector", f"it cannot have {count} {what}")
        return 0

    def _report(self, place: str, text: str) -> None:
        self.problems.append(Problem("heap", f"{place}: {text}"))
