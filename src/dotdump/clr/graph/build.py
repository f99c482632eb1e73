"""Builds an ``ObjectGraph``: one walk writes the objects, a second pass over their memory writes their references.

Columns of objects are asked for as long as the heap could fill; only what is written of them is ever given memory.
References are resolved with one bit for each 8 bytes of heap instead of a search.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from dotdump.clr.contracts.progress import BytesDone
from dotdump.clr.contracts.type_totals import TypeTotals, Watched
from dotdump.clr.graph.columns import allocate, narrowest
from dotdump.clr.graph.edges import Descriptions, Edges
from dotdump.clr.graph.object_graph import ObjectGraph
from dotdump.errors import LimitExceeded
from dotdump.kernels import references, tally, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dotdump.clr.contracts.gc import Segment, Span
    from dotdump.clr.contracts.heap_walk import HeapWalk
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.contracts.type_table import TypeTable
    from dotdump.memory.reader import Reader
    from dotdump.target.model import Problem


class ObjectColumns:
    """A visitor that writes the objects into columns, and remembers which rows belong to which span.

    There is room for ``most`` objects, each of ``largest`` bytes at most.
    """

    def __init__(self, most: int, largest: int) -> None:
        self.addresses, self.kinds = allocate("Q", most), allocate("I", most)
        self.sizes, self.generations = allocate(narrowest(largest), most), allocate("B", most)
        self.rows: list[tuple[Span, int, int]] = []
        self.count = 0

    def __call__(self, words: memoryview[int], base: int, span: Span, table: array[int], stop: array[int]) -> int:
        columns = (self.addresses, self.kinds, self.sizes)
        found = walk.list_objects(words, 0, len(words), table, base, self.count, *columns, stop)
        if stop[1] == walk.FULL:
            raise LimitExceeded(f"more than {len(self.addresses)} objects cannot be numbered", source="heap")
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
        self._progress = progress
        self._size = sum(segment.end - segment.start for segment in segments)
        self._problems: list[Problem] = []

    def build(
        self, keepers: Callable[[], Mapping[int, int]] = dict, dependents: Iterable[tuple[int, int]] = ()
    ) -> ObjectGraph:
        """Return the graph. ``keepers`` tells, once types are known, the address of what all objects of one keep.

        ``dependents`` are the addresses of an object and of what lives as long as it does, as dependent handles say.
        """
        largest = max((span.end - span.start for segment in self._segments for span in segment.spans), default=0)
        objects = self._room(largest)
        listing = self._new_walk()
        listing.run(Watched(objects, self._progress, "listing objects", self._size))
        self._problems += listing.problems
        return self._with_references(objects, largest, keepers(), tuple(dependents))

    def _room(self, largest: int) -> ObjectColumns:
        """Return columns for all objects that the heap can hold, or, where so much cannot be had, that it does."""
        most = min(self._size // walk.SMALLEST_OBJECT, references.NONE - 2)
        try:
            return ObjectColumns(most, largest)
        except OSError:  # a system that promises no memory it may not have, or a limit on what we may ask for
            counter = Watched(TypeTotals(self._types), self._progress, "counting", self._size)
            return ObjectColumns(min(self._new_walk().run(counter), most), largest)

    def _with_references(
        self,
        objects: ObjectColumns,
        largest: int,
        keepers: Mapping[int, int],
        dependents: Sequence[tuple[int, int]],
    ) -> ObjectGraph:
        descriptions = Descriptions(self._reader, self._types)
        counts, sizes = (array("Q", bytes(8 * len(self._types))) for _ in range(2))
        tally.count_types(objects.count, objects.kinds, objects.sizes, counts, sizes)
        slots = descriptions.slots(counts, sizes) + sum(counts[kind] for kind in keepers)
        edges = Edges(objects, descriptions, slots + len(dependents) + min(largest, sum(sizes)) // 8 + 2)
        edges.keep(keepers)
        edges.depend(dependents)
        advance = BytesDone(self._progress, "following references", self._size)
        for span, first, last in objects.rows:
            edges.add(self._reader.memory, span.end, first, last)
            advance(span.end - span.start)
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
