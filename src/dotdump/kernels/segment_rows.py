# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False, cdivision=True
"""Passes over the mappings of a process and the segments of a core, of which there may be tens of thousands.

Columns ``starts`` and ``ends`` are addresses, of a row each, ascending.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

LEFT_OUT, ALONE, JOINED = 0, 1, 2
"""What ``join`` does with a row."""
_MOST = (1 << 64) - 1


def total_size(starts: Sequence[int], ends: Sequence[int], chosen: Sequence[int]) -> int:
    """Return the bytes in all rows whose byte in ``chosen`` is not 0."""
    total = 0
    for row in range(len(starts)):
        if chosen[row]:
            total = total + (ends[row] - starts[row])
    return total


def measure(starts: Sequence[int], ends: Sequence[int], sizes: MutableSequence[int]) -> int:
    """Fill ``sizes`` with the bytes of each row; return how many rows there are."""
    for row in range(len(starts)):
        sizes[row] = (ends[row] - starts[row]) & _MOST
    return len(starts)


def all_bits(starts: Sequence[int], sizes: Sequence[int]) -> int:
    """Return the bits that are in any of the numbers."""
    bits = 0
    for row in range(len(starts)):
        bits = bits | starts[row] | sizes[row]
    return bits


def join(starts: Sequence[int], ends: Sequence[int], kinds: Sequence[int], spans: MutableSequence[int]) -> int:
    """Fill ``spans`` with the first row and the last of each span; return how many numbers were filled.

    Neighbours that are both ``JOINED`` are of one span, a row that is ``ALONE`` is one of its own.
    ``spans`` must hold two numbers a row.
    """
    filled = 0
    joins = 0
    for row in range(len(starts)):
        kind = kinds[row]
        if kind == 0:
            continue
        if joins and kind == 2 and ends[spans[filled - 1]] == starts[row]:
            spans[filled - 1] = row
        else:
            spans[filled] = row
            spans[filled + 1] = row
            filled = filled + 2
        joins = kind == 2
    return filled


def place(
    starts: Sequence[int],
    sizes: Sequence[int],
    shares: Sequence[int],
    position: int,
    shared: int,
    page: int,
    offsets: MutableSequence[int],
) -> int:
    """Fill ``offsets`` with where each segment's memory lies in the file; return where the last one ends.

    It begins at ``position``, congruent to its address within a page; a segment that is marked in ``shares`` lies at
    ``shared`` and takes no room.
    """
    for row in range(len(starts)):
        if shares[row]:
            offsets[row] = shared
            continue
        if sizes[row]:
            position = (position + page - 1) // page * page + starts[row] % page
        offsets[row] = position
        position = position + sizes[row]
    return position


def find_extents(
    starts: Sequence[int], sizes: Sequence[int], offsets: Sequence[int], apart: int, extents: MutableSequence[int]
) -> int:
    """Fill ``extents`` with start, end and offset of what is stored; return how many numbers were filled.

    Neighbours in memory and in the file are one, but for a segment at ``apart`` (0 for none) and what follows it.
    ``extents`` must hold three numbers a row.
    """
    filled = 0
    start = end = offset = 0
    for row in range(len(starts)):
        size = sizes[row]
        if size == 0:
            continue
        follows = start < end and starts[row] == end and offsets[row] - offset == end - start
        if follows and (apart == 0 or apart not in (start, end)):
            end = end + size
            extents[filled - 2] = end
            continue
        start = starts[row]
        end = start + size
        offset = offsets[row]
        extents[filled] = start
        extents[filled + 1] = end
        extents[filled + 2] = offset
        filled = filled + 3
    return filled


def find_kind(table: Sequence[int], width: int, kind: int, rows: MutableSequence[int]) -> int:
    """Fill ``rows`` with those of a table, ``width`` words each, whose first word has 32 low bits of ``kind``.

    Returns how many there are.
    """
    filled = 0
    for row in range(len(table) // width):
        if table[row * width] & 0xFFFFFFFF == kind:
            rows[filled] = row
            filled = filled + 1
    return filled


def gather(table: Sequence[int], width: int, place: int, rows: Sequence[int], column: MutableSequence[int]) -> int:
    """Fill ``column`` with the words at ``place`` of some rows; return how many are smaller than the one before."""
    falls = 0
    for index in range(len(rows)):
        column[index] = table[rows[index] * width + place]
        if index and column[index] < column[index - 1]:
            falls = falls + 1
    return falls


def add_up(
    starts: Sequence[int],
    sizes: Sequence[int],
    stored: Sequence[int],
    offsets: Sequence[int],
    found: MutableSequence[int],
) -> int:
    """Find how many segments overlap the one before, how many store more than there is, bytes stored, and their end.

    ``found`` takes these four; a number that does not fit into 64 bits is the greatest that does. Returns the rows.
    """
    overlapping = overlong = held = last = reached = 0
    for row in range(len(starts)):
        if row and reached > starts[row]:
            overlapping = overlapping + 1
        if stored[row] > sizes[row]:
            overlong = overlong + 1
        reached = _sum(starts[row], sizes[row])
        held = _sum(held, stored[row])
        end = _sum(offsets[row], stored[row])
        last = max(last, end)
    found[0] = overlapping
    found[1] = overlong
    found[2] = held
    found[3] = last
    return len(starts)


def _sum(left: int, right: int) -> int:
    """Return the sum, or the greatest number of 64 bits where it is greater."""
    return left + right if right <= _MOST - left else _MOST
