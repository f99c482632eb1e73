"""Ways through a graph from its innermost nodes outwards, where several may lead to one and one to several."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

_Node = TypeVar("_Node", bound="Hashable")
_Link = tuple[_Node, "_Link[_Node] | None"]


def outward_ways(nodes: Sequence[_Node], after: Callable[[_Node], Iterable[_Node]]) -> Iterator[list[_Node]]:
    """Yield every way from one of ``nodes`` that no other leads to, to one that leads nowhere.

    Each of ``nodes`` is on one of them: where some lead to each other in a circle, one of these begins a way. Of two
    ways from the same node, the second ends where it would meet the first.
    """
    shown: set[_Node] = set()
    for starts in (_innermost(nodes, after), nodes):
        for start in starts:
            if start not in shown:
                for way in _ways(start, after):
                    shown.update(way)
                    yield way


def _innermost(nodes: Sequence[_Node], after: Callable[[_Node], Iterable[_Node]]) -> list[_Node]:
    left, expanded, outer = list(nodes), set[_Node](), set[_Node]()
    while left:
        node = left.pop()
        if node not in expanded:
            expanded.add(node)
            outer.update(after(node))
            left.extend(after(node))
    return [node for node in nodes if node not in outer]


def _ways(start: _Node, after: Callable[[_Node], Iterable[_Node]]) -> Iterator[list[_Node]]:
    left: list[_Link[_Node]] = [(start, None)]
    seen = {start}
    while left:
        link = left.pop()
        following = [node for node in after(link[0]) if node not in seen]
        seen.update(following)
        left.extend((node, link) for node in reversed(following))
        if not following:
            yield _from_start(link)


def _from_start(link: _Link[_Node] | None) -> list[_Node]:
    way: list[_Node] = []
    while link is not None:
        way.append(link[0])
        link = link[1]
    return way[::-1]
