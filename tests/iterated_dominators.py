"""Dominators as Cooper, Harvey and Kennedy find them: what another, slower algorithm says of the same graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.graph.object_graph import NONE, ROOT

if TYPE_CHECKING:
    from dotdump.clr.graph.object_graph import ObjectGraph


def dominators_by_iteration(graph: ObjectGraph) -> list[int]:
    """Return the immediate dominator of each row, as ``graph.dominators()`` has them."""
    order = _postorder(graph)
    number = {node: place for place, node in enumerate(order)}
    before: list[list[int]] = [[] for _ in range(len(order) + 1)]
    for node in order:
        for target in graph.references(node):
            before[number[target]].append(number[node])
    for root in graph.effective_roots:
        before[number[root]].append(len(order))
    above = _iterate(before)
    result = [NONE] * len(graph)
    for place, node in enumerate(order):
        result[node] = ROOT if above[place] == len(order) else order[above[place]]
    return result


def _postorder(graph: ObjectGraph) -> list[int]:
    order, seen = [], bytearray(len(graph))
    stack = [(-1, iter(graph.effective_roots))]
    while stack:
        node, targets = stack[-1]
        target = next((each for each in targets if not seen[each]), None)
        if target is None:
            order.append(node)
            stack.pop()
        else:
            seen[target] = 1
            stack.append((target, iter(graph.references(target))))
    return order[:-1]


def _iterate(before: list[list[int]]) -> list[int]:
    """Return the dominator of each number; the last is the node above all roots."""
    top = len(before) - 1
    above = [-1] * top + [top]
    changed = True
    while changed:
        changed = False
        for place in range(top - 1, -1, -1):
            known = [source for source in before[place] if above[source] >= 0]
            found = known[0]
            for other in known[1:]:
                found = _meet(found, other, above)
            changed |= above[place] != found
            above[place] = found
    return above


def _meet(one: int, other: int, above: list[int]) -> int:
    while one != other:
        if one < other:
            one = above[one]
        else:
            other = above[other]
    return one
