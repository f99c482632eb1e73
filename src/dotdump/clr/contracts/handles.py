"""Handles: slots outside the heap that hold objects, by kind, of every table, heap and segment.

A segment is 120 blocks of 64 slots; blocks of one kind are chained in a ring, whose last one ``RgTail`` names. What a
dependent handle keeps alive beside its object stands in the block that ``RgUserData`` names. The size of the header
depends on how many kinds a collector has, which differs by version: that a segment points back at its table tells.

Source of truth: handletablepriv.h, handletable.cpp; docs/design/datacontracts/GC.md (GetHandles).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.data.roots import HandleTable, HandleTableBucket, HandleTableMap, TableSegment
from dotdump.clr.data_access import DataAccess
from dotdump.clr.descriptor import merge
from dotdump.clr.layout_choice import OURS
from dotdump.clr.layouts import load
from dotdump.errors import MemoryFault
from dotdump.formats.columns import whole_words
from dotdump.records import record
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.kernels import Column


class HandleKind(IntEnum):
    """``HandleType`` of gcinterface.h."""

    WEAK_SHORT = 0
    WEAK_LONG = 1
    STRONG = 2
    PINNED = 3
    VARIABLE = 4
    REF_COUNTED = 5
    DEPENDENT = 6
    ASYNC_PINNED = 7
    SIZED_REF = 8
    WEAK_WIN_RT = 9
    WEAK_INTERIOR = 10
    CROSS_REFERENCE = 11

    @property
    def title(self) -> str:
        """The name that ClrMD gives it: ``WeakShort``, ``RefCounted``."""
        return "".join(word.capitalize() for word in self.name.split("_")).replace("Rt", "RT")


_INTERNAL_KINDS = 1
"""Kinds of blocks that hold no handles, numbered after those that do: what stands beside handles."""

_NO_LAYOUT = "its first segment does not point back: the layout may not be this one"
_NOT_THERE = "its first segment is not there: not in a small dump, or the layout is another one"
_WITH_SECONDARY = (HandleKind.DEPENDENT, HandleKind.WEAK_INTERIOR, HandleKind.CROSS_REFERENCE)


@record
class Handle:
    """The slot at ``address`` holds the object at ``target``. ``secondary``: what a dependent handle keeps with it.

    ``heap`` is the number of the heap in whose table it is.
    """

    kind: HandleKind
    address: int
    target: int
    secondary: int = 0
    heap: int = 0


class Handles:
    """The handles of one runtime, whose collector has ``heaps`` heaps; ``problems`` grows with damage."""

    def __init__(self, access: DataAccess, heaps: int) -> None:
        self._access = access
        self._heaps = heaps
        self._fitting: DataAccess | None = None
        self._left = limits.HANDLES_IN_ALL
        self.problems: list[Problem] = []

    def read(self) -> list[Handle]:
        """Return every handle that holds an object, by table, kind and address."""
        if not self._access.has_global("HandleTableMap"):
            self._report("handles", f"where {self._access.version or 'this runtime'} keeps them is not known")
            return []
        self._left = limits.HANDLES_IN_ALL
        found = [handle for table, heap in self._tables() for handle in self._of_table(table, heap)]
        if self._left < 0:
            self._report("handles", f"more than {limits.HANDLES_IN_ALL:,} slots and tables: the rest is left out")
        return found

    def _tables(self) -> Iterator[tuple[int, int]]:
        """Yield each table's address and the number of its heap.

        A server collector that has given heaps up still has their tables, and so do handles made before.
        """
        seen: set[int] = set()
        for bucket in self._buckets():
            for heap in range(limits.GC_HEAPS):
                self._left -= 1
                if self._left < 0:
                    return
                try:
                    array = HandleTableBucket(self._access, bucket).tables
                    table = self._access.reader.pointer(array + 8 * heap)
                except MemoryFault as fault:
                    if heap < self._heaps:
                        self._report(f"handle tables of heap {heap}", str(fault))
                    break
                if heap >= self._heaps and (table in seen or not self._is_table(table)):
                    break
                if not table:
                    self._report(f"handle tables of heap {heap}", f"the bucket at {bucket:#x} has none")
                elif table not in seen:
                    seen.add(table)
                    yield table, heap

    def _buckets(self) -> Iterator[int]:
        access, seen = self._access, set[int]()
        address = access.global_address("HandleTableMap")
        count = min(access.global_integer("InitialHandleTableArraySize"), limits.HANDLE_TABLE_MAPS)
        try:
            while address and address not in seen and len(seen) < limits.HANDLE_TABLE_MAPS and self._left >= 0:
                seen.add(address)
                self._left -= count
                record = HandleTableMap(access, address)
                data = access.reader.memory.read(record.buckets, 8 * count)
                yield from (bucket for bucket in memoryview(data).cast("Q") if bucket)
                address = record.next
        except MemoryFault as fault:
            self._report(f"map of handle tables at {address:#x}", str(fault))
            return
        if address and self._left >= 0:
            self._report(f"map of handle tables at {address:#x}", "its list does not end")

    def _of_table(self, table: int, heap: int) -> list[Handle]:
        found: list[Handle] = []
        seen: set[int] = set()
        place = f"handle table {table:#x}"
        try:
            access = self._layouts_for(table)
            address = HandleTable(access, table).segments
            while address and self._left >= 0:
                if address in seen or len(seen) >= limits.HANDLE_SEGMENTS:
                    self._report(place, f"its list of segments does not end: {address:#x} again")
                    break
                seen.add(address)
                segment = _Segment(access, address)
                found += segment.handles(heap)
                self._left -= 1 + segment.slots_read
                self.problems += segment.problems
                address = segment.next
        except MemoryFault as fault:
            self._report(place, str(fault))
        return sorted(found, key=lambda h: (h.kind, h.address))

    def _layouts_for(self, table: int) -> DataAccess:
        """Return the access whose layouts fit this table: where none does, what the version says."""
        if self._fitting is None:
            self._fitting = next((one for one in self._candidates() if _points_back(one, table)), None)
            if self._fitting is None:
                is_there = _points_back(self._access, table) is not None
                self._report(f"handle table {table:#x}", _NO_LAYOUT if is_there else _NOT_THERE)
        return self._fitting or self._access

    def _candidates(self) -> Iterator[DataAccess]:
        access = self._access
        yield access
        for name in reversed(OURS.values()):
            yield DataAccess(access.target, access.runtime, access.version, merge(load(name), access.descriptor))

    def _is_table(self, table: int) -> bool:
        return bool(table) and table % 8 == 0 and bool(_points_back(self._fitting or self._access, table))

    def _report(self, place: str, text: str) -> None:
        self.problems.append(Problem("handles", f"{place}: {text}"))


def _points_back(access: DataAccess, table: int) -> bool | None:
    """Return whether the first segment of ``table`` says that it is the table's, None where it is not there."""
    try:
        segment = TableSegment(access, HandleTable(access, table).segments)
        return not access.has("TableSegment", "HandleTable") or segment.table == table
    except MemoryFault:
        return None


class _Segment:
    """One segment of a table; ``problems`` says what of it is damaged, ``slots_read`` how many were looked at."""

    def __init__(self, access: DataAccess, address: int) -> None:
        self._reader = access.reader
        self._address = address
        self._values = address + access.offset("TableSegment", "RgValue")
        self._blocks = min(access.global_integer("HandleBlocksPerSegment"), limits.HANDLE_BLOCKS)
        self._slots = min(access.global_integer("HandlesPerBlock"), limits.HANDLE_BLOCKS)
        self._invalid = access.global_integer("BlockInvalid")
        self._following = self._bytes(access, "RgAllocation", self._blocks)
        self._user_data = self._bytes(access, "RgUserData", self._blocks)
        self._tails = self._bytes(access, "RgTail", access.global_integer("HandleMaxInternalTypes") - _INTERNAL_KINDS)
        self.next = TableSegment(access, address).next
        self.slots_read = 0
        self.problems: list[Problem] = []

    def handles(self, heap: int) -> Iterator[Handle]:
        """Yield the handles in use, by kind."""
        for kind, tail in zip(HandleKind, self._tails, strict=False):
            for block in self._ring(kind, tail):
                yield from self._of_block(kind, block, heap)

    def _ring(self, kind: HandleKind, tail: int) -> Iterator[int]:
        """Yield the blocks of a kind, each once; a ring that is broken ends where it is."""
        if tail == self._invalid:
            return
        block, seen = tail, set[int]()
        while block not in seen:
            if block >= self._blocks:
                self._report(f"block {block} of {self._blocks} in the ring of {kind.title}")
                return
            seen.add(block)
            yield block
            block = self._following[block]
        if block != tail:
            self._report(f"the ring of {kind.title} comes back to block {block}, not to {tail}")

    def _of_block(self, kind: HandleKind, block: int, heap: int) -> Iterator[Handle]:
        start = self._values + 8 * self._slots * block
        targets = self._slot_values(start)
        secondary: Column | None = None
        if kind in _WITH_SECONDARY and self._user_data[block] < self._blocks:
            secondary = self._slot_values(self._values + 8 * self._slots * self._user_data[block])
        for index, target in enumerate(targets):
            if target:
                beside = secondary[index] if secondary is not None and index < len(secondary) else 0
                yield Handle(kind, start + 8 * index, target, beside, heap)

    def _slot_values(self, start: int) -> Column:
        self.slots_read += self._slots
        data = self._reader.memory.read_available(start, 8 * self._slots)
        if len(data) < 8 * self._slots:
            self._report(f"its handles from {start + len(data):#x} on are not in the dump")
        return whole_words(data)

    def _bytes(self, access: DataAccess, name: str, count: int) -> bytes:
        return self._reader.memory.read(self._address + access.offset("TableSegment", name), count)

    def _report(self, text: str) -> None:
        self.problems.append(Problem("handles", f"segment {self._address:#x}: {text}"))
