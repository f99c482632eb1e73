"""What grew between two dumps: types, roots, and the ways that lead to what there is more of.

Types are matched by name and module, so that the dumps may be of different processes. In two dumps of one process an
object at the same address, of the same type and size, is taken for the same one: what the collector moved in between
counts as gone and as new. Counts and bytes are of what lives; new and gone objects are counted dead or alive.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from dotdump.analysis.retention import LiveTotals, live_totals
from dotdump.analysis.root_paths import WayShapes
from dotdump.clr.graph.columns import allocate
from dotdump.kernels import tally
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.analysis.root_paths import RootPath
    from dotdump.analysis.rooted_heap import RootedHeap, RootGroup
    from dotdump.target.model import Problem

DEFAULT_PATHS = 10
_GROWN_TYPES = 10


@record
class Change:
    """A number before and after; ``growth`` is the difference."""

    before: int
    after: int
    growth: int


@record
class TypeGrowth:
    """Live objects of a type, their bytes, and what they retain together.

    ``new`` and ``gone`` objects, dead or alive, are None where the dumps are not of one process.
    """

    name: str
    module: str
    count: Change
    size: Change
    retained: Change
    new: int | None
    gone: int | None


@record
class RootGrowth:
    """What only one group of roots holds: objects, and bytes."""

    kind: str
    name: str
    count: Change
    retained: Change


@record
class PathGrowth:
    """Ways of one shape to objects of a type that has grown; ``example`` is from the second dump."""

    name: str
    type: str
    count: Change
    size: Change
    example: RootPath


@record
class HeapGrowth:
    """``types`` and ``roots`` are those that changed, ``paths`` the ways that lead to most of the growth.

    ``same_process`` says whether objects could be matched by address; ``same`` how many were, free space left out.
    """

    before: str
    after: str
    live_before: LiveTotals
    live_after: LiveTotals
    same_process: bool
    same: int | None
    types: tuple[TypeGrowth, ...]
    roots: tuple[RootGrowth, ...]
    paths: tuple[PathGrowth, ...]
    problems: tuple[Problem, ...]


def heap_growth(before: RootedHeap, after: RootedHeap, limit: int = DEFAULT_PATHS) -> HeapGrowth:
    """Return what grew from ``before`` to ``after``, with up to ``limit`` ways; the largest growth first."""
    matched = _match(before, after)
    types = sorted(_types(before, after, matched), key=lambda row: (-row.size.growth, row.name, row.module))
    roots = sorted(_roots(before, after), key=lambda row: (-row.retained.growth, row.kind, row.name))
    grown = [(row.name, row.module) for row in types if row.size.growth > 0][:_GROWN_TYPES]
    return HeapGrowth(
        before.runtime.name,
        after.runtime.name,
        live_totals(before),
        live_totals(after),
        matched is not None,
        None if matched is None else _objects(after, matched),
        tuple(types),
        tuple(roots),
        tuple(_paths(before, after, grown, limit)),
        (*before.problems, *after.problems),
    )


def _change(before: int, after: int) -> Change:
    return Change(before, after, after - before)


def _match(before: RootedHeap, after: RootedHeap) -> array[int] | None:
    """Return for each type of ``after`` how many objects both have; None where they are not of one process."""
    ours, theirs = after.graph, before.graph
    kinds = {shape.method_table: kind for kind, shape in enumerate(theirs.types)}
    known = [shape.method_table for shape in ours.types if shape.method_table in kinds]
    named = {before.type_name(kinds[table]) for table in known}
    same = before.runtime.module.base == after.runtime.module.base and len(named) * 2 > len(theirs.types)
    if before.runtime.target.process.pid != after.runtime.target.process.pid or not same:
        return None
    others = array("I", (kinds.get(shape.method_table, tally.NO_TYPE) for shape in ours.types))
    counts, marks = array("Q", bytes(8 * len(ours.types))), allocate("B", len(ours))
    rows = (ours.addresses, ours.type_ids, ours.sizes, others, theirs.addresses, theirs.type_ids, theirs.sizes)
    tally.match_rows(*rows, marks, counts)
    return counts


def _objects(heap: RootedHeap, counts: Sequence[int]) -> int:
    """Return how many objects there are by type, free space left out."""
    return sum(count for count, shape in zip(counts, heap.graph.types, strict=True) if not shape.is_free)


def _types(before: RootedHeap, after: RootedHeap, matched: array[int] | None) -> Iterator[TypeGrowth]:
    old, new = _by_type(before), _by_type(after)
    nothing = (0, 0, 0, 0)
    same: dict[tuple[str, str], int] = {}
    for kind, number in enumerate(matched or ()):
        key = type_key(after, kind)
        same[key] = same.get(key, 0) + number
    for key in {**new, **old}:
        first, second = old.get(key, nothing), new.get(key, nothing)
        count, size, retained = (_change(*pair) for pair in zip(first[:3], second[:3], strict=True))
        kept = None if matched is None else same.get(key, 0)
        fresh, gone = (None, None) if kept is None else (second[3] - kept, first[3] - kept)
        if fresh or gone or any(change.growth for change in (count, size, retained)):
            yield TypeGrowth(*key, count, size, retained, fresh, gone)


def _by_type(heap: RootedHeap) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """Return by name and module: live objects, their bytes, what they retain, all objects; free space left out."""
    live_counts, live_sizes, dead_counts, _ = heap.amounts
    retained = heap.type_retention[1]
    rows: dict[tuple[str, str], tuple[int, int, int, int]] = {}
    for kind, shape in enumerate(heap.graph.types):
        every = live_counts[kind] + dead_counts[kind]
        if every and not shape.is_free:
            key, row = type_key(heap, kind), (live_counts[kind], live_sizes[kind], retained[kind], every)
            a, b, c, d = rows.get(key, (0, 0, 0, 0))
            rows[key] = (a + row[0], b + row[1], c + row[2], d + row[3])
    return rows


def type_key(heap: RootedHeap, kind: int) -> tuple[str, str]:
    """Return what a type is called in every process: its name, and the module that defines it."""
    shape = heap.graph.types[kind]
    return heap.type_name(kind), "" if shape.is_free else heap.runtime.module_name(shape.method_table)


def _roots(before: RootedHeap, after: RootedHeap) -> Iterator[RootGrowth]:
    old, new = _by_root(before), _by_root(after)
    for group in {**new, **old}:
        first, second = old.get(group, (0, 0)), new.get(group, (0, 0))
        count, retained = (_change(*pair) for pair in zip(first, second, strict=True))
        if count.growth or retained.growth:
            yield RootGrowth(group.kind, group.name, count, retained)


def _by_root(heap: RootedHeap) -> dict[RootGroup, tuple[int, int]]:
    counts, totals = heap.root_retention
    return dict(zip(heap.groups, zip(counts[2:], totals[2:], strict=True), strict=True))


def _paths(before: RootedHeap, after: RootedHeap, grown: list[tuple[str, str]], limit: int) -> Iterator[PathGrowth]:
    old, new = (_shapes(heap, grown) for heap in (before, after))
    counts = old.by_key()
    rows = []
    for key, (shape, *amounts) in new.by_key().items():
        count, size = (_change(*pair) for pair in zip(counts.get(key, (0, 0, 0))[1:], amounts, strict=True))
        rows.append((shape, count, size))
    rows.sort(key=lambda row: -row[2].growth)
    for shape, count, size in rows[:limit]:
        if size.growth > 0:
            found = new.describe(shape)
            yield PathGrowth(found.name, found.types[-1] if found.types else "", count, size, found.example)


def _shapes(heap: RootedHeap, grown: list[tuple[str, str]]) -> WayShapes:
    names = set(grown)
    return WayShapes(heap, bytearray(type_key(heap, kind) in names for kind in range(len(heap.graph.types))))
