"""Circles in a graph of who waits for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    Node = TypeVar("Node", bound=Hashable)


def find_cycles(edges: Mapping[Node, Sequence[Node]]) -> Iterator[list[Node]]:
    """Yield circles that have no node in common, each from its first node in the order of ``edges``.

    Every node that is in some circle and in none that was yielded before is in one; nodes without ``edges`` are ends.
    """
    used: set[Node] = set()
    for start in edges:
        if start not in used:
            cycle = _cycle_through(start, edges, used)
            used.update(cycle)
            if cycle:
                yield cycle


def _cycle_through(start: Node, edges: Mapping[Node, Sequence[Node]], used: set[Node]) -> list[Node]:
    """Return a shortest circle through ``start`` that has none of ``used`` in it; empty where there is none."""
    before: dict[Node, Node] = {}
    queue = [start]
    for node in queue:
        for following in edges.get(node, ()):
            if following == start:
                path = [node]
                while path[-1] != start:
                    path.append(before[path[-1]])
                return path[::-1]
            if following not in before and following not in used:
                before[following] = node
                queue.append(following)
    return []
