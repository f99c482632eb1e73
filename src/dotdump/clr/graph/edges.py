"""The references of a graph: descriptions of every type, marks of every object, and the columns they fill."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.gc_desc import pointer_slots, read_gc_desc
from dotdump.clr.graph.columns import allocate, narrowest
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.kernels import references as kernel
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dotdump.clr.contracts.type_table import TypeTable
    from dotdump.clr.graph.build import ObjectColumns
    from dotdump.memory.reader import Reader
    from dotdump.memory.space import AddressSpace

_PIECE = 16 << 20


class Descriptions:
    """Where the references in the objects of each type lie; a type whose description is damaged has none."""

    def __init__(self, reader: Reader, types: TypeTable) -> None:
        self.first = array("I")
        self.numbers = array("q")
        self.problems: list[Problem] = []
        self._types = types
        self._parts: list[tuple[int, ...]] = []
        for shape in types.shapes:
            try:
                part = read_gc_desc(reader, shape)
            except (FormatError, MemoryFault) as error:
                self.problems.append(Problem("heap", f"references of {shape.method_table:#x} are left out: {error}"))
                part = (0,)
            self.first.append(len(self.numbers))
            self.numbers.extend(part)
            self._parts.append(part)

    def slots(self, counts: Sequence[int], sizes: Sequence[int]) -> int:
        """Return how many references so many objects and bytes of each type have at most."""
        rows = zip(self._parts, self._types.shapes, counts, sizes, strict=False)
        return sum(pointer_slots(part, s.base_size, s.component_size, count, size) for part, s, count, size in rows)


class Marks:
    """Which row starts at an address."""

    def __init__(self, addresses: memoryview[int], count: int) -> None:
        self.lowest = addresses[0] & ~511 if count else 0
        blocks = (addresses[count - 1] - self.lowest >> kernel.BLOCK_SHIFT) + 1 if count else 1
        if blocks > limits.HEAP_BLOCKS:
            raise LimitExceeded(f"objects lie {blocks << kernel.BLOCK_SHIFT} bytes apart", source="heap")
        self.directory = allocate("I", blocks)
        used = kernel.number_blocks(addresses, count, self.lowest, self.directory)
        self.marks = allocate("Q", max(1, used) * kernel.BLOCK_MARKS)
        kernel.mark_objects(addresses, count, self.lowest, self.directory, self.marks)

    def index_of(self, address: int) -> int:
        """Return the row of the object at ``address``, or ``kernel.NONE``."""
        return kernel.index_of(address, self.lowest, self.directory, self.marks)


class Edges:
    """The columns of references, filled span by span. ``room`` is how many there can be at most."""

    def __init__(self, objects: ObjectColumns, descriptions: Descriptions, room: int) -> None:
        self._objects = objects
        self._descriptions = descriptions
        self._marks = Marks(objects.addresses, objects.count)
        self._keepers = array("I", bytes(4 * len(descriptions.first)))
        self._dependents = dict[int, list[int]]()
        self._owners: Sequence[int] = ()
        self._state = array("Q", [0, 0, 0, 0])
        self.offsets = allocate(narrowest(room), objects.count + 1)
        self.targets = allocate("I", room)
        self.problems: list[Problem] = []

    @property
    def count(self) -> int:
        """How many references have been found."""
        return self._state[0]

    @property
    def dangling(self) -> int:
        """How many references lead to no object."""
        return self._state[1]

    def keep(self, keepers: Mapping[int, int]) -> None:
        """Give every object of a type a reference to the object at an address, where there is one."""
        for kind, address in keepers.items():
            row = self._marks.index_of(address)
            self._keepers[kind] = 0 if row == kernel.NONE else row + 1

    def depend(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Give objects a reference to another, after their own; a pair of which one is no object is left out."""
        for owner, address in pairs:
            rows = self._marks.index_of(owner), self._marks.index_of(address)
            if kernel.NONE not in rows:
                self._dependents.setdefault(rows[0], []).append(rows[1])
        self._owners = sorted(self._dependents)

    def add(self, memory: AddressSpace, end: int, first: int, last: int) -> None:
        """Add the references of rows ``[first, last)``, which lie one after the other and end before ``end``."""
        owners = self._owners[bisect_left(self._owners, first) : bisect_left(self._owners, last)]
        for owner in owners:
            self._add(memory, end, first, owner + 1)
            for target in self._dependents[owner]:
                self.targets[self._state[0]] = target
                self._state[0] += 1
            first = owner + 1
        self._add(memory, end, first, last)

    def _add(self, memory: AddressSpace, end: int, first: int, last: int) -> None:
        row = first
        while row < last:
            start = self._objects.addresses[row]
            words = _words(memory, start, end, self._objects.sizes[row])
            reached = self._list(words, start, row, last)
            if reached == row:
                self.problems.append(Problem("heap", f"{start:#x}: not all of the object is in the dump"))
                self.offsets[row] = self.count
                reached += 1
            row = reached

    def finish(self) -> memoryview[int]:
        """Return the offsets, the last one set."""
        self.offsets[self._objects.count] = self.count
        if self.dangling:
            address, row = self._state[2], self._state[3]
            text = f"{self.dangling} references lead to no object, such as {address:#x}"
            self.problems.append(Problem("heap", f"{text} in the object at {self._objects.addresses[row]:#x}"))
        return self.offsets

    def _list(self, words: memoryview[int], base: int, first: int, last: int) -> int:
        o, d, m = self._objects, self._descriptions, self._marks
        columns = (o.addresses, o.kinds, o.sizes)
        types = (d.first, d.numbers, self._keepers)
        where = (m.lowest, m.directory, m.marks)
        into = (self.offsets, self.targets, self._state)
        return kernel.list_references(words, base, first, last, *columns, *types, *where, self.count, *into)


def _words(memory: AddressSpace, start: int, end: int, wanted: int) -> memoryview[int]:
    """Return memory from ``start`` on, of ``wanted`` bytes those that are there, without a copy where that can be."""
    view = memory.view(start, end - start)
    if view is None:
        view = memoryview(memory.read_available(start, min(end - start, max(_PIECE, wanted))))
    return view[: len(view) & ~7].cast("Q")
