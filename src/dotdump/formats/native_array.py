"""NativeArray: the sparse arrays of ready-to-run images, in memory.

An index of blocks of 16, each a tree of one bit an entry. Source of truth: nativeformatreader.h, the same from 3.1 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import FormatError

if TYPE_CHECKING:
    from dotdump.memory.reader import Reader

_BLOCK = 16


class NativeArray:
    """The array at ``address``."""

    def __init__(self, reader: Reader, address: int) -> None:
        self._reader = reader
        header, self._blocks = read_unsigned(reader, address)
        self.count = header >> 2
        self._entry_size = header & 3

    def find(self, index: int) -> int | None:
        """Return the address of entry ``index``, or None where the array has none there."""
        if not 0 <= index < self.count:
            return None
        place = self._block(index // _BLOCK)
        bit = _BLOCK >> 1
        while bit:
            value, behind = read_unsigned(self._reader, place)
            if index & bit and value & 2:
                place += value >> 2
            elif not index & bit and value & 1:
                place = behind
            elif not value & 3 and value >> 2 == index % _BLOCK:
                return behind
            else:
                return None
            bit >>= 1
        return place

    def _block(self, number: int) -> int:
        if self._entry_size == 0:
            return self._blocks + self._reader.u8(self._blocks + number)
        if self._entry_size == 1:
            return self._blocks + self._reader.u16(self._blocks + 2 * number)
        return self._blocks + self._reader.u32(self._blocks + 4 * number)


def read_unsigned(reader: Reader, address: int) -> tuple[int, int]:
    """Return an integer of one to five bytes and the address behind it; the low bits of the first say how many."""
    first = reader.u8(address)
    for extra in range(4):
        if not first >> extra & 1:
            data = reader.memory.read(address, extra + 1)
            return int.from_bytes(data, "little") >> extra + 1, address + extra + 1
    if first & 0x10:
        raise FormatError(f"{first:#x} starts no integer", source=f"native format at {address:#x}")
    return reader.u32(address + 1), address + 5
