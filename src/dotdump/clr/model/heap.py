"""``ClrHeap``: the managed heap, its segments, its objects.

For people and for small questions: an object here is a Python object. Whoever wants all of them at speed runs a
kernel over ``walk()``.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.gc import AllocationContext, GarbageCollector, Segment, Span
from dotdump.clr.contracts.heap_walk import HeapWalk
from dotdump.clr.contracts.method_tables import calibrated_tables
from dotdump.clr.contracts.object_selection import NO_HEADER, HeaderRule, ObjectSelection
from dotdump.clr.contracts.type_table import TypeTable
from dotdump.clr.model.object import ClrObject
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import InvalidObject, MemoryFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.data_access import DataAccess
    from dotdump.clr.graph.index_folder import IndexFolder
    from dotdump.clr.graph.object_graph import ObjectGraph
    from dotdump.clr.model.type import ClrType
    from dotdump.target.model import Problem

_HEADER = Struct("<QI")
"""MethodTable, and the number of components where there are any."""
_SHORT_TEXT = 128
"""Bytes of a text that are read with its length."""


class ClrHeap:
    """The heap of one runtime. ``types`` numbers the types met so far; every walk shares it.

    ``type_at`` gives the type of a MethodTable, ``dependents`` which object lives as long as which other one, by the
    handle that says so, ``thread_contexts`` from where to where threads may still allocate, ``lack`` what of the
    runtime is missing for all.
    """

    def __init__(
        self,
        access: DataAccess,
        type_at: Callable[[int], ClrType],
        dependents: Callable[[], Mapping[int, tuple[int, int]]] = dict,
        thread_contexts: Callable[[], Iterable[tuple[int, int]]] = tuple,
        lack: Callable[[], Iterable[Problem]] = tuple,
    ) -> None:
        self.access = access
        self._lack = lack
        self._thread_contexts = thread_contexts
        self.type_at = type_at
        self._find_dependents = dependents
        self.collector = GarbageCollector(access)
        self._walk_problems: dict[Problem, None] = {}

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
    def _starts(self) -> Sequence[int]:
        return [segment.start for segment in self.segments]

    @cached_property
    def allocation_contexts(self) -> Sequence[AllocationContext]:
        """The holes that have been handed out: by the collector's own word, and to threads, where that is known."""
        threads = (AllocationContext(pointer, limit) for pointer, limit in self._thread_contexts() if pointer)
        return (*self.collector.allocation_contexts(), *threads)

    @cached_property
    def dependents(self) -> Mapping[int, tuple[int, int]]:
        """What each dependent handle depends on and what it keeps alive, 0 for nothing, by the handle's address."""
        return self._find_dependents()

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
        return tuple(dict.fromkeys((*self._lack(), *self.collector.problems, *self._walk_problems)))

    def walk(self) -> HeapWalk:
        """Return a new walk over all of it."""
        return HeapWalk(self.access.reader.memory, self.segments, self.types, self.allocation_contexts)

    @cached_property
    def method_tables(self) -> Sequence[int]:
        """The MethodTable of every type of which there are objects, in order of first appearance."""
        from dotdump.clr.contracts.type_totals import TypeTotals

        walk = self.walk()
        walk.run(TypeTotals(self.types))
        self._walk_problems.update(dict.fromkeys(walk.problems))
        return tuple(shape.method_table for shape in self.types.shapes)

    def objects(self) -> Iterator[ClrObject]:
        """Yield every object, free ones too, in order of address."""
        yield from self.matching((span for segment in self.segments for span in segment.spans), lambda _shape: True)

    def matching(
        self,
        spans: Iterable[Span],
        wanted: Callable[[ObjectShape], bool],
        progress: Callable[[int], None] | None = None,
        *,
        header: HeaderRule = NO_HEADER,
    ) -> Iterator[ClrObject]:
        """Yield the objects in ``spans`` whose type is ``wanted``, asked once for each type, or whose ``header`` is.

        ``progress`` is told how many bytes of the heap have been looked at since it was told before.
        """
        walk, rows = self.walk(), ObjectSelection(self.access.reader.memory, self.types, wanted, header)
        for span in spans:
            start = span.start
            while start < span.end:
                rows.clear()
                walk.run_span(Span(start, span.end, span.generation), rows)
                self._walk_problems.update(dict.fromkeys(walk.problems))
                for address, index, size in rows:
                    yield ClrObject(self, address, index, size, span.generation)
                if progress is not None:
                    progress(walk.position - start)
                start = walk.position

    def graph(self, index: IndexFolder | None = None, progress: Progress | None = None) -> ObjectGraph:
        """Return the graph of all objects and references: as saved in ``index``, else built and saved there.

        What a dependent handle keeps alive is a reference of the object that it depends on.
        ``progress`` is told a phase, how many bytes, and of how many.
        """
        from dotdump.clr.graph.saved_graph import load_graph, save_graph

        graph = load_graph(index) if index is not None else None
        if graph is None:
            from dotdump.clr.graph.build import GraphBuilder

            builder = GraphBuilder(self.access.reader, self.segments, self.types, self.walk, progress)
            pairs = [pair for pair in self.dependents.values() if pair[1]]
            graph = builder.build(self._loader_allocators, pairs)
            if index is not None and save_graph(index, graph):
                graph = load_graph(index) or graph
        return graph

    def object(self, address: int) -> ClrObject:
        """Return the object at ``address``; raises ``InvalidObject`` where no object can be.

        Where the list of segments is broken, as in small dumps, an object may lie outside of those that are known; its
        generation is then -1.
        """
        segment = self.segment_at(address)
        if address % 8 or (segment is None and not self.collector.problems):
            raise InvalidObject(address, "it is not in the heap" if segment is None else "it is not aligned")
        try:
            word, length = _HEADER.unpack(self.access.reader.memory.read(address, _HEADER.size))
        except MemoryFault as fault:
            raise InvalidObject(address, str(fault)) from None
        index = self.types.index_of(word & ~7) if word & ~7 else None
        if index is None:
            raise InvalidObject(address, f"{word:#x} is no MethodTable")
        shape = self.types.shapes[index]
        size = (shape.base_size + shape.component_size * length + 7) & ~7
        if not self._has_room(address, size, segment):
            raise InvalidObject(address, f"{size} bytes do not end in its segment")
        generation = segment.generation_of(address) if segment is not None else -1
        return ClrObject(self, address, index, size, generation)

    def text_at(self, address: int, limit: int | None = None) -> str:
        """Return the first ``limit`` characters, all by default, of the string at ``address``; may fault."""
        return self._text_from(self._head_of_text(address), address, limit)

    def string_at(self, address: int, limit: int) -> str:
        """Return what ``text_at`` does; raises ``InvalidObject`` where there is no string."""
        head = self._head_of_text(address)
        method_table = int.from_bytes(head[:8], "little") & ~7
        known = method_table and self.types.shape_of(method_table) is not None
        if not known or not self.type_at(method_table).is_string:
            raise InvalidObject(address, f"{method_table:#x} is no MethodTable of strings")
        return self._text_from(head, address, limit)

    def _head_of_text(self, address: int) -> bytes:
        return self.access.reader.memory.read_available(address, self._first_character + _SHORT_TEXT)

    def _text_from(self, data: bytes, address: int, limit: int | None) -> str:
        """Return the text of a string that begins with ``data``."""
        memory, first = self.access.reader.memory, self._first_character
        length = _HEADER.unpack_from(data)[1] if len(data) >= _HEADER.size else self.access.reader.u32(address + 8)
        size = 2 * (length if limit is None else min(limit, length))
        text = data[first : first + size] if first + size <= len(data) else memory.read(address + first, size)
        return text.decode("utf-16-le", "surrogatepass")

    @cached_property
    def _first_character(self) -> int:
        return self.access.offset("String", "m_FirstChar")

    def _has_room(self, address: int, size: int, segment: Segment | None) -> bool:
        if segment is not None:
            return address + size <= segment.end
        return size <= limits.OBJECT_SIZE and len(self.access.reader.memory.read_available(address, size)) == size

    def containing(self, address: int) -> ClrObject | None:
        """Return the object that ``address`` lies in; None where it is not in the heap, or in what is free."""
        segment = self.segment_at(address)
        span = next((s for s in segment.spans if s.start <= address < s.end), None) if segment is not None else None
        if span is None:
            return None
        walk, rows = self.walk(), ObjectSelection(self.access.reader.memory, self.types, lambda _shape: True, NO_HEADER)
        start, found = span.start, None
        while start <= address:
            rows.clear()
            walk.run_span(Span(start, span.end, span.generation), rows)
            found = next((row for row in reversed([*rows]) if row[0] <= address), None)
            if not start < walk.position <= address:
                break
            start = walk.position
        if found is None or address >= found[0] + found[2] or self.types.shapes[found[1]].is_free:
            return None
        address, index, size = found
        return ClrObject(self, address, index, size, span.generation)

    def no_object(self, address: int, reason: str) -> InvalidObject:
        """Return the error that no object begins at ``address``, with a hint at the one that it points into."""
        around = self.containing(address)
        if around is None:
            return InvalidObject(address, reason, hint="'dotdump address' says what is there")
        offset = address - around.address
        return InvalidObject(
            address, reason, hint=f"it points {offset:#x} bytes into the {around.type.name} at {around.address:#x}"
        )

    def segment_at(self, address: int) -> Segment | None:
        """Return the segment that ``address`` is in, or None."""
        index = bisect_right(self._starts, address) - 1
        return self.segments[index] if index >= 0 and address < self.segments[index].end else None

    def _loader_allocators(self) -> dict[int, int]:
        from dotdump.clr.contracts.loader_allocators import LoaderAllocators

        found = LoaderAllocators(self.access, self.types, lambda address: self.segment_at(address) is not None)
        return found.by_type() if self.access.runtime.kind is RuntimeKind.CORECLR else {}
