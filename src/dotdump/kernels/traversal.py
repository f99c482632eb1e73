# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False, cdivision=True
"""Breadth-first search over a graph of objects: what can be reached, and the way back to the nearest root.

A graph is ``edge_offsets`` and ``edge_targets``: the targets of node i stand from ``edge_offsets[i]`` up to
``edge_offsets[i + 1]``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.kernels import Column

UNREACHED = 0
"""In a column of parents: not reached. 1 is a root, everything else two more than the parent."""


def find_parents(
    roots: Sequence[int],
    edge_offsets: Sequence[int],
    edge_targets: Sequence[int],
    parents: Column,
    queue: Column,
) -> int:
    """Set ``parents``, which must be zero, of all that ``roots`` reach, on a shortest way; return how many.

    ``queue`` receives them, nearest first; among the equally near the order is that of roots and of references.
    """
    nodes = len(edge_offsets) - 1
    tail = 0
    index = 0
    while index < len(roots):
        node = roots[index]
        index = index + 1
        if node < nodes and parents[node] == 0:
            parents[node] = 1
            queue[tail] = node
            tail = tail + 1
    head = 0
    while head < tail:
        node = queue[head]
        head = head + 1
        edge = edge_offsets[node]
        end = edge_offsets[node + 1]
        while edge < end:
            target = edge_targets[edge]
            edge = edge + 1
            if parents[target] == 0:
                parents[target] = node + 2
                queue[tail] = target
                tail = tail + 1
    return tail


def find_referrers(
    node: int,
    first_edge: int,
    edge_targets: Sequence[int],
    edge_offsets: Sequence[int],
    found: Column,
) -> int:
    """Write into ``found`` the edges from ``first_edge`` on that lead to ``node``, as many as fit; return how many."""
    edge = first_edge
    edges = edge_offsets[len(edge_offsets) - 1]
    count = 0
    room = len(found)
    while edge < edges and count < room:
        if edge_targets[edge] == node:
            found[count] = edge
            count = count + 1
        edge = edge + 1
    return count
