"""``OverlaySpace``: address spaces in layers. The first that has a byte gives it, and can say that it did.

A core whose file-backed pages were left out lies over the files they came from. What is in neither faults with the
reason of the lowest layer that has one: it was the last that could have had it.
"""

from __future__ import annotations

from dotdump.errors import MemoryFault
from dotdump.memory.space import ADDRESS_END, NOT_MAPPED, AddressSpace, MemoryRange, merged
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol
else:
    Protocol = object


@record
class Origin:
    """Where a byte of memory comes from: ``offset`` of the file ``source``; ``relocated`` where it was adjusted."""

    source: str
    offset: int
    relocated: bool = False


class Layer(AddressSpace, Protocol):
    """An ``AddressSpace`` that can say where an address came from, and why it has not got one."""

    def reach(self, address: int) -> int:
        """Return how many bytes it may have from ``address`` on, or less than 0: how many it has certainly not."""

    def origin(self, address: int) -> Origin | None:
        """Return where the byte at ``address`` comes from, or None where it is not there."""

    def reason(self, address: int) -> str:
        """Return why there is no byte at ``address``."""


class OverlaySpace:
    """Layers, the most trusted first. What lower layers have is asked for only where the first has not got enough."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self._read_first = self.layers[0].read_available

    def read(self, address: int, size: int) -> bytes:
        data = self._read_first(address, size)
        if len(data) < size:
            data = self._completed(data, address, size)
        if len(data) < size:
            missing = address + len(data)
            raise MemoryFault(missing, size - len(data), self.reason(missing))
        return data

    def read_available(self, address: int, size: int) -> bytes:
        data = self._read_first(address, size)
        return data if len(data) == size else self._completed(data, address, size)

    def _completed(self, data: bytes, address: int, size: int) -> bytes:
        """Return ``data``, which the first layer has at ``address``, and what follows it in any."""
        parts = [data]
        while size > len(data):
            address, size = address + len(data), size - len(data)
            layer, there = self._locate(address)
            data = self.layers[layer].read_available(address, min(size, there)) if there > 0 else b""
            if not data:
                break
            parts.append(data)
        return b"".join(parts)

    def view(self, address: int, size: int) -> memoryview | None:
        found = self.layers[0].view(address, size)
        if found is not None or len(self.layers) == 1:
            return found
        layer, there = self._locate(address)
        return self.layers[layer].view(address, size) if size <= there else None

    def ranges(self) -> list[MemoryRange]:
        return merged(part for layer in self.layers for part in layer.ranges())

    def origin(self, address: int) -> Origin | None:
        """Return where the byte at ``address`` comes from, or None where it is not there."""
        return next((found for layer in self.layers if (found := layer.origin(address)) is not None), None)

    def reason(self, address: int) -> str:
        """Return why there is no byte at ``address``."""
        reasons = [layer.reason(address) for layer in reversed(self.layers)]
        return next((reason for reason in reasons if reason != NOT_MAPPED), NOT_MAPPED)

    def reach(self, address: int) -> int:
        """Return how many bytes there may be from ``address`` on, or less than 0: how many there are certainly not."""
        return self._locate(address)[1]

    def _locate(self, address: int) -> tuple[int, int]:
        """Return the layer that may have ``address``, and how many bytes from there on are its own affair.

        Less than 0 where none has it: that many no layer has.
        """
        lacked = max(ADDRESS_END - address, 0)
        for index, layer in enumerate(self.layers if lacked else ()):
            there = layer.reach(address)
            if there > 0:
                return index, min(there, lacked)
            lacked = min(lacked, -there)
        return 0, -lacked
