"""``BitReader``: numbers of any width out of memory, the lowest bit of a byte first.

GC info says nowhere how long it is: memory is read as far as numbers are asked for, up to a limit.
Source of truth: ``BitStreamReader`` in ``inc/gcinfodecoder.h``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.limits import GC_INFO_SIZE

if TYPE_CHECKING:
    from dotdump.memory.space import AddressSpace

SOURCE = "GC info"
_FIRST = 256
_WIDEST = 64


class BitReader:
    """Reads at ``position``, in bits from ``address``; ``MemoryFault`` where memory ends."""

    __slots__ = ("_data", "_memory", "address", "position")

    def __init__(self, memory: AddressSpace, address: int) -> None:
        self._memory = memory
        self._data = b""
        self.address = address
        self.position = 0

    def read(self, width: int) -> int:
        """Return an unsigned number of ``width`` bits, 64 at most."""
        position = self.position
        first, end = position >> 3, position + width + 7 >> 3
        if end > len(self._data):
            self._fill(end)
        self.position = position + width
        return int.from_bytes(self._data[first:end], "little") >> (position & 7) & (1 << width) - 1

    def flag(self) -> bool:
        """Return the next bit."""
        return self.read(1) == 1

    def unsigned(self, base: int) -> int:
        """Return an unsigned number in chunks of ``base`` bits, each with a bit that says whether another follows."""
        return self._chunks(base)[0]

    def signed(self, base: int) -> int:
        """Return a signed number in chunks of ``base`` bits."""
        value, width = self._chunks(base)
        return value - (1 << width) if value >> (width - 1) & 1 else value

    def _chunks(self, base: int) -> tuple[int, int]:
        value = 0
        for width in range(0, _WIDEST, base):
            chunk = self.read(base + 1)
            value |= (chunk & (1 << base) - 1) << width
            if not chunk >> base:
                return value, width + base
        raise FormatError(f"a number of more than {_WIDEST} bits", source=SOURCE, offset=self.address)

    def _fill(self, size: int) -> None:
        if size > GC_INFO_SIZE:
            raise LimitExceeded(f"more than {GC_INFO_SIZE} bytes", source=SOURCE, offset=self.address)
        wanted = min(max(_FIRST, 2 * len(self._data), size), GC_INFO_SIZE)
        self._data = self._memory.read_available(self.address, wanted)
        if len(self._data) < size:
            raise MemoryFault(self.address + len(self._data), size - len(self._data))
