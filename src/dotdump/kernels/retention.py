# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False, cdivision=True
"""The dominator tree from above: children, what each type retains, the largest rows.

``dominators`` are those of ``dominators.by_node``. Children are linked lists: ``first`` and ``following`` are one more
than a row, 0 at the end; ``first`` has one row more than there are nodes, for the node above all roots.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.kernels import Column

ROOT = 0xFFFFFFFE
"""The node above all roots, in ``dominators``."""

NONE = 0xFFFFFFFF
"""What no root reaches, in ``dominators``."""


def link_children(dominators: Sequence[int], first: Column, following: Column) -> None:
    """Link the children of every node, those of lower rows first; ``first`` must be zero."""
    nodes = len(dominators)
    row = nodes
    while row > 0:
        row = row - 1
        above = dominators[row]
        if above == _NONE:
            continue
        if above == _ROOT:
            above = nodes
        following[row] = first[above]
        first[above] = row + 1


def retained_by_type(
    dominators: Sequence[int],
    first: Sequence[int],
    following: Sequence[int],
    type_ids: Sequence[int],
    retained: Sequence[int],
    opened: Column,
    counts: Column,
    totals: Column,
) -> None:
    """Add to ``totals`` what nodes of each type retain together, and to ``counts`` how many there are.

    A node below another of its type is not counted twice. ``opened`` is scratch by type and must be zero.
    """
    current = first[len(dominators)]
    while current != 0:
        row = current - 1
        kind = type_ids[row]
        counts[kind] += 1
        if opened[kind] == 0:
            totals[kind] += retained[row]
        opened[kind] += 1
        current = first[row]
        while current == 0:
            opened[type_ids[row]] -= 1
            current = following[row]
            if dominators[row] == _ROOT:
                break
            if current == 0:
                row = dominators[row]


def add_children(
    current: int,
    following: Sequence[int],
    type_ids: Sequence[int],
    retained: Sequence[int],
    counts: Column,
    totals: Column,
) -> int:
    """Add the nodes of a list of children to ``counts`` and ``totals`` by type, its first being ``current - 1``.

    Return how many there are.
    """
    found = 0
    while current != 0:
        row = current - 1
        counts[type_ids[row]] += 1
        totals[type_ids[row]] += retained[row]
        found = found + 1
        current = following[row]
    return found


def accumulation_point(
    row: int,
    first: Sequence[int],
    following: Sequence[int],
    type_ids: Sequence[int],
    retained: Sequence[int],
    percent: int,
    chain: Column,
) -> int:
    """Return where what ``row`` retains comes together: below no child retains ``percent`` of what its parent does.

    A chain of one type, as lists are, is not followed; ``chain`` receives how many nodes of it there are, up to
    where a child no longer retains that much.
    """
    point = row
    length = 1
    while True:
        best = 0
        child = 0
        current = first[row]
        while current != 0:
            if retained[current - 1] > best:
                best = retained[current - 1]
                child = current
            current = following[current - 1]
        if child == 0 or best * 100 < retained[row] * percent:
            break
        if type_ids[child - 1] == type_ids[row]:
            length = length + 1
        elif length > 1:
            break
        else:
            point = child - 1
        row = child - 1
    chain[0] = length
    return point


def find_largest(
    values: Sequence[int], type_ids: Sequence[int], wanted: Sequence[int], rows: Column, state: Column
) -> int:
    """Write into ``rows`` those of the largest values whose type is ``wanted``, in no order; return how many.

    Rows whose value is 0 are left out. ``state`` receives how many rows there were in all.
    """
    count = 0
    found = 0
    row = 0
    end = len(values)
    while row < end:
        if values[row] != 0 and wanted[type_ids[row]] != 0:
            found = found + 1
            count = _keep(values, row, rows, count)
        row = row + 1
    state[0] = found
    return count


def find_largest_children(
    current: int,
    following: Sequence[int],
    values: Sequence[int],
    type_ids: Sequence[int],
    wanted: Sequence[int],
    rows: Column,
    state: Column,
) -> int:
    """Do as ``find_largest`` among a list of children, its first being ``current - 1``."""
    count = 0
    found = 0
    while current != 0:
        row = current - 1
        if wanted[type_ids[row]] != 0:
            found = found + 1
            count = _keep(values, row, rows, count)
        current = following[row]
    state[0] = found
    return count


def _keep(values: Sequence[int], row: int, rows: Column, count: int) -> int:
    """Put ``row`` among the ``count`` rows of the largest values, where it is one; return how many they are now."""
    room = len(rows)
    if count < room:
        rows[count] = row
        count = count + 1
        if count == room:
            _make_heap(values, rows, count)
    elif room != 0 and values[row] > values[rows[0]]:
        rows[0] = row
        _sink(values, rows, 0, count)
    return count


def _make_heap(values: Sequence[int], rows: Column, count: int) -> None:
    place = count // 2
    while place > 0:
        place = place - 1
        _sink(values, rows, place, count)


def _sink(values: Sequence[int], rows: Column, place: int, count: int) -> None:
    """Let the row at ``place`` sink until no row below it has a smaller value."""
    row = rows[place]
    child = 2 * place + 1
    while child < count:
        if child + 1 < count and values[rows[child + 1]] < values[rows[child]]:
            child = child + 1
        if values[rows[child]] >= values[row]:
            break
        rows[place] = rows[child]
        place = child
        child = 2 * place + 1
    rows[place] = row


_ROOT = ROOT
_NONE = NONE
