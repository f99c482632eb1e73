# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False, cdivision=True
"""Finds the references of objects and turns them from addresses into indexes.

Knows series of pointers and nothing of where their description comes from.

*Marks* tell which object starts at an address. The heap's addresses from ``lowest`` on are cut into blocks of 4 MiB;
``directory[block]`` is 0 where there is no object, else one more than the number of the block's marks. The marks of
a block are 8192 pairs of words, one pair for each 512 bytes: a bit for each 8 bytes that is set where an object
starts, and the index of the first object that starts there.

A *description* of a type starts at ``descriptions[first[type]]`` with a number n. 0: no pointers. n > 0: n pairs of an
offset and a number of bytes, pointers from the offset on, that number plus the object's size long. n < 0: an array of
structures, an offset, then -n pairs of a number of pointers and the bytes to skip after them, again and again.
``extra[type]`` is 0, or one more than the index of an object that every object of the type refers to.

Source of truth: gcdesc.h, the same from 3.1 to 10 (docs/formats/gc-heap.md).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.kernels import Column

BLOCK_SHIFT = 22
BLOCK_MARKS = 16384
"""Words of marks for each block."""

NONE = 0xFFFFFFFF
"""No object."""


def mark_objects(addresses: Sequence[int], count: int, lowest: int, directory: Sequence[int], marks: Column) -> int:
    """Set the marks of the first ``count`` of the sorted ``addresses``; return how many have a block."""
    row = 0
    done = 0
    while row < count:
        distance = addresses[row] - lowest
        block = directory[distance >> _BLOCK_SHIFT]
        if block != 0:
            pair = (block - 1) * _BLOCK_MARKS + (distance >> 9 & _PAIRS) * 2
            if marks[pair] == 0:
                marks[pair + 1] = row
            marks[pair] |= _ONE << (distance >> 3 & _BITS)
            done = done + 1
        row = row + 1
    return done


def number_blocks(addresses: Sequence[int], count: int, lowest: int, directory: Column) -> int:
    """Give a number to each block in which the first ``count`` of ``addresses`` lie; return how many there are."""
    row = 0
    blocks = 0
    while row < count:
        block = (addresses[row] - lowest) >> _BLOCK_SHIFT
        if directory[block] == 0:
            blocks = blocks + 1
            directory[block] = blocks
        row = row + 1
    return blocks


def index_of(address: int, lowest: int, directory: Sequence[int], marks: Sequence[int]) -> int:
    """Return the index of the object that starts at ``address``, or ``NONE``."""
    if address < lowest or address & 7:
        return _NONE
    distance = address - lowest
    if distance >> _BLOCK_SHIFT >= len(directory):
        return _NONE
    block = directory[distance >> _BLOCK_SHIFT]
    if block == 0:
        return _NONE
    pair = (block - 1) * _BLOCK_MARKS + (distance >> 9 & _PAIRS) * 2
    bit = _ONE << (distance >> 3 & _BITS)
    bits = marks[pair]
    if bits & bit == 0:
        return _NONE
    return marks[pair + 1] + _population(bits & (bit - 1))


def list_references(
    words: Sequence[int],
    base: int,
    first_row: int,
    last_row: int,
    addresses: Sequence[int],
    kinds: Sequence[int],
    sizes: Sequence[int],
    first: Sequence[int],
    descriptions: Sequence[int],
    extra: Sequence[int],
    lowest: int,
    directory: Sequence[int],
    marks: Sequence[int],
    edge: int,
    edge_offsets: Column,
    edge_targets: Column,
    state: Column,
) -> int:
    """Write the references of the objects of rows ``[first_row, last_row)``; return the row it came to.

    Stops before the first object that is not wholly inside ``words``, whose first word is at address ``base``, and
    before one whose references ``edge_targets`` has no room for. ``edge`` is where in ``edge_targets`` to start;
    ``state`` receives where it ended, how many references lead to no object (added to what is there), and the last
    such reference and the row that has it.
    """
    room = len(edge_targets)
    length = len(words) << 3
    row = first_row
    while row < last_row:
        size = sizes[row]
        start = addresses[row] - base
        if addresses[row] < base or start >= length or size > length - start or (size >> 3) + 1 > room - edge:
            break
        edge_offsets[row] = edge
        kind = kinds[row]
        if extra[kind] != 0:
            edge_targets[edge] = extra[kind] - 1
            edge = edge + 1
        entry = first[kind] + 1
        runs = descriptions[entry - 1]
        repeats = runs < 0
        limit = size
        offset = 8
        if repeats:
            limit = size - 8
            offset = descriptions[entry]
            entry = entry + 1
            runs = -runs
        pair = entry
        last = entry + 2 * runs
        while pair < last:
            if repeats:
                end = offset + 8 * descriptions[pair]
            else:
                offset = descriptions[pair]
                end = offset + descriptions[pair + 1] + size
            if offset < 8 or end < offset or end > limit:
                break
            edge = _list_run(
                words, start + offset, start + end, row, lowest, directory, marks, edge, edge_targets, state
            )
            offset = end + descriptions[pair + 1]
            pair = pair + 2
            if repeats and pair == last and offset < limit:
                pair = entry
        row = row + 1
    state[0] = edge
    return row


def _list_run(
    words: Sequence[int],
    position: int,
    end: int,
    row: int,
    lowest: int,
    directory: Sequence[int],
    marks: Sequence[int],
    edge: int,
    edge_targets: Column,
    state: Column,
) -> int:
    """Write the references between two byte positions of ``words``; return where the next one goes."""
    while position < end:
        address = words[position >> 3]
        position = position + 8
        if address != 0:
            target = index_of(address, lowest, directory, marks)
            if target != _NONE:
                edge_targets[edge] = target
                edge = edge + 1
            else:
                state[1] += 1
                state[2] = address
                state[3] = row
    return edge


def _population(bits: int) -> int:
    bits = bits - (bits >> 1 & _ODD)
    bits = (bits & _PAIR_MASK) + (bits >> 2 & _PAIR_MASK)
    bits = (bits + (bits >> 4)) & _NIBBLES
    return (bits * _BYTES & _ALL) >> 56


_BLOCK_SHIFT = BLOCK_SHIFT
_BLOCK_MARKS = BLOCK_MARKS
_PAIRS = 8191
_BITS = 63
_ONE = 1
_NONE = NONE
_ODD = 0x5555555555555555
_PAIR_MASK = 0x3333333333333333
_NIBBLES = 0x0F0F0F0F0F0F0F0F
_BYTES = 0x0101010101010101
_ALL = 0xFFFFFFFFFFFFFFFF
