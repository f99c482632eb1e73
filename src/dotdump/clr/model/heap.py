"""``ClrHeap``: the managed heap, its segments, its objects.

For people and for small questions: an object here is a Python object. Whoever wants all of them at speed runs a
kernel over ``walk()``.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from dotdump.clr.contracts.gc import AllocationContext, GarbageCollector, Segment, Span
from dotdump.clr.contracts.heap_walk import HeapWalk
from dotdump.clr.contracts.loader_allocators import LoaderAllocators
from dotdump.clr.contracts.method_tables import calibrated_tables
from dotdump.clr.contracts.type_table import TypeTable
from dotdump.clr.graph.build import GraphBuilder
from dotdump.clr.model.object import ClrObject
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import InvalidObject, MemoryFault
from dotdump.kernels import walk as kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.contracts.type_totals import Progress
    from dotdump.clr.data_access import DataAccess
    from dotdump.clr.graph.index_folder import IndexFolder
    from dotdump.clr.graph.object_graph import ObjectGraph
    from dotdump.clr.model.type import ClrType
    from dotdump.target.model import Problem

_ROWS = 4096


class ClrHeap:
    """The heap of one runtime. ``types`` numbers the types met so far; every walk shares it.

    ``type_at`` gives the type of a MethodTable.
    """

    def __init__(self, access: DataAccess, type_at: Callable[[int], ClrType]) -> None:
        self.access = access
        self.type_at = type_at
        self.collector = GarbageCollector(access)
        self._walk_problems: list[Problem] = []

    @cached_property
    def types(self) -> TypeTable:
        """The types met so far, numbered in the order they were met."""
        starts = [self.access.reader.memory.read_available(s.start, 8) for s in self.segments if s.start < s.end]
        words = [word for start in starts if (word := int.from_bytes(start, "little") & ~7)]
        return TypeTable(calibrated_tables(self.access, words).find_shape)

    @cached_property
    def segments(self) -> Sequence[Segment]:
        """Its segments or regions, in order of address."""
        return tuple(self.collector.segments())

    @cached_property
    def allocation_contexts(self) -> Sequence[AllocationContext]:
        """The holes that the collector says it has handed out; a walk finds those of threads by itself."""
        return tuple(self.collector.allocation_contexts())

    @property
    def is_server(self) -> bool:
        """Whether it has a heap for each processor."""
        return self.collector.is_server

    @property
    def can_walk(self) -> bool:
        """Whether no collection was moving objects at this moment."""
        return self.collector.structures_valid

    @property
    def problems(self) -> Sequence[Problem]:
        """What was damaged or missing in what has been read so far."""
        return (*self.collector.problems, *self._walk_problems)

    def walk(self) -> HeapWalk:
        """Return a new walk over all of it."""
        return HeapWalk(self.access.reader.memory, self.segments, self.types, self.allocation_contexts)

    def objects(self) -> Iterator[ClrObject]:
        """Yield every object, free ones too, in order of address."""
        yield from self.matching((span for segment in self.segments for span in segment.spans), lambda _shape: True)

    def matching(
        self,
        spans: Iterable[Span],
        wanted: Callable[[ObjectShape], bool],
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[ClrObject]:
        """Yield the objects in ``spans`` whose type is ``wanted``, which is asked once for each type.

        ``progress`` is told how many bytes of the heap have been looked at since it was told before.
        """
        walk, answers = self.walk(), dict[int, bool]()
        for span in spans:
            start = span.start
            while start < span.end:
                rows = _Rows()
                walk.run_span(Span(start, span.end, span.generation), rows)
                for address, index, size in rows:
                    if index not in answers:
                        answers[index] = wanted(self.types.shapes[index])
                    if answers[index]:
                        yield ClrObject(self, address, index, size, span.generation)
                if progress is not None:
                    progress(walk.position - start)
                start = walk.position
        self._walk_problems = walk.problems

    def graph(self, index: IndexFolder | None = None, progress: Progress | None = None) -> ObjectGraph:
        """Return the graph of all objects and references: as saved in ``index``, else built and saved there.

        ``progress`` is told a phase, how many bytes, and of how many.
        """
        from dotdump.clr.graph.saved_graph import load_graph, save_graph

        graph = load_graph(index) if index is not None else None
        if graph is None:
            builder = GraphBuilder(self.access.reader, self.segments, self.types, self.walk, progress)
            graph = builder.build(self._loader_allocators)
            if index is not None and save_graph(index, graph):
                graph = load_graph(index) or graph
        return graph

    def object(self, address: int) -> ClrObject:
        """Return the object at ``address``; raises ``InvalidObject`` where no object can be."""
        segment = self.segment_at(address)
        if segment is None or address % 8:
            raise InvalidObject(address, "it is not in the heap" if segment is None else "it is not aligned")
        try:
            word = self.access.reader.u64(address)
            length = self.access.reader.u32(address + 8)
        except MemoryFault as fault:
            raise InvalidObject(address, str(fault)) from None
        index = self.types.index_of(word & ~7) if word & ~7 else None
        if index is None:
            raise InvalidObject(address, f"{word:#x} is no MethodTable")
        shape = self.types.shapes[index]
        size = (shape.base_size + shape.component_size * length + 7) & ~7
        if address + size > segment.end:
            raise InvalidObject(address, f"{size} bytes do not end in its segment")
        return ClrObject(self, address, index, size, segment.generation_of(address))

    def segment_at(self, address: int) -> Segment | None:
        """Return the segment that ``address`` is in, or None."""
        index = bisect_right(self.segments, address, key=lambda s: s.start) - 1
        return self.segments[index] if index >= 0 and address < self.segments[index].end else None

    def _loader_allocators(self) -> dict[int, int]:
        found = LoaderAllocators(self.access, self.types, lambda address: self.segment_at(address) is not None)
        return found.by_type() if self.access.runtime.kind is RuntimeKind.CORECLR else {}


class _Rows:
    """A visitor that keeps the next few objects."""

    def __init__(self) -> None:
        self._addresses, self._sizes = (array("Q", bytes(8 * _ROWS)) for _ in range(2))
        self._types = array("I", bytes(4 * _ROWS))
        self._count = 0

    def __call__(self, words: memoryview[int], base: int, span: Span, table: array[int], stop: array[int]) -> int:
        del span
        columns = (self._addresses, self._types, self._sizes)
        found: int = kernel.list_objects(words, 0, len(words), table, base, self._count, *columns, stop)
        self._count += found
        return found

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        rows = zip(self._addresses, self._types, self._sizes, strict=True)
        return islice(rows, self._count)
