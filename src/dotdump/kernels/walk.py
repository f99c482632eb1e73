# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False, cdivision=True
"""Walks managed objects, laid out one after the other, through a 64-bit view of heap memory.

Knows the arithmetic of object sizes and nothing of where heaps, types or layouts come from. Reads ``words`` only
inside the range it is given; stops, and says where and why, instead of raising for bad data. Positions are indexes
into ``words``, sizes in columns are bytes.

A *type table* is an open-addressed hash table of four words an entry: the MethodTable's address (0: free entry),
its base size and component size in bytes, and its type index, or ``INVALID`` for an address known to be no
MethodTable. Its length is 4 * (mask + 1), mask + 1 a power of two, and it is never full.

Source of truth: ``size (Object*)`` of ``src/coreclr/gc/gc.cpp``, as measured on 3.1, 8, 9 and 10: base size +
component size * u32 at object + 8, rounded up to 8; the three low bits of the MethodTable word are marks.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.kernels import Column

DONE = 0
UNKNOWN_TYPE = 1
INVALID_TYPE = 2
TOO_LONG = 3
FULL = 4
"""Why a walk stopped: at its end; at a MethodTable not in the table; at one known to be none; at an object that
does not end inside the range; at the end of the columns to fill."""

SMALLEST_OBJECT = 24
"""Bytes that every object takes at least, its header counted."""

INVALID = 0xFFFFFFFF
"""Type index of an address known to be no MethodTable."""


def slot_of(table: Sequence[int], mask: int, method_table: int) -> int:
    """Return where in ``table`` the entry of ``method_table`` starts, or the free entry where it belongs."""
    slot = ((method_table >> 3) * _MULTIPLIER & _ALL) >> _SHIFT & mask
    while table[slot << 2] != method_table and table[slot << 2] != 0:
        slot = (slot + 1) & mask
    return slot << 2


def count_objects(
    words: Sequence[int],
    start: int,
    end: int,
    table: Sequence[int],
    counts: Column,
    sizes: Column,
    stop: Column,
) -> int:
    """Add objects and bytes in ``[start, end)`` to ``counts`` and ``sizes`` by type index; return how many objects.

    ``stop`` receives where the next object would start, why it stopped there, and where the last object started.
    """
    mask = (len(table) >> 2) - 1
    position = start
    previous = start
    count = 0
    reason = _DONE
    while position < end:
        entry = slot_of(table, mask, words[position] & _MARKS)
        size = _extent(words, position, end, table, entry)
        if size == 0:
            reason = _obstacle(table, entry)
            break
        kind = table[entry + 3]
        counts[kind] += 1
        sizes[kind] += size << 3
        previous = position
        position = position + size
        count = count + 1
    stop[0] = position
    stop[1] = reason
    stop[2] = previous
    return count


def list_objects(
    words: Sequence[int],
    start: int,
    end: int,
    table: Sequence[int],
    base: int,
    first: int,
    addresses: Column,
    types: Column,
    sizes: Column,
    stop: Column,
) -> int:
    """Write address, type index and size of each object in ``[start, end)`` into the columns from row ``first`` on.

    ``base`` is the address of ``words[0]``. Returns how many objects; ``stop`` as in ``count_objects``.
    """
    mask = (len(table) >> 2) - 1
    position = start
    previous = start
    row = first
    rows = len(addresses)
    reason = _DONE
    while position < end:
        entry = slot_of(table, mask, words[position] & _MARKS)
        size = _extent(words, position, end, table, entry)
        if size == 0:
            reason = _obstacle(table, entry)
            break
        if row >= rows:
            reason = _FULL
            break
        addresses[row] = base + (position << 3)
        types[row] = table[entry + 3]
        sizes[row] = size << 3
        previous = position
        position = position + size
        row = row + 1
    stop[0] = position
    stop[1] = reason
    stop[2] = previous
    return row - first


def select_objects(
    words: Sequence[int],
    start: int,
    end: int,
    table: Sequence[int],
    base: int,
    before: int,
    wanted: Sequence[int],
    unset: int,
    marked: int,
    first: int,
    addresses: Column,
    types: Column,
    sizes: Column,
    stop: Column,
) -> int:
    """Write only those objects into the columns whose type or whose header is wanted; else as ``list_objects``.

    ``wanted`` is not 0 at the index of a type that is. A header is wanted that has none of the bits ``unset`` and any
    of the bits ``marked``: the upper half of the word before the object, ``before`` of the one at position 0.
    """
    mask = (len(table) >> 2) - 1
    position = start
    previous = start
    row = first
    rows = len(addresses)
    kinds = len(wanted)
    reason = _DONE
    while position < end:
        entry = slot_of(table, mask, words[position] & _MARKS)
        size = _extent(words, position, end, table, entry)
        if size == 0:
            reason = _obstacle(table, entry)
            break
        kind = table[entry + 3]
        header = words[position - 1] >> 32 if position > 0 else before >> 32
        if (kind < kinds and wanted[kind] != 0) or (header & unset == 0 and header & marked != 0):
            if row >= rows:
                reason = _FULL
                break
            addresses[row] = base + (position << 3)
            types[row] = kind
            sizes[row] = size << 3
            row = row + 1
        previous = position
        position = position + size
    stop[0] = position
    stop[1] = reason
    stop[2] = previous
    return row - first


def find_object(
    words: Sequence[int],
    start: int,
    end: int,
    table: Sequence[int],
    lowest: int,
    highest: int,
    chain: int,
    stop: Column,
) -> int:
    """Return the first position from ``start`` on where ``chain`` objects in a row, or fewer up to ``end``, begin.

    Words outside ``[lowest, highest]`` are no MethodTables. Returns ``end`` where there is none. Where ``stop[1]``
    is ``UNKNOWN_TYPE``, the answer is only where to go on, once the MethodTable at ``stop[0]`` is in the table.
    """
    mask = (len(table) >> 2) - 1
    position = start
    stop[1] = _DONE
    while position < end:
        follow = position
        found = 0
        while follow < end and found < chain:
            word = words[follow] & _MARKS
            if word < lowest or word > highest:
                break
            entry = slot_of(table, mask, word)
            size = _extent(words, follow, end, table, entry)
            if size == 0:
                if table[entry] == 0:
                    stop[0] = follow
                    stop[1] = _UNKNOWN_TYPE
                    return position
                break
            follow = follow + size
            found = found + 1
        if found == chain or (found > 0 and follow == end):
            break
        position = position + 1
    stop[0] = position
    return position


def _extent(words: Sequence[int], position: int, end: int, table: Sequence[int], entry: int) -> int:
    """Return the words of the object at ``position``; 0 where it has no known type or does not end by ``end``."""
    if table[entry] == 0 or table[entry + 3] == _INVALID:
        return 0
    size = table[entry + 1]
    if table[entry + 2] != 0:
        if position + 1 >= end:
            return 0
        size = size + table[entry + 2] * (words[position + 1] & _LOW)
    size = (size + 7) >> 3
    if size < _SMALLEST or size > end - position:
        return 0
    return size


def _obstacle(table: Sequence[int], entry: int) -> int:
    if table[entry] == 0:
        return _UNKNOWN_TYPE
    return _INVALID_TYPE if table[entry + 3] == _INVALID else _TOO_LONG


_MARKS = 0xFFFFFFFFFFFFFFF8
_MULTIPLIER = 0x9E3779B97F4A7C15
_ALL = 0xFFFFFFFFFFFFFFFF
_LOW = 0xFFFFFFFF
_SHIFT = 40
_SMALLEST = SMALLEST_OBJECT >> 3
_INVALID = INVALID
_DONE = DONE
_UNKNOWN_TYPE = UNKNOWN_TYPE
_INVALID_TYPE = INVALID_TYPE
_TOO_LONG = TOO_LONG
_FULL = FULL
