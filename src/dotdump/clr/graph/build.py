"""Builds an ``ObjectGraph``: one walk counts, one writes the objects, one writes their references.

The first walk tells how long every column has to be, so none is ever copied or larger than needed. References are
resolved with one bit for each 8 bytes of heap instead of a search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.type_totals import TypeTotals, Watched
from dotdump.clr.graph.columns import allocate, narrowest
from dotdump.clr.graph.edges import Descriptions, Edges
from dotdump.clr.graph.object_graph import ObjectGraph
from dotdump.errors import LimitExceeded
from dotdump.kernels import references, walk

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Mapping, Sequence

    from dotdump.clr.contracts.gc import Segment, Span
    from dotdump.clr.contracts.heap_walk import HeapWalk
    from dotdump.clr.contracts.type_table import TypeTable
    from dotdump.clr.contracts.type_totals import Progress
    from dotdump.memory.reader import Reader
    from dotdump.target.model import Problem


class ObjectColumns:
    """A visitor that writes the objects into columns, and remembers which rows belong to which span."""

    def __init__(self, count: int, largest: int) -> None:
        self.addresses, self.kinds = allocate("Q", count), allocate("I", count)
        self.sizes, self.generations = allocate(narrowest(largest), count), allocate("B", count)
        self.rows: list[tuple[Span, int, int]] = []
        self.count = 0

    def __call__(self, words: memoryview[int], base: int, span: Span, table: array[int], stop: array[int]) -> int:
        columns = (self.addresses, self.kinds, self.sizes)
        found = walk.list_objects(words, 0, len(words), table, base, self.count, *columns, stop)
        last = self.count + found
        self.generations[self.count : last] = bytes([span.generation]) * found
        if self.rows and self.rows[-1][0] is span:
            self.rows[-1] = (span, self.rows[-1][1], last)
        else:
            self.rows.append((span, self.count, last))
        self.count = last
        return found


class GraphBuilder:
    """Builds the graph of the heap that ``new_walk`` walks.

    ``progress`` is told a phase, how many bytes are done, and of how many.
    """

    def __init__(
        self,
        reader: Reader,
        segments: Sequence[Segment],
        types: TypeTable,
        new_walk: Callable[[], HeapWalk],
        progress: Progress | None = None,
    ) -> None:
        self._reader = reader
        self._segments = segments
        self._types = types
        self._new_walk = new_walk
        self._progress = progress or _silent
        self._size = sum(segment.end - segment.start for segment in segments)
        self._problems: list[Problem] = []

    def build(self, keepers: Callable[[], Mapping[int, int]] = dict) -> ObjectGraph:
        """Return the graph. ``keepers`` tells, once types are known, the address of what all objects of one keep."""
        totals = TypeTotals(self._types)
        first = self._new_walk()
        count = first.run(Watched(totals, self._progress, "counting", self._size))
        self._problems += first.problems
        if count >= references.NONE - 2:
            raise LimitExceeded(f"{count} objects are more than rows can be numbered", source="heap")
        largest = max((span.end - span.start for segment in self._segments for span in segment.spans), default=0)
        objects = ObjectColumns(count, largest)
        self._new_walk().run(Watched(objects, self._progress, "listing objects", self._size))
        return self._with_references(objects, totals, largest, keepers())

    def _with_references(
        self, objects: ObjectColumns, totals: TypeTotals, largest: int, keepers: Mapping[int, int]
    ) -> ObjectGraph:
        descriptions = Descriptions(self._reader, self._types)
        slots = descriptions.slots(totals.counts, totals.sizes) + sum(totals.counts[kind] for kind in keepers)
        edges = Edges(objects, descriptions, slots + largest // 8 + 2)
        edges.keep(keepers)
        done = 0
        for span, first, last in objects.rows:
            edges.add(self._reader.memory, span.end, first, last)
            done += span.end - span.start
            self._progress("following references", done, self._size)
        return ObjectGraph(
            objects.addresses[: objects.count],
            objects.kinds[: objects.count],
            objects.sizes[: objects.count],
            objects.generations[: objects.count],
            edges.finish(),
            edges.targets[: edges.count],
            tuple(self._types.shapes),
            problems=(*self._problems, *descriptions.problems, *edges.problems),
            dangling=edges.dangling,
        )


def _silent(_phase: str, _done: int, _total: int) -> None:
    """Progress that nobody follows."""
