"""``RootedGraph``: the graph of the heap together with what keeps its objects alive.

This is what reachability, paths and retained sizes are asked of: ``graph.roots`` are the rows that some root keeps,
``roots_of`` says which. A dependent handle is no root; its secondary is a reference of its primary in the graph itself.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from dotdump.clr.contracts.gc import SegmentKind
from dotdump.clr.model.root import ClrRoot, RootKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.contracts.gc import Segment
    from dotdump.clr.graph.object_graph import ObjectGraph
    from dotdump.target.model import Problem


class RootedGraph:
    """``graph`` has the rows of ``roots`` as its roots, and all objects of frozen segments.

    Those that only a stack keeps that was read conservatively are its possible roots.

    ``roots`` are sorted by object; ``problems`` are those of finding them.
    """

    def __init__(
        self,
        graph: ObjectGraph,
        roots: Sequence[ClrRoot],
        segments: Sequence[Segment],
        problems: Sequence[Problem] = (),
    ) -> None:
        self.roots = tuple(sorted(roots, key=lambda root: (root.object, root.kind, root.address)))
        self.problems = problems
        self._frozen = [_rows(graph, segment) for segment in segments if segment.kind is SegmentKind.FROZEN]
        rows: dict[bool, list[int]] = {True: [], False: []}
        for root in self.roots:
            row = graph.find(root.object)
            if row is not None:
                rows[root.kind is not RootKind.STACK_CONSERVATIVE].append(row)
        self.graph = graph.with_root_rows(chain(rows[True], *self._frozen), rows[False])

    @cached_property
    def _objects(self) -> array[int]:
        return array("Q", (root.object for root in self.roots))

    def roots_of(self, row: int) -> list[ClrRoot]:
        """Return what keeps the object of a row by itself; empty where only other objects do."""
        address = self.graph.addresses[row]
        first, last = bisect_left(self._objects, address), bisect_right(self._objects, address)
        found = list(self.roots[first:last])
        if any(row in rows for rows in self._frozen):
            found.append(ClrRoot(RootKind.FROZEN, 0, address, "frozen segment"))
        return found


def _rows(graph: ObjectGraph, segment: Segment) -> range:
    return range(bisect_left(graph.addresses, segment.start), bisect_left(graph.addresses, segment.end))
