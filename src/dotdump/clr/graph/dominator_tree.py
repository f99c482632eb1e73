"""The dominator tree of an ``ObjectGraph``: columns by row, made by ``kernels.dominators``.

Holds at its peak six columns of 4 bytes for each object, and 4 bytes for each reference that is not the first to reach
its object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.graph.columns import allocate, narrowest
from dotdump.clr.graph.parts import DominatorTree
from dotdump.kernels import dominators as kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.clr.graph.object_graph import ObjectGraph

    Tell = Callable[[str, int, int], None]

_STEPS = 4


def build_dominator_tree(graph: ObjectGraph, tell: Tell | None = None) -> DominatorTree:
    """Return the dominator tree of what roots reach; ``tell`` is told a phase, how many steps are done, of how many."""
    tell = tell or _silent
    tell("numbering objects", 0, _STEPS)
    nodes = len(graph)
    roots = graph.effective_roots
    edges = (graph.edge_offsets, graph.edge_targets)
    wide = narrowest(graph.edge_count)
    numbers, order, ancestors = (allocate("I", nodes + 1) for _ in range(3))
    cursors = allocate(wide, nodes + 1)
    highest = kernel.number_depth_first(roots, *edges, numbers, order, ancestors, cursors)
    del cursors
    tell("sorting references", 1, _STEPS)
    offsets = allocate(wide, nodes + 1)
    total = kernel.count_predecessors(highest, *edges, numbers, order, ancestors, offsets)
    predecessors = allocate("I", total)
    kernel.list_predecessors(highest, *edges, numbers, order, ancestors, offsets, predecessors)
    semi = allocate("I", nodes + 1)
    semi[: highest + 1] = ancestors[: highest + 1]
    for root in roots:
        semi[numbers[root]] = 0
    del numbers
    label, found = (allocate("I", nodes + 1) for _ in range(2))
    tell("finding dominators", 2, _STEPS)
    kernel.find_dominators(highest, total, ancestors, offsets, predecessors, semi, label, found)
    del ancestors, offsets, predecessors, semi, label
    tell("adding up what is retained", 3, _STEPS)
    result = allocate("I", nodes)
    _fill(result, kernel.NONE)
    kernel.by_node(highest, order, found, result)
    retained = allocate("Q", nodes)
    kernel.retain(highest, order, found, graph.sizes, retained)
    return DominatorTree(result, retained)


def _silent(_phase: str, _done: int, _total: int) -> None:
    """Progress that nobody follows."""


def _fill(column: memoryview[int], value: int) -> None:
    pattern = value.to_bytes(column.itemsize, "little") * 4096
    raw = column.cast("B")
    for start in range(0, len(raw), len(pattern)):
        raw[start : start + len(pattern)] = pattern[: len(raw) - start]
