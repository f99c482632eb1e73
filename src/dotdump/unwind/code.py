"""``CodeMap``: where there can be code, and whether an address comes just after a call."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from dotdump.memory.region import Protection
from dotdump.memory.region_table import RegionTable
from dotdump.memory.space import MemoryRange, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace

_LONGEST_CALL = 7
_EXECUTABLE = bytes(rights & Protection.EXECUTE for rights in range(256))


class CodeMap:
    """The executable ones of ``regions``, and ``texts``, the code of loaded files, which sparse cores do not list."""

    def __init__(self, regions: Sequence[Region], memory: AddressSpace, texts: Iterable[MemoryRange] = ()) -> None:
        table = RegionTable.of(regions)
        mapped = (MemoryRange(table.starts[row], table.ends[row]) for row in table.rows_of(_EXECUTABLE))
        code = merged([*mapped, *texts])
        self._starts = [part.start for part in code]
        self._ends = [part.end for part in code]
        self._memory = memory

    def is_code(self, address: int) -> bool:
        """Return whether ``address`` lies in executable memory."""
        index = bisect_right(self._starts, address) - 1
        return index >= 0 and address < self._ends[index]

    def begins_with(self, address: int, code: bytes) -> bool:
        """Return whether ``code`` is at ``address``."""
        return self._memory.read_available(address, len(code)) == code

    def follows_call(self, address: int) -> bool:
        """Return whether the bytes before ``address`` are a call instruction of x86-64 or arm64."""
        before = self._memory.read_available(address - _LONGEST_CALL, _LONGEST_CALL)
        return len(before) == _LONGEST_CALL and (_x86_call(before) or _arm_call(before))


def _x86_call(before: bytes) -> bool:
    """CALL rel32, or CALL r/m64 (FF /2) in any of its lengths (Intel SDM vol. 2, CALL)."""
    if before[-5] == 0xE8:
        return True
    return any(before[-size] == 0xFF and before[1 - size] >> 3 & 7 == 2 for size in (2, 3, 4, 6, 7))


def _arm_call(before: bytes) -> bool:
    """BL, or BLR with or without authentication (Arm ARM, C6.2)."""
    word = int.from_bytes(before[-4:], "little")
    return word >> 26 == 0x25 or word & 0xFEFFF000 == 0xD63F0000
