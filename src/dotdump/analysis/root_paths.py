"""Who holds it: ways from roots to an object, and the ways to all objects of a type, grouped by what they look like."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from typing import TYPE_CHECKING

from dotdump.analysis.links import links_along
from dotdump.analysis.rooted_heap import STATICS_STORAGE, RootGroup, types_named
from dotdump.clr.graph.columns import allocate
from dotdump.errors import NotFound
from dotdump.kernels import paths as kernel
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from dotdump.analysis.links import Link
    from dotdump.analysis.rooted_heap import RootedHeap, RootName
    from dotdump.target.model import Problem

DEFAULT_PATHS = 3
_MOST_SHAPES = 1 << 16
_SPECIAL = re.compile(r"(?<!\\)[+\[]")
_WORDS = {
    "Stack": "stack of",
    "StackConservative": "perhaps the stack of",
    STATICS_STORAGE: "arrays of statics",
    "Frozen": "frozen segment",
}


@record
class RootPath:
    """A way from a root to an object: ``steps`` begin at what ``roots`` keep, and each tells the field that goes on."""

    roots: tuple[RootName, ...]
    steps: tuple[Link, ...]


@record
class HeldObject:
    """An object and the shortest way to it from each of so many roots, the nearest first; none where it is garbage.

    ``size`` is its own in bytes.
    """

    address: str
    method_table: str
    name: str
    size: int
    paths: tuple[RootPath, ...]


@record
class HeldObjects:
    """What holds each of some objects."""

    runtime: str
    objects: tuple[HeldObject, ...]
    problems: tuple[Problem, ...]


@record
class PathShape:
    """Ways that look alike: the same group of roots and the same types, those that repeat told once.

    ``count`` objects of ``size`` bytes are reached so, on a shortest way; ``example`` is that of one of them, and
    ``name`` is made of its fields.
    """

    name: str
    count: int
    size: int
    root: RootGroup
    types: tuple[str, ...]
    example: RootPath


@record
class HeldTypes:
    """What holds the objects of the types that match ``pattern``: ``count`` of ``size`` bytes, some of them garbage.

    ``shapes`` have most objects first; ``shape_count`` is how many there are.
    """

    runtime: str
    pattern: str
    count: int
    size: int
    garbage: int
    shape_count: int
    shapes: tuple[PathShape, ...]
    problems: tuple[Problem, ...]


def who_holds(heap: RootedHeap, addresses: Iterable[int], limit: int = DEFAULT_PATHS) -> HeldObjects:
    """Return for each address ways from up to ``limit`` different roots.

    Raises ``InvalidObject`` where there is no object.
    """
    return HeldObjects(heap.runtime.name, tuple(_held(heap, address, limit) for address in addresses), heap.problems)


def paths_to_row(heap: RootedHeap, row: int, limit: int = DEFAULT_PATHS) -> Iterator[RootPath]:
    """Yield the shortest way to ``row`` from each of up to ``limit`` roots, the nearest first."""
    if limit == 1:
        rows = _rows_to(heap, row)
        if rows:
            yield _path(heap, rows)
        return
    count, most = len(heap.graph), len(heap.graph.roots) + len(heap.graph.possible_roots)
    following, queue = allocate("I", count), allocate("I", count)
    roots = array("I", bytes(4 * min(limit, most)))
    found = kernel.find_ways(row, heap.parents, *heap.referrers, following, queue, roots)
    for root in roots[:found]:
        rows = [root]
        while following[rows[-1]] > 1:
            rows.append(following[rows[-1]] - 2)
        yield _path(heap, rows)


def _path(heap: RootedHeap, rows: Sequence[int]) -> RootPath:
    """Return the way through these rows, the first of which a root holds."""
    return RootPath(heap.root_names(rows[0]), links_along(heap.runtime, heap.graph, rows))


def who_holds_type(heap: RootedHeap, pattern: str, limit: int | None = None, offset: int = 0) -> HeldTypes:
    """Return the shapes of the ways to all objects of the types whose names match ``pattern``.

    Raises ``NotFound`` where there are none.
    """
    wanted = types_named(heap, pattern)
    shapes = WayShapes(heap, wanted)
    if not shapes.objects:
        raise NotFound(f"no object in the heap is of a type that matches '{pattern}'", hint=_why_none(heap, pattern))
    last = None if limit is None else offset + limit
    largest = shapes.largest()
    return HeldTypes(
        runtime=heap.runtime.name,
        pattern=pattern,
        count=shapes.objects,
        size=shapes.bytes,
        garbage=shapes.objects - shapes.reached,
        shape_count=len(largest),
        shapes=tuple(shapes.describe(shape) for shape in largest[offset:last]),
        problems=heap.problems,
    )


def _why_none(heap: RootedHeap, pattern: str) -> str | None:
    """Return why a pattern may match no name of a type."""
    if heap.runtime.problems:
        return heap.runtime.problems[0].message
    return "of a name, + and [ mean something else: put \\ before them" if _SPECIAL.search(pattern) else None


class WayShapes:
    """The shapes of the ways to all objects of the types that ``wanted`` marks."""

    def __init__(self, heap: RootedHeap, wanted: bytearray) -> None:
        self._heap = heap
        graph, rows = heap.graph, len(heap.graph)
        self._groups: list[RootGroup] = []
        self._above, self._kinds, self._examples = (array("I", bytes(4 * _MOST_SHAPES)) for _ in range(3))
        self.counts, self.sizes = (array("Q", bytes(8 * _MOST_SHAPES)) for _ in range(2))
        totals = (self.counts, self.sizes, self._examples)
        table, state = array("I", bytes(16 * _MOST_SHAPES)), array("Q", [1])
        self._shapes = self._rooted_shapes()
        ways = (heap.parents, graph.type_ids, graph.sizes, self._shapes, allocate("I", rows))
        self.reached: int = kernel.group_ways(0, rows, wanted, *ways, table, self._above, self._kinds, *totals, state)
        self._last = state[0]
        self.objects, self.bytes = _add_up(heap, wanted)

    def largest(self) -> list[int]:
        """Return the shapes that have objects, those with most first."""
        found = [shape for shape in range(self._last) if self.counts[shape]]
        return sorted(found, key=lambda shape: (-self.counts[shape], -self.sizes[shape], shape))

    def by_key(self) -> dict[tuple[object, ...], tuple[int, int, int]]:
        """Return shape, objects and bytes by what tells a shape apart from others, also from those of another dump."""
        rows: dict[tuple[object, ...], tuple[int, int, int]] = {}
        for shape in self.largest():
            group, kinds = self._chain(shape)
            key = (group, *(self._heap.type_name(kind) for kind in kinds))
            _, count, size = rows.get(key, (0, 0, 0))
            rows[key] = (shape, count + self.counts[shape], size + self.sizes[shape])
        return rows

    def leading_to_most(self, rows: Collection[int]) -> PathShape:
        """Return the shape of the ways to most of these objects, of which there is one at least: of them alone."""
        shapes, sizes = self._shapes, self._heap.graph.sizes
        counts = Counter(map(shapes.__getitem__, rows))
        most = max(counts, key=lambda number: (counts[number], -number))
        first = min(row for row in rows if shapes[row] == most)
        size = sum(sizes[row] for row in rows if shapes[row] == most)
        return self._described(most - 1, first, counts[most], size)

    def describe(self, shape: int) -> PathShape:
        """Return a shape with an example."""
        return self._described(shape, self._examples[shape], self.counts[shape], self.sizes[shape])

    def _described(self, shape: int, row: int, count: int, size: int) -> PathShape:
        heap = self._heap
        rows = _rows_to(heap, row)
        example = _path(heap, rows)
        group, kinds = self._chain(shape)
        if group is None:
            group, kinds = heap.group_of(rows[0]), []
        types = tuple(heap.type_name(kind) for kind in kinds)
        return PathShape(_told(group, example, types), count, size, group, types, example)

    def _chain(self, shape: int) -> tuple[RootGroup | None, list[int]]:
        kinds: list[int] = []
        while shape != kernel.OTHER and not shape & kernel.ROOT_BIT:
            kinds.append(self._kinds[shape])
            shape = self._above[shape]
        return (self._groups[shape & ~kernel.ROOT_BIT] if shape else None), kinds[::-1]

    def _rooted_shapes(self) -> memoryview[int]:
        """Return the column of shapes, those of roots set to their groups."""
        shapes, numbers = allocate("I", len(self._heap.graph)), dict[RootGroup, int]()
        for row in self._heap.graph.effective_roots:
            group = self._heap.group_of(row)
            number = numbers.setdefault(group, len(numbers))
            shapes[row] = (kernel.ROOT_BIT | number) + 1
        self._groups = list(numbers)
        return shapes


def _held(heap: RootedHeap, address: int, limit: int) -> HeldObject:
    row = heap.row_of(address)
    kind = heap.graph.type_ids[row]
    return HeldObject(
        f"{address:#x}",
        f"{heap.graph.types[kind].method_table:#x}",
        heap.type_name(kind),
        heap.graph.sizes[row],
        tuple(paths_to_row(heap, row, limit)),
    )


def _rows_to(heap: RootedHeap, row: int) -> list[int]:
    _ = heap.parents
    return heap.graph.path_to_root(row)


def _told(group: RootGroup, example: RootPath, types: Sequence[str]) -> str:
    """Return a shape as one line, each type once and with the field of the example that leads on."""
    words = [group_text(group)]
    remaining = list(types)
    for step in example.steps:
        if remaining and step.type == remaining[0]:
            remaining.pop(0)
        elif types:
            continue
        words.append(step.type + _place(step.field))
    return " -> ".join(words)


def _place(field: str) -> str:
    """Return a field as it follows its type; of elements only what is inside them is told, not their number."""
    inside = field.partition("].")[2] if field.startswith("[") else field
    return f".{inside}" if inside else ""


def group_text(group: RootGroup) -> str:
    """Return a group of roots in words: ``static Billing.Cache.Entries``, ``strong handle``."""
    plain = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in group.kind).strip()
    words = _WORDS.get(group.kind, plain)
    if group.name == words or group.name.startswith(f"{words}s of "):
        return group.name
    return f"{words} {group.name}".rstrip()


def _add_up(heap: RootedHeap, wanted: bytearray) -> tuple[int, int]:
    """Return how many objects of ``wanted`` types there are, and their bytes, garbage included."""
    live_counts, live_sizes, dead_counts, dead_sizes = heap.amounts
    kinds = [kind for kind, mark in enumerate(wanted) if mark]
    count = sum(live_counts[kind] + dead_counts[kind] for kind in kinds)
    return count, sum(live_sizes[kind] + dead_sizes[kind] for kind in kinds)
