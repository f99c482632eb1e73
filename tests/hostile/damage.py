"""A target some of whose bits are flipped, and the places of a heap where a flip hurts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dotdump.errors import MemoryFault

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from dotdump.clr.graph.object_graph import ObjectGraph
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.memory.space import AddressSpace, MemoryRange
    from dotdump.target.model import Target


class FlippedSpace:
    """``memory`` with bits flipped; what has none in it is passed on without a copy."""

    def __init__(self, memory: AddressSpace) -> None:
        self._memory = memory
        self._masks: dict[int, int] = {}
        self._places: list[int] = []

    def flip(self, address: int, bit: int) -> None:
        """Flip one bit of the byte at ``address``."""
        if address not in self._masks:
            insort(self._places, address)
        self._masks[address] = self._masks.get(address, 0) ^ 1 << bit

    def read(self, address: int, size: int) -> bytes:
        data = self.read_available(address, size)
        if len(data) < size:
            raise MemoryFault(address + len(data), size - len(data))
        return data

    def read_available(self, address: int, size: int) -> bytes:
        data = self._memory.read_available(address, size)
        places = self._inside(address, len(data))
        if not places:
            return data
        changed = bytearray(data)
        for place in places:
            changed[place - address] ^= self._masks[place]
        return bytes(changed)

    def view(self, address: int, size: int) -> memoryview | None:
        return None if self._inside(address, size) else self._memory.view(address, size)

    def ranges(self) -> Sequence[MemoryRange]:
        return self._memory.ranges()

    def _inside(self, address: int, size: int) -> list[int]:
        return self._places[bisect_left(self._places, address) : bisect_left(self._places, address + size)]


class FlippedTarget:
    """``target`` with ``memory`` in place of its own."""

    def __init__(self, target: Target, memory: FlippedSpace) -> None:
        self._target = target
        self.memory = memory

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the target has
        return getattr(self._target, name)


@dataclass(frozen=True)
class Heap:
    """A heap as it was before anything was flipped: its runtime and graph, and the records that lead to it."""

    runtime: ClrRuntime
    graph: ObjectGraph
    segments: Sequence[int]
    handle_segments: Sequence[int]

    def end_at(self, address: int) -> int:
        """Return where the object ends that ``address`` is in; ``address`` where it is in none."""
        row = bisect_right(self.graph.addresses, address) - 1
        return max(address, self.graph.addresses[row] + self.graph.sizes[row]) if row >= 0 else address


@dataclass(frozen=True)
class Flip:
    """A bit of the byte at ``address``, in ``what``.

    Objects up to ``reach`` bytes behind it may be lost: as many as the object takes that it is in, or seems to.
    """

    address: int
    bit: int
    what: str
    reach: int = 0


class Flipper:
    """Chooses places to flip in ``heap``."""

    def __init__(self, heap: Heap, dice: random.Random) -> None:
        self._heap = heap
        self._dice = dice

    def method_table_word(self) -> Flip:
        graph, reader = self._heap.graph, self._heap.runtime.access.reader
        row = self._dice.randrange(len(graph))
        flip = self._in_object(row, 0, 8, "MethodTable word")
        place = graph.addresses[row]
        table = reader.u64(place) ^ 1 << 8 * (flip.address - place) + flip.bit
        other = next((shape for shape in graph.types if shape.method_table == table & ~7), None)
        if other is None:
            return flip
        return replace(flip, reach=max(flip.reach, other.base_size + other.component_size * reader.u32(place + 8)))

    def length(self) -> Flip:
        graph = self._heap.graph
        while not graph.types[graph.type_ids[row := self._dice.randrange(len(graph))]].component_size:
            pass
        flip = self._in_object(row, 8, 12, "length")
        number = 8 * (flip.address - graph.addresses[row] - 8) + flip.bit
        return replace(flip, reach=flip.reach + (graph.types[graph.type_ids[row]].component_size << number))

    def reference(self) -> Flip:
        graph = self._heap.graph
        while not (shape := graph.types[graph.type_ids[row := self._dice.randrange(len(graph))]]).contains_pointers:
            pass
        return self._in_object(row, 16 if shape.component_size else 8, graph.sizes[row] - 8, "reference")

    def type(self) -> Flip:
        """Flip a bit of a MethodTable or of the description of references before it."""
        kind = self._dice.randrange(len(self._heap.graph.types))
        table = self._heap.graph.types[kind].method_table
        return Flip(table + self._dice.randrange(-24, 64), self._dice.randrange(8), "MethodTable")

    def segment(self) -> Flip:
        record = self._dice.choice(self._heap.segments)
        return Flip(record + self._dice.randrange(56), self._dice.randrange(8), "segment")

    def handle(self) -> Flip:
        record = self._dice.choice(self._heap.handle_segments)
        return Flip(record + self._dice.randrange(0x1800), self._dice.randrange(8), "handle table")

    def _in_object(self, row: int, first: int, last: int, what: str) -> Flip:
        graph = self._heap.graph
        start = graph.addresses[row]
        place = start + self._dice.randrange(first, max(first + 1, last))
        return Flip(place, self._dice.randrange(8), what, reach=graph.sizes[row])
