# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False, cdivision=True
"""Rows of a graph counted: all by type, those that are marked or not, and those that two graphs have in common."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.kernels import Column

NO_TYPE = 0xFFFFFFFF
"""In ``others``: a type that the other graph does not have."""


def count_types(last: int, type_ids: Sequence[int], sizes: Sequence[int], counts: Column, totals: Column) -> None:
    """Add the rows before ``last`` by type: how many to ``counts``, their bytes to ``totals``."""
    row = 0
    while row < last:
        counts[type_ids[row]] += 1
        totals[type_ids[row]] += sizes[row]
        row = row + 1


def count_rows(
    first: int,
    last: int,
    type_ids: Sequence[int],
    sizes: Sequence[int],
    marks: Sequence[int],
    marked: int,
    counts: Column,
    totals: Column,
) -> int:
    """Add the rows ``[first, last)`` that have a mark, or with ``marked`` 0 those without, by type; return how many.

    A mark is anything but 0; ``counts`` are objects and ``totals`` bytes.
    """
    found = 0
    row = first
    while row < last:
        if (marks[row] != 0) == (marked != 0):
            counts[type_ids[row]] += 1
            totals[type_ids[row]] += sizes[row]
            found = found + 1
        row = row + 1
    return found


def match_rows(
    addresses: Sequence[int],
    type_ids: Sequence[int],
    sizes: Sequence[int],
    others: Sequence[int],
    other_addresses: Sequence[int],
    other_type_ids: Sequence[int],
    other_sizes: Sequence[int],
    marks: Column,
    counts: Column,
) -> int:
    """Count by type the rows that stand at the same address, are of one type and one size in both graphs.

    ``others`` is the type of the other graph for each type of this one. ``marks`` by row of this graph, which must be
    zero, become 1 where the other has no such row. Return how many rows are the same.
    """
    row = 0
    other = 0
    rows = len(addresses)
    other_rows = len(other_addresses)
    same = 0
    while row < rows:
        address = addresses[row]
        while other < other_rows and other_addresses[other] < address:
            other = other + 1
        if (
            other < other_rows
            and other_addresses[other] == address
            and others[type_ids[row]] == other_type_ids[other]
            and sizes[row] == other_sizes[other]
        ):
            counts[type_ids[row]] += 1
            same = same + 1
        else:
            marks[row] = 1
        row = row + 1
    return same
