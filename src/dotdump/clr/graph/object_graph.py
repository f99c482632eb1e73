"""``ObjectGraph``: the whole heap as columns, and the questions that need all of it.

Objects are rows, in order of address; an edge is the index of the row that it leads to. Knows no names and no
memory: it can be built, saved and asked on different machines.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.clr.graph.columns import allocate, narrowest
from dotdump.clr.graph.parts import ChildLinks, Referrers, ShortestWays
from dotdump.errors import FormatError
from dotdump.kernels import dominators as dominator_kernel
from dotdump.kernels import paths, retention, traversal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.graph.dominator_tree import Tell
    from dotdump.clr.graph.parts import DominatorTree
    from dotdump.target.model import Problem

_BATCH = 4096


class ObjectGraph:
    """Objects by row: ``addresses``, ``type_ids`` (into ``types``), ``sizes`` in bytes, ``generations``.

    The references of row i are ``edge_targets[edge_offsets[i]:edge_offsets[i + 1]]``; those that lead to no object
    are left out and counted in ``dangling``. ``roots`` are the rows that are reachable by themselves; of
    ``possible_roots`` that is not certain, so they only count where nothing certain leads to them.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- one for each column
        self,
        addresses: memoryview[int],
        type_ids: memoryview[int],
        sizes: memoryview[int],
        generations: memoryview[int],
        edge_offsets: memoryview[int],
        edge_targets: memoryview[int],
        types: Sequence[ObjectShape],
        problems: Sequence[Problem] = (),
        dangling: int = 0,
    ) -> None:
        self.addresses, self.type_ids, self.sizes, self.generations = addresses, type_ids, sizes, generations
        self.edge_offsets, self.edge_targets = edge_offsets, edge_targets
        self.types, self.problems, self.dangling = types, problems, dangling
        self.roots, self.possible_roots = array("I"), array("I")

    def __len__(self) -> int:
        return len(self.addresses)

    @property
    def edge_count(self) -> int:
        """How many references there are."""
        return len(self.edge_targets)

    def with_roots(self, addresses: Iterable[int]) -> ObjectGraph:
        """Return the same graph whose roots are the objects at ``addresses``; what is no object is left out."""
        return self.with_root_rows(row for address in addresses if (row := self.find(address)) is not None)

    def with_root_rows(self, rows: Iterable[int], possible: Iterable[int] = ()) -> ObjectGraph:
        """Return the same graph whose roots are ``rows``, and perhaps the ``possible`` ones."""
        certain = set(rows)
        roots, others = (array("I", sorted(found)) for found in (certain, set(possible) - certain))
        columns = self.addresses, self.type_ids, self.sizes, self.generations, self.edge_offsets, self.edge_targets
        graph = ObjectGraph(*columns, self.types, self.problems, self.dangling)
        graph.roots, graph.possible_roots = roots, others
        return graph

    def find(self, address: int) -> int | None:
        """Return the row of the object that starts at ``address``, or None."""
        row = bisect_left(self.addresses, address)
        return row if row < len(self.addresses) and self.addresses[row] == address else None

    def references(self, row: int) -> memoryview[int]:
        """Return the rows that ``row`` refers to, one for each reference."""
        return self.edge_targets[self.edge_offsets[row] : self.edge_offsets[row + 1]]

    @cached_property
    def referrer_columns(self) -> Referrers:
        """The references turned round."""
        offsets = allocate(narrowest(self.edge_count), len(self) + 1)
        rows = allocate("I", self.edge_count)
        with _damage_told():
            paths.count_referrers(self.edge_targets, offsets)
            paths.list_referrers(self.edge_offsets, self.edge_targets, offsets, rows)
        return Referrers(offsets, rows)

    def referrers(self, row: int) -> Iterator[int]:
        """Yield each row that refers to ``row``, once for each reference; reads all references."""
        found = array("Q", bytes(8 * _BATCH))
        first = 0
        while True:
            count = traversal.find_referrers(row, first, self.edge_targets, self.edge_offsets, found)
            yield from (bisect_right(self.edge_offsets, edge) - 1 for edge in found[:count])
            if count < _BATCH:
                return
            first = found[count - 1] + 1

    @cached_property
    def shortest_ways(self) -> ShortestWays:
        """A shortest way from a root to each object; from a possible root only where no other is."""
        parents, queue = allocate("I", len(self)), allocate("I", len(self))
        with _damage_told():
            for roots in (self.roots, self.possible_roots):
                traversal.find_parents(roots, self.edge_offsets, self.edge_targets, parents, queue)
        return ShortestWays(parents)

    @property
    def parents(self) -> memoryview[int]:
        """For each row 0 if unreached, 1 for a root, else two more than the row before it, on a shortest way."""
        return self.shortest_ways.parents

    @property
    def effective_roots(self) -> array[int]:
        """The roots, and those possible ones that no root reaches."""
        return self.roots + array("I", (row for row in self.possible_roots if self.parents[row] == 1))

    def is_reachable(self, row: int) -> bool:
        """Return whether a root leads to ``row``."""
        return self.parents[row] != traversal.UNREACHED

    def path_to_root(self, row: int) -> list[int]:
        """Return a shortest way from a root to ``row``, the root first; empty where no root reaches it."""
        path: list[int] = []
        step = self.parents[row]
        while step != traversal.UNREACHED:
            path.append(row)
            if step == 1:
                return path[::-1]
            row = step - 2
            if row >= len(self) or len(path) > len(self):
                raise FormatError(f"the way to a root leads to row {row}", source="index")
            step = self.parents[row]
        return []

    @cached_property
    def dominator_tree(self) -> DominatorTree:
        """What has to go for an object to go, for all objects that roots reach."""
        return self.build_dominator_tree()

    def build_dominator_tree(self, tell: Tell | None = None) -> DominatorTree:
        """Return ``dominator_tree`` made anew; ``tell`` is told a phase, how many steps are done, and of how many."""
        from dotdump.clr.graph.dominator_tree import build_dominator_tree

        with _damage_told():
            return build_dominator_tree(self, tell)

    @cached_property
    def child_links(self) -> ChildLinks:
        """The dominator tree from above."""
        first, following = allocate("I", len(self) + 1), allocate("I", len(self))
        with _damage_told():
            retention.link_children(self.dominators(), first, following)
        return ChildLinks(first, following)

    def dominators(self) -> memoryview[int]:
        """Return the immediate dominator of each row; ``ROOT`` where only all roots together are one, else ``NONE``."""
        return self.dominator_tree.dominators

    def retained_sizes(self) -> memoryview[int]:
        """Return for each row the bytes that would go with it; 0 where no root reaches it."""
        return self.dominator_tree.retained_sizes


@contextmanager
def _damage_told() -> Iterator[None]:
    """Turn a row or an edge that is not there, as a damaged index has them, into an error of ours."""
    try:
        yield
    except IndexError:
        raise FormatError("a reference leads to a row that is not there", source="index") from None


NONE = dominator_kernel.NONE
ROOT = dominator_kernel.ROOT
