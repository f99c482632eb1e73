"""Statics from 9 on: what each type has of its own lies before its MethodTableAuxiliaryData.

Thread statics lie in an array of each thread that their type has an index of, and offsets count from the array itself;
those of collectible types are behind handles.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.statics import NOWHERE, StaticsBase
from dotdump.clr.data.loaded_types import MethodTable
from dotdump.clr.data.statics import DynamicStaticsInfo, InFlightTlsData, ThreadLocalData, ThreadStaticsInfo

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess

_UNALLOCATED = 0xFFFFFFFF
_INDEX_MASK = 0xFFFFFF
_TYPE_SHIFT = 24
_NON_COLLECTIBLE, _COLLECTIBLE, _DIRECT = range(3)
_INITIALIZED = 1


class _Flags2(IntFlag):
    """``WFLAGS2_ENUM`` of methodtable.h."""

    DYNAMIC_STATICS = 0x2


class StaticsOfTypes:
    """Implements ``Statics``."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access

    def base_of(self, method_table: int) -> StaticsBase:
        """Return where the statics of a type lie that all threads share."""
        auxiliary = self._auxiliary(method_table)
        if not auxiliary:
            return NOWHERE
        info = DynamicStaticsInfo(self._access, auxiliary - self._access.size("DynamicStaticsInfo"))
        mask = self._access.global_integer("StaticsPointerMask")
        return StaticsBase(info.references & mask, info.values & mask, self._is_initialized(auxiliary))

    def thread_base_of(self, method_table: int, thread: int) -> StaticsBase:
        """Return where the thread statics of a type lie, of one thread."""
        auxiliary, storage = self._auxiliary(method_table), self._storage(thread)
        if not auxiliary or not storage:
            return NOWHERE
        info = ThreadStaticsInfo(self._access, auxiliary - self._access.size("ThreadStaticsInfo"))
        data = ThreadLocalData(self._access, storage)
        references, values = self._place(data, info.references), self._place(data, info.values)
        return StaticsBase(references, values, self._is_initialized(auxiliary))

    def thread_storage(self, thread: int) -> int:
        """Return the array of a thread's statics, which the collector knows of by itself."""
        storage = self._storage(thread)
        return ThreadLocalData(self._access, storage).array if storage else 0

    def _auxiliary(self, method_table: int) -> int:
        access = self._access
        if not MethodTable(access, method_table).flags2 & _Flags2.DYNAMIC_STATICS:
            return 0
        return access.pointer(method_table, "MethodTable", "AuxiliaryData")

    def _is_initialized(self, auxiliary: int) -> bool:
        flags = self._access.integer(auxiliary, "MethodTableAuxiliaryData", "Flags", default="uint32")
        return bool(flags & _INITIALIZED)

    def _storage(self, thread: int) -> int:
        return self._access.pointer(thread, "Thread", "ThreadLocalDataPtr")

    def _place(self, data: ThreadLocalData, index: int) -> int:
        """Return the address from which offsets count, 0 where the thread has none yet."""
        if index == _UNALLOCATED:
            return 0
        kind, number = index >> _TYPE_SHIFT, index & _INDEX_MASK
        if kind == _DIRECT:
            return data.address + number
        return self._object(data, kind, number) or self._in_flight(data, index)

    def _object(self, data: ThreadLocalData, kind: int, number: int) -> int:
        access, reader = self._access, self._access.reader
        if kind == _NON_COLLECTIBLE and data.array and number < data.count:
            unused = access.global_integer("NumberOfTlsOffsetsNotUsedInNoncollectibleArray")
            first = data.array + access.global_integer("PtrArrayOffsetToDataArray")
            return reader.pointer(first + 8 * (number - unused))
        if kind == _COLLECTIBLE and data.collectible_array and number < data.collectible_count:
            handle = reader.pointer(data.collectible_array + 8 * number)
            return reader.pointer(handle) if handle else 0
        return 0

    def _in_flight(self, data: ThreadLocalData, index: int) -> int:
        address = data.in_flight
        for _ in range(limits.IN_FLIGHT_STATICS):
            if not address:
                break
            entry = InFlightTlsData(self._access, address)
            if entry.index == index:
                return self._access.reader.pointer(entry.data)
            address = entry.next
        return 0
