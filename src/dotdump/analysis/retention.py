"""Retained sizes by object, by type and by root: what would be collected with each.

An object retains what no root reaches without passing it: that would be collected with it. Objects of a type retain
together what at least one of them retains. A root retains what no other root reaches.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from dotdump.analysis.rooted_heap import types_named
from dotdump.clr.graph.columns import allocate
from dotdump.kernels import retention as kernel
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.target.model import Problem


@record
class RetainedObject:
    """An object; ``size`` is its own and ``retained`` what would go with it, in bytes; ``share`` of all that lives.

    ``dominator`` is the nearest object that it would go with; None where no single object but only roots hold it.
    """

    address: str
    method_table: str
    name: str
    size: int
    retained: int
    share: float
    dominator: str | None


@record
class RetainedType:
    """Live objects of a type: how many, their own bytes, and what they retain together."""

    method_table: str
    name: str
    count: int
    size: int
    retained: int
    share: float


@record
class RetainedRoot:
    """Roots told as one, and the objects and bytes that no others reach; of possible roots, that no certain ones do."""

    kind: str
    name: str
    count: int
    retained: int
    share: float


@record
class LiveTotals:
    """Objects that roots reach and their bytes; ``shared`` bytes are reached by more than one group of roots."""

    count: int
    size: int
    shared: int
    garbage_count: int
    garbage_size: int


@record
class RetainedObjects:
    """Objects that retain most. ``of`` is the object that they are the children of in the dominator tree, if any."""

    runtime: str
    live: LiveTotals
    of: str | None
    objects: tuple[RetainedObject, ...]
    problems: tuple[Problem, ...]


@record
class RetainedTypes:
    """Types whose live objects retain most."""

    runtime: str
    live: LiveTotals
    types: tuple[RetainedType, ...]
    problems: tuple[Problem, ...]


@record
class RetainedRoots:
    """Roots that retain most."""

    runtime: str
    live: LiveTotals
    roots: tuple[RetainedRoot, ...]
    problems: tuple[Problem, ...]


def retained_objects(
    heap: RootedHeap, pattern: str | None = None, limit: int = 50, offset: int = 0, of: int | None = None
) -> RetainedObjects:
    """Return the ``limit`` objects of matching types that retain most.

    With ``of`` only those that go directly with the object at this address, whose dominator it is; raises
    ``InvalidObject`` where there is none.
    """
    wanted = types_named(heap, pattern)
    most = limit + offset
    rows = _largest(heap, wanted, most) if of is None else largest_children(heap, heap.row_of(of), wanted, most)
    chosen = sorted(rows, key=lambda row: (-heap.retained_sizes[row], row))[offset : offset + limit]
    live = live_totals(heap)
    return RetainedObjects(
        heap.runtime.name,
        live,
        None if of is None else f"{of:#x}",
        tuple(retained_object(heap, row, live.size) for row in chosen),
        heap.problems,
    )


def retained_types(heap: RootedHeap) -> RetainedTypes:
    """Return all types that have live objects, those that retain most first."""
    graph, live = heap.graph, live_totals(heap)
    counts, totals = heap.type_retention
    sizes = heap.amounts.live_sizes
    rows = [
        RetainedType(
            f"{graph.types[kind].method_table:#x}",
            heap.type_name(kind),
            counts[kind],
            sizes[kind],
            totals[kind],
            share(totals[kind], live.size),
        )
        for kind in range(len(graph.types))
        if counts[kind]
    ]
    rows.sort(key=lambda row: (-row.retained, row.name))
    return RetainedTypes(heap.runtime.name, live, tuple(rows), heap.problems)


def retained_roots(heap: RootedHeap) -> RetainedRoots:
    """Return all groups of roots that retain something, those that retain most first."""
    live = live_totals(heap)
    counts, totals = heap.root_retention
    rows = [
        RetainedRoot(group.kind, group.name, count, total, share(total, live.size))
        for group, count, total in zip(heap.groups, counts[2:], totals[2:], strict=True)
        if count
    ]
    rows.sort(key=lambda row: (-row.retained, row.kind, row.name))
    return RetainedRoots(heap.runtime.name, live, tuple(rows), heap.problems)


def live_totals(heap: RootedHeap) -> LiveTotals:
    """Return how much of the heap roots reach; free space is neither live nor garbage."""
    amounts, garbage = heap.amounts, [0, 0]
    for kind, shape in enumerate(heap.graph.types):
        if not shape.is_free:
            garbage[0] += amounts.dead_counts[kind]
            garbage[1] += amounts.dead_sizes[kind]
    shared = heap.root_retention[1][1]
    return LiveTotals(sum(amounts.live_counts), sum(amounts.live_sizes), shared, *garbage)


def retained_object(heap: RootedHeap, row: int, live: int) -> RetainedObject:
    """Return the object of a row; ``live`` are the bytes that its share is of."""
    graph = heap.graph
    kind, above, retained = graph.type_ids[row], heap.dominators[row], heap.retained_sizes[row]
    return RetainedObject(
        f"{graph.addresses[row]:#x}",
        f"{graph.types[kind].method_table:#x}",
        heap.type_name(kind),
        graph.sizes[row],
        retained,
        share(retained, live),
        f"{graph.addresses[above]:#x}" if above < len(graph) else None,
    )


def share(part: int, whole: int) -> float:
    """Return which part of a whole, 0 to 1, to four digits."""
    return round(part / whole, 4) if whole else 0.0


def largest_children(heap: RootedHeap, row: int | None, wanted: bytearray, limit: int) -> Sequence[int]:
    """Return up to ``limit`` rows of ``wanted`` types that ``row`` dominates directly, those that retain most.

    None is what only all roots together dominate.
    """
    graph, (first, following) = heap.graph, heap.children
    rows, state = allocate("I", min(limit, len(graph))), array("Q", [0])
    start = first[len(graph) if row is None else row]
    found = kernel.find_largest_children(start, following, heap.retained_sizes, graph.type_ids, wanted, rows, state)
    return rows[:found]


def _largest(heap: RootedHeap, wanted: bytearray, limit: int) -> Sequence[int]:
    rows, state = allocate("I", min(limit, len(heap.graph))), array("Q", [0])
    found = kernel.find_largest(heap.retained_sizes, heap.graph.type_ids, wanted, rows, state)
    return rows[:found]
