"""What follows from a graph, as tuples of columns by row."""

from __future__ import annotations

from typing import NamedTuple


class ShortestWays(NamedTuple):
    """``parents``: 0 if unreached, 1 for a root, else two more than the row before it on a shortest way."""

    parents: memoryview[int]


class Referrers(NamedTuple):
    """References turned round: what refers to row i is ``rows[offsets[i]:offsets[i + 1]]``, once a reference."""

    offsets: memoryview[int]
    rows: memoryview[int]


class DominatorTree(NamedTuple):
    """``dominators`` (``dominators.ROOT``, ``dominators.NONE``) and ``retained_sizes`` in bytes."""

    dominators: memoryview[int]
    retained_sizes: memoryview[int]


class ChildLinks(NamedTuple):
    """The dominator tree from above: ``first`` and ``following`` are one more than a row, 0 at the end.

    ``first`` has one row more than the graph: the first of those that only all roots together dominate.
    """

    first: memoryview[int]
    following: memoryview[int]
