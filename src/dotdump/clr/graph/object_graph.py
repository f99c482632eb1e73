"""``ObjectGraph``: the whole heap as columns, and the questions that need all of it.

Objects are rows, in order of address; an edge is the index of the row that it leads to. Knows no names and no
memory: it can be built, saved and asked on different machines.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.clr.graph.columns import allocate
from dotdump.errors import FormatError
from dotdump.kernels import dominators as dominator_kernel
from dotdump.kernels import traversal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.graph.dominator_tree import DominatorTree
    from dotdump.target.model import Problem

_BATCH = 4096


@dataclass(frozen=True)
class ObjectGraph:
    """Objects by row: ``addresses``, ``type_ids`` (into ``types``), ``sizes`` in bytes, ``generations``.

    The references of row i are ``edge_targets[edge_offsets[i]:edge_offsets[i + 1]]``; those that lead to no object
    are left out and counted in ``dangling``. ``roots`` are the rows that are reachable by themselves.
    """

    addresses: memoryview[int]
    type_ids: memoryview[int]
    sizes: memoryview[int]
    generations: memoryview[int]
    edge_offsets: memoryview[int]
    edge_targets: memoryview[int]
    types: Sequence[ObjectShape]
    roots: array[int] = field(default_factory=lambda: array("I"))
    problems: Sequence[Problem] = ()
    dangling: int = 0

    def __len__(self) -> int:
        return len(self.addresses)

    @property
    def edge_count(self) -> int:
        """How many references there are."""
        return len(self.edge_targets)

    def with_roots(self, addresses: Iterable[int]) -> ObjectGraph:
        """Return the same graph whose roots are the objects at ``addresses``; what is no object is left out."""
        rows = sorted({row for address in addresses if (row := self.find(address)) is not None})
        columns = (self.addresses, self.type_ids, self.sizes, self.generations, self.edge_offsets, self.edge_targets)
        return ObjectGraph(*columns, self.types, array("I", rows), self.problems, self.dangling)

    def find(self, address: int) -> int | None:
        """Return the row of the object that starts at ``address``, or None."""
        row = bisect_left(self.addresses, address)
        return row if row < len(self.addresses) and self.addresses[row] == address else None

    def references(self, row: int) -> memoryview[int]:
        """Return the rows that ``row`` refers to, one for each reference."""
        return self.edge_targets[self.edge_offsets[row] : self.edge_offsets[row + 1]]

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
    def parents(self) -> memoryview[int]:
        """For each row 0 if unreached, 1 for a root, else two more than the row before it, on a shortest way."""
        parents = allocate("I", len(self))
        queue = allocate("I", len(self))
        with _damage_told():
            traversal.find_parents(self.roots, self.edge_offsets, self.edge_targets, parents, queue)
        return parents

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
        from dotdump.clr.graph.dominator_tree import build_dominator_tree

        with _damage_told():
            return build_dominator_tree(self)

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
