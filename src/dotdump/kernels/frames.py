# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False
"""Goes from frame to frame of a stack whose layouts are known: each keeps its caller's registers side by side.

Knows where words lie relative to a register and nothing of code. Reads ``words`` only where they are; stops, and leaves
what to make of it to whoever asked, where anything is not as it was told. Registers go by DWARF number, below 32.

A *layout table* is an open-addressed hash table of four words an entry: the return address (0: free entry); the number
of the register that the frame's words are found by; how far from its value the first of them lies, modulo 2**64; and
where in ``restored`` the numbers of the registers stand that they are, shifted left by 8, plus how many. Its length is
4 * (mask + 1), mask + 1 a power of two, and it is never full. The last word of a frame is the return address.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.kernels import Column

KNOWN = 32
"""Where in a column of registers the bits are, one a number, of those whose value is known; it is 33 words long."""


def slot_of(table: Sequence[int], mask: int, pc: int) -> int:
    """Return where in ``table`` the entry of ``pc`` starts, or the free entry where it belongs."""
    slot = (pc * _MULTIPLIER & _ALL) >> _SHIFT & mask
    while table[slot << 2] != pc and table[slot << 2] != 0:
        slot = (slot + 1) & mask
    return slot << 2


def follow(
    words: Sequence[int],
    base: int,
    table: Sequence[int],
    restored: Sequence[int],
    registers: Column,
    pc_number: int,
    sp_number: int,
    limit: int,
    pcs: Column,
    sps: Column,
) -> int:
    """Write pc and sp of each frame from ``registers`` on into the columns; return how many frames were left.

    ``base`` is the address of ``words[0]``. ``registers`` become those of the frame after the last. It stops at a pc
    that is not in ``table``, at a register that is not known, at words that are not in ``words`` or not aligned, where
    the stack pointer does not grow or would be above ``limit``, and at the end of the columns.
    """
    mask = (len(table) >> 2) - 1
    size = len(words)
    rows = len(pcs)
    row = 0
    while row < rows:
        pc = registers[pc_number]
        sp = registers[sp_number]
        entry = slot_of(table, mask, pc)
        if table[entry] == 0 or registers[_KNOWN] >> table[entry + 1] & _ONE == 0:
            break
        place = registers[table[entry + 1]] + table[entry + 2] & _ALL
        count = table[entry + 3] & _COUNT
        above = place + (count << 3) & _ALL
        if place < base or place & 7 or (place - base >> 3) + count > size or above <= sp or above > limit:
            break
        pcs[row] = pc
        sps[row] = sp
        _restore(words, place - base >> 3, restored, table[entry + 3] >> 8, count, registers)
        registers[sp_number] = above
        row = row + 1
    return row


def _restore(
    words: Sequence[int], index: int, restored: Sequence[int], first: int, count: int, registers: Column
) -> int:
    for step in range(count):
        number = restored[first + step]
        registers[number] = words[index + step]
        registers[_KNOWN] |= _ONE << number
    return 0


_KNOWN = KNOWN
_ONE = 1
_COUNT = 0xFF
_MULTIPLIER = 0x9E3779B97F4A7C15
_ALL = (1 << 64) - 1
_SHIFT = 40
