"""``StackWords``: words of memory, those near one another from one read."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dotdump.memory.space import AddressSpace

_WINDOW = 1 << 14
_PAGE = 1 << 12
_U64 = Struct("<Q")


class StackWords:
    """Unsigned integers at addresses; keeps the last 16 KiB it read."""

    __slots__ = ("_data", "_memory", "_start")

    def __init__(self, memory: AddressSpace) -> None:
        self._memory = memory
        self._start = 0
        self._data = b""

    def word(self, address: int, size: int = 8) -> int:
        """Return the unsigned integer of ``size`` bytes at ``address``, or raise ``MemoryFault``."""
        offset = address - self._start
        if offset < 0 or offset + size > len(self._data):
            self._start = address & -_PAGE
            self._data = self._memory.read_available(self._start, _WINDOW)
            offset = address - self._start
            if offset + size > len(self._data):
                return int.from_bytes(self._memory.read(address, size), "little")
        if size == 8:
            value: int = _U64.unpack_from(self._data, offset)[0]
            return value
        return int.from_bytes(self._data[offset : offset + size], "little")
