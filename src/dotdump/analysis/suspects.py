"""What looks like a leak: what keeps a large part of all that lives, where that comes together, and of what it is.

From a suspect the way goes down the dominator tree for as long as one child has most of what its parent retains: where
that ends is the accumulation point, an array of a collection as a rule, and what it holds is what there is too much of.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from dotdump.analysis.retention import (
    LiveTotals,
    RetainedObject,
    largest_children,
    live_totals,
    retained_object,
    share,
)
from dotdump.analysis.root_paths import WayShapes, group_text, paths_to_row
from dotdump.clr.graph.columns import allocate
from dotdump.kernels import retention as kernel
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from dotdump.analysis.root_paths import RootPath
    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.target.model import Problem

DEFAULT_SHARE = 0.1
_MAIN_PERCENT = 70
_MOST_SUSPECTS = 20
_SHOWN_TYPES = 3


@record
class HeldType:
    """Objects of one type that another dominates directly, and what they retain in bytes."""

    name: str
    count: int
    retained: int


@record
class LeakSuspect:
    """One object, or ``count`` objects of one type that nothing but roots dominates; ``reason`` says why in a sentence.

    ``path`` leads to the object, or to one of them. ``point`` is where what it retains comes together, ``chain`` is
    more than 1 where that is the first of so many objects of its type, and ``holds`` is what it is of, most first.
    """

    name: str
    count: int
    retained: int
    share: float
    reason: str
    path: RootPath | None
    object: RetainedObject | None
    point: RetainedObject | None
    chain: int
    holds: tuple[HeldType, ...]


@record
class LeakSuspects:
    """Suspects that retain at least ``threshold`` of what lives, most first."""

    runtime: str
    live: LiveTotals
    threshold: float
    suspects: tuple[LeakSuspect, ...]
    problems: tuple[Problem, ...]


def leak_suspects(heap: RootedHeap, threshold: float = DEFAULT_SHARE) -> LeakSuspects:
    """Return what retains at least ``threshold`` (0 to 1) of all that lives, alone or together with its like."""
    live = live_totals(heap)
    least = max(1, int(threshold * live.size))
    everything = bytearray(b"\1") * len(heap.graph.types)
    rows = [
        row for row in largest_children(heap, None, everything, _MOST_SUSPECTS) if heap.retained_sizes[row] >= least
    ]
    found = [_of_object(heap, row, live.size) for row in rows]
    found += _of_types(heap, rows, least, live.size)
    found.sort(key=lambda suspect: (-suspect.retained, suspect.name))
    return LeakSuspects(heap.runtime.name, live, threshold, tuple(found), heap.problems)


class _Gathered(NamedTuple):
    """Where what an object retains comes together, and of what it is."""

    point: RetainedObject
    chain: int
    holds: tuple[HeldType, ...]


def _of_object(heap: RootedHeap, row: int, live: int) -> LeakSuspect:
    suspect, found = retained_object(heap, row, live), _gathered(heap, row, live)
    path = next(paths_to_row(heap, row, 1), None)
    reason = _reason(heap, suspect, path, found)
    return LeakSuspect(suspect.name, 1, suspect.retained, suspect.share, reason, path, suspect, *found)


def _gathered(heap: RootedHeap, row: int, live: int) -> _Gathered:
    chain = array("Q", [1])
    columns = (*heap.children, heap.graph.type_ids, heap.retained_sizes)
    point = kernel.accumulation_point(row, *columns, _MAIN_PERCENT, chain)
    return _Gathered(retained_object(heap, point, live), chain[0], tuple(_held(heap, point)))


def _of_types(heap: RootedHeap, alone: list[int], least: int, live: int) -> Iterator[LeakSuspect]:
    """Yield the types of which many objects retain much together, though none does alone."""
    graph, (first, following) = heap.graph, heap.children
    counts, totals = (allocate("Q", len(graph.types)) for _ in range(2))
    kernel.add_children(first[len(graph)], following, graph.type_ids, heap.retained_sizes, counts, totals)
    every, apart = counts.tolist(), frozenset(alone)
    for row in alone:
        counts[graph.type_ids[row]] -= 1
        totals[graph.type_ids[row]] -= heap.retained_sizes[row]
    for kind in range(len(graph.types)):
        if totals[kind] >= least and counts[kind] > 1:
            rows = largest_children(heap, None, _only(heap, kind), every[kind])
            yield _of_type(heap, array("I", (row for row in rows if row not in apart)), totals[kind], live)


def _only(heap: RootedHeap, kind: int) -> bytearray:
    wanted = bytearray(len(heap.graph.types))
    wanted[kind] = 1
    return wanted


def _of_type(heap: RootedHeap, rows: Collection[int], retained: int, live: int) -> LeakSuspect:
    """Return these objects of one type as a suspect, with the way that leads to most of them."""
    kind = heap.graph.type_ids[min(rows)]
    shape = WayShapes(heap, _only(heap, kind)).leading_to_most(rows)
    name, part = heap.type_name(kind), share(retained, live)
    reason = (
        f"{len(rows):,} {name} that no single object holds retain {part:.0%} of what lives; "
        f"{shape.count:,} {'is' if shape.count == 1 else 'are'} reached by {shape.name}"
    )
    return LeakSuspect(name, len(rows), retained, part, reason, shape.example, None, None, 1, ())


def _held(heap: RootedHeap, row: int) -> Iterator[HeldType]:
    graph, (first, following) = heap.graph, heap.children
    counts, totals = (allocate("Q", len(graph.types)) for _ in range(2))
    kernel.add_children(first[row], following, graph.type_ids, heap.retained_sizes, counts, totals)
    kinds = sorted((kind for kind, count in enumerate(counts) if count), key=lambda kind: -totals[kind])
    for kind in kinds[:_SHOWN_TYPES]:
        yield HeldType(heap.type_name(kind), counts[kind], totals[kind])


def _reason(heap: RootedHeap, suspect: RetainedObject, path: RootPath | None, found: _Gathered) -> str:
    words = f"one {suspect.name} retains {suspect.share:.0%} of what lives"
    row = heap.graph.find(int(path.steps[0].address, 16)) if path is not None else None
    if row is not None:
        words = f"{group_text(heap.group_of(row))} leads to {words}"
    point = found.point
    if found.chain > 1:
        return f"{words}; it is of a chain of {found.chain:,} {point.name}"
    if not found.holds:
        return words if point == suspect else f"{words}; nearly all of it is one {point.name} at {point.address}"
    most = found.holds[0]
    part = share(most.retained, point.retained)
    where = "it" if point == suspect else f"it comes together in {point.name} at {point.address}, which"
    return f"{words}; {where} holds {most.count:,} {most.name}, {part:.0%} of what that retains"
