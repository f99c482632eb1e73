"""The table of sync blocks: where it is, and its entries.

A name leads to it, or else what it looks like: a variable of the runtime that points to entries of which each that is
in use names a sync block with its own index, and an object whose header has the same. Entries are given out in
order, so the first ones that were never used are the end.

Source of truth: ``SyncTableEntry`` and ``SyncBlockCache`` of syncblk.h; seen on 3.1.23, 8.0.4, 8.0.31, 9.0.22, 10.0.14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.runtime_variables import runtime_variables
from dotdump.clr.data.locks import AwareLock
from dotdump.errors import MemoryFault
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.object_headers import ObjectHeaders
    from dotdump.clr.data_access import DataAccess

_TABLE = "SyncTableEntries"
_INDEX_MASK = (1 << 26) - 1
_FREE = 1
_UNUSED_RUN = 8
_CHUNK = 4096
_LOOKED_AT = 64


@record
class SyncEntry:
    """An entry: the index and address of a sync block, and its object."""

    index: int
    block: int
    object: int


class SyncTable:
    """The table of one runtime, at ``address``; 0 where there is none that can be found."""

    def __init__(self, access: DataAccess, headers: ObjectHeaders) -> None:
        self._access = access
        self._headers = headers
        self._size = access.size("SyncTableEntry")
        self._places = (access.offset("SyncTableEntry", "SyncBlock"), access.offset("SyncTableEntry", "Object"))
        self._monitor = access.offset("SyncBlock", "Monitor")
        self.address = self._find()

    def in_use(self) -> Iterator[SyncEntry]:
        """Yield each entry that is in use and that its sync block and its object confirm."""
        return (entry for entry in self._entries(self.address, limits.SYNC_BLOCKS) if self._is_confirmed(entry))

    def _find(self) -> int:
        access = self._access
        named = access.global_pointer(_TABLE) if access.has_global(_TABLE) else 0
        if named:
            confirmed, wrong = self._judge(named)
            if confirmed >= wrong:
                return named
        return next((value for _, value in runtime_variables(access) if self._looks_like_one(value)), 0)

    def _looks_like_one(self, address: int) -> bool:
        first = self._access.reader.memory.read_available(address, self._size)
        if len(first) < self._size or any(first[self._places[0] : self._places[0] + 8]):
            return False
        confirmed, wrong = self._judge(address)
        return confirmed > 0 and wrong == 0

    def _judge(self, address: int) -> tuple[int, int]:
        """Return how many of the first entries that are in use are confirmed, and how many are not."""
        judged = [self._is_confirmed(entry) for entry in self._entries(address, _LOOKED_AT) if not _is_free(entry)]
        return sum(judged), len(judged) - sum(judged)

    def _is_confirmed(self, entry: SyncEntry) -> bool:
        """Return whether sync block and object have the index; a small dump has the one and not the other."""
        if not entry.block or entry.object % 8 or not entry.object:
            return False
        try:
            index = AwareLock(self._access, entry.block + self._monitor).index & _INDEX_MASK
        except MemoryFault:
            return False
        try:
            return entry.index == index == self._headers.sync_block_index_of(entry.object)
        except MemoryFault:
            return entry.index == index

    def _entries(self, table: int, most: int) -> Iterator[SyncEntry]:
        """Yield each entry that was ever used; there is none of index 0."""
        unused = 0
        for first in range(0, most if table else 0, _CHUNK):
            count = min(_CHUNK, most - first)
            data = self._access.reader.memory.read_available(table + self._size * first, self._size * count)
            for number in range(len(data) // self._size):
                entry = data[self._size * number : self._size * (number + 1)]
                block, owner = (int.from_bytes(entry[place : place + 8], "little") for place in self._places)
                unused = unused + 1 if not block and not owner else 0
                if unused > _UNUSED_RUN:
                    return
                if first + number:
                    yield SyncEntry(first + number, block, owner)
            if len(data) < self._size * count:
                return


def _is_free(entry: SyncEntry) -> bool:
    return not entry.block and (not entry.object or bool(entry.object & _FREE))
