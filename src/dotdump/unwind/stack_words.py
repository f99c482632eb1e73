"""``StackWords``: words of memory, those near one another from one read."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from dotdump.memory.space import PIECE

if TYPE_CHECKING:
    from dotdump.memory.space import AddressSpace

_WINDOW = 1 << 13
_WORD = 8
_WORDS = [Struct(f"<{count}Q") for count in range(17)]


class StackWords:
    """Unsigned integers at addresses; keeps the last 8 KiB it read."""

    __slots__ = ("_data", "_memory", "_start")

    def __init__(self, memory: AddressSpace) -> None:
        self._memory = memory
        self._start = 0
        self._data = b""

    def word(self, address: int, size: int = 8) -> int:
        """Return the unsigned integer of ``size`` bytes at ``address``, or raise ``MemoryFault``."""
        offset = address - self._start
        if not 0 <= offset <= len(self._data) - size:
            offset = self._move_to(address)
            if offset > len(self._data) - size:
                return int.from_bytes(self._memory.read(address, size), "little")
        if size == _WORD:
            value: int = _WORDS[1].unpack_from(self._data, offset)[0]
            return value
        return int.from_bytes(self._data[offset : offset + size], "little")

    def words(self, address: int, count: int) -> tuple[int, ...]:
        """Return ``count`` words of 8 bytes, one after another from ``address``, or raise ``MemoryFault``."""
        offset = address - self._start
        if not 0 <= offset <= len(self._data) - _WORD * count:
            offset = self._move_to(address)
        if offset <= len(self._data) - _WORD * count and count < len(_WORDS):
            return _WORDS[count].unpack_from(self._data, offset)
        return tuple(self.word(address + _WORD * index) for index in range(count))

    def window(self, address: int) -> tuple[int, memoryview]:
        """Return the words of memory around ``address`` as far as they are kept, and the address of the first."""
        if not 0 <= address - self._start < len(self._data):
            self._move_to(address)
        return self._start, memoryview(self._data)[: len(self._data) & -_WORD].cast("Q")

    def _move_to(self, address: int) -> int:
        """Read from the piece of ``address`` on; return where in that ``address`` is."""
        self._start = address & -PIECE
        self._data = self._memory.read_available(self._start, _WINDOW)
        return address - self._start
