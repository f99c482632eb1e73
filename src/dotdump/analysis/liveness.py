"""What of a heap is alive: statistics of the objects that roots reach, or of those that wait to be collected."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from dotdump.analysis.statistics import (
    GENERATIONS,
    Amount,
    HeapStatistics,
    TypeRow,
    generation_names,
    generation_rows,
)
from dotdump.clr.graph.columns import allocate
from dotdump.kernels import tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.rooted_heap import RootedHeap


def live_statistics(heap: RootedHeap, *, live: bool = True) -> HeapStatistics:
    """Return the statistics of what roots reach, or with ``live`` False of what they do not; free space is neither."""
    runtime = heap.runtime
    rows = sorted(_rows(heap, live=live), key=lambda row: (-row.size, row.name))
    return HeapStatistics(
        runtime=runtime.name,
        server=runtime.heap.is_server,
        walkable=runtime.heap.can_walk,
        objects=sum(row.count for row in rows),
        bytes=sum(row.size for row in rows),
        free_bytes=0,
        generations=tuple(generation_rows(runtime.heap.segments, rows)),
        types=tuple(rows),
        problems=heap.problems,
    )


def _rows(heap: RootedHeap, *, live: bool) -> Iterator[TypeRow]:
    graph, kinds = heap.graph, len(heap.graph.types)
    totals = {name: (allocate("Q", kinds), allocate("Q", kinds)) for name in GENERATIONS}
    for span, name in generation_names(heap.runtime.heap.segments):
        first, last = (bisect_left(graph.addresses, address) for address in (span.start, span.end))
        tally.count_rows(first, last, graph.type_ids, graph.sizes, heap.parents, int(live), *totals[name])
    for kind, shape in enumerate(graph.types):
        parts = {name: Amount(counts[kind], sizes[kind]) for name, (counts, sizes) in totals.items() if counts[kind]}
        if parts and not shape.is_free:
            count, size = (sum(getattr(part, key) for part in parts.values()) for key in ("count", "size"))
            table = shape.method_table
            name, module = heap.type_name(kind), heap.runtime.module_name(table)
            yield TypeRow(f"{table:#x}", name, module, count, size, parts)
