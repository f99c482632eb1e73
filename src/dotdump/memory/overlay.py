"""``OverlaySpace``: address spaces in layers. The first that has a byte gives it, and can say that it did.

A core whose file-backed pages were left out lies over the files they came from. What is in neither faults with the
reason of the lowest layer that has one: it was the last that could have had it.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from dotdump.errors import MemoryFault
from dotdump.memory.space import AddressSpace, MemoryRange
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Protocol
else:
    Protocol = object

NOT_MAPPED = "not mapped"


@record
class Origin:
    """Where a byte of memory comes from: ``offset`` of the file ``source``; ``relocated`` where it was adjusted."""

    source: str
    offset: int
    relocated: bool = False


class Layer(AddressSpace, Protocol):
    """An ``AddressSpace`` that can say where an address came from, and why it has not got one."""

    def extents(self) -> Sequence[MemoryRange]:
        """Return where it may have bytes, at less cost than ``ranges``, which says where it has them."""

    def origin(self, address: int) -> Origin | None:
        """Return where the byte at ``address`` comes from, or None where it is not there."""

    def reason(self, address: int) -> str:
        """Return why there is no byte at ``address``."""


class OverlaySpace:
    """Layers, the most trusted first. What lower layers have is asked for only where the first has not got enough."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self._read_first = self.layers[0].read_available
        self._reach: _Plan | None = None

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
            data = self.layers[layer].read_available(address, min(size, there)) if there else b""
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
        return _Plan([layer.ranges() for layer in self.layers]).ranges()

    def origin(self, address: int) -> Origin | None:
        """Return where the byte at ``address`` comes from, or None where it is not there."""
        return next((found for layer in self.layers if (found := layer.origin(address)) is not None), None)

    def reason(self, address: int) -> str:
        """Return why there is no byte at ``address``."""
        reasons = [layer.reason(address) for layer in reversed(self.layers)]
        return next((reason for reason in reasons if reason != NOT_MAPPED), NOT_MAPPED)

    def _locate(self, address: int) -> tuple[int, int]:
        """Return the layer that may have ``address``, and how many bytes from there on are its own affair."""
        if self._reach is None:
            self._reach = _Plan([layer.extents() for layer in self.layers])
        return self._reach.locate(address)


class _Plan:
    """Disjoint extents, each of the first layer that has it."""

    def __init__(self, layers: Sequence[Sequence[MemoryRange]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._layers: list[int] = []
        for start, end, layer in _first_of_each(layers):
            if self._ends and self._ends[-1] == start and self._layers[-1] == layer:
                self._ends[-1] = end
                continue
            self._starts.append(start)
            self._ends.append(end)
            self._layers.append(layer)

    def locate(self, address: int) -> tuple[int, int]:
        """Return the layer that has ``address``, and how many bytes it has from there on before another takes over."""
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._ends[index]:
            return 0, 0
        return self._layers[index], self._ends[index] - address

    def ranges(self) -> list[MemoryRange]:
        """Return what any layer has."""
        merged: list[MemoryRange] = []
        for start, end in zip(self._starts, self._ends, strict=True):
            if merged and merged[-1].end == start:
                merged[-1] = MemoryRange(merged[-1].start, end)
            else:
                merged.append(MemoryRange(start, end))
        return merged


def _first_of_each(layers: Sequence[Sequence[MemoryRange]]) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, layer) by start: a sweep over all ends of ranges, with the layers that are open there."""
    events = sorted(
        (position, layer, step)
        for layer, ranges in enumerate(layers)
        for part in ranges
        for position, step in ((part.start, 1), (part.end, -1))
    )
    open_layers = [0] * len(layers)
    for (position, layer, step), (following, _, _) in pairwise([*events, (0, 0, 0)]):
        open_layers[layer] += step
        if following > position and any(open_layers):
            yield position, following, next(index for index, count in enumerate(open_layers) if count)
