"""Statics up to 8: a module keeps those of its types in one block, whose layout is known when it is loaded.

Constructed types, and those made at run time, are added one by one in a table of the module that loaded them. A
thread has a block like it for each module whose thread statics it has used.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.statics import NOWHERE, StaticsBase
from dotdump.clr.contracts.type_flags import TypeFlags
from dotdump.clr.contracts.type_names import SLOTS_IN_PLACE, optional_slot
from dotdump.clr.data.loaded_types import EEClass, EEClassOptionalFields, FieldDesc, MethodTable
from dotdump.clr.data.statics import (
    DomainLocalModule,
    DynamicClassInfo,
    GenericsStaticsInfo,
    ThreadLocalBlock,
    ThreadLocalModule,
)
from dotdump.records import replace

if TYPE_CHECKING:
    from dotdump.clr.contracts.type_names import TypeNames
    from dotdump.clr.data_access import DataAccess

_OPTIONAL_SLOTS = 0x1F


class _StaticsFlags(IntFlag):
    """``enum_flag_StaticsMask`` of methodtable.h."""

    DYNAMIC = 0x2
    GENERICS = 0x4


class _ClassInitFlags(IntFlag):
    """``ClassInitFlags`` of appdomain.hpp."""

    INITIALIZED = 0x1
    COLLECTIBLE = 0x8


class StaticsOfModules:
    """Implements ``Statics``."""

    def __init__(self, access: DataAccess, names: TypeNames) -> None:
        self._access = access
        self._names = names

    def base_of(self, method_table: int) -> StaticsBase:
        """Return where the statics of a type lie that all threads share."""
        dynamic, module, number = self._kept_by(method_table)
        address = self._access.pointer(module, "Module", "DomainLocalModule") if module else 0
        if not address:
            return NOWHERE
        return self._base(DomainLocalModule(self._access, address), number, dynamic=dynamic)

    def thread_base_of(self, method_table: int, thread: int) -> StaticsBase:
        """Return where the thread statics of a type lie, of one thread."""
        dynamic, module, number = self._kept_by(method_table)
        address = self._thread_block(module, thread) if module else 0
        if not address:
            return NOWHERE
        base = self._base(ThreadLocalModule(self._access, address), number, dynamic=dynamic)
        return replace(base, references=self._array(base.references))

    def _base(self, block: DomainLocalModule | ThreadLocalModule, number: int, *, dynamic: bool) -> StaticsBase:
        """Return where statics lie by their block; ``references`` as it stands there."""
        if not dynamic:
            return StaticsBase(block.references, block.address, self._is_initialized(block, number))
        entry, initialized = self._dynamic_entry(block, number)
        references = self._access.pointer(entry, "DynamicEntry", "GCStatics") if entry else 0
        return StaticsBase(references, entry, initialized)

    def thread_storage(self, thread: int) -> int:
        """Return 0: handles keep the arrays of a thread."""
        del thread
        return 0

    def _kept_by(self, method_table: int) -> tuple[bool, int, int]:
        """Return whether a type was added by itself, the module that keeps its statics, and its number there."""
        access, table = self._access, MethodTable(self._access, method_table)
        flags = table.flags
        if not flags & (_StaticsFlags.DYNAMIC | _StaticsFlags.GENERICS):
            return False, self._names.module_of(method_table), self._names.token_of(method_table) - 1
        if flags & TypeFlags.GENERICS_MASK == TypeFlags.GENERICS_MASK:
            return True, 0, 0
        if not flags & _StaticsFlags.GENERICS:
            return self._kept_for_class(table)
        slots = (table.flags2 & _OPTIONAL_SLOTS).bit_count()
        info = GenericsStaticsInfo(access, optional_slot(table, max(slots, SLOTS_IN_PLACE)))
        genuine = info.fields and FieldDesc(access, info.fields).method_table == method_table
        return True, table.loader_module if genuine else 0, info.number

    def _kept_for_class(self, table: MethodTable) -> tuple[bool, int, int]:
        """Return the same of a type made at run time that has no arguments: its class knows its number."""
        optional = EEClass(self._access, table.class_or_canonical).optional
        if not optional:
            return True, 0, 0
        return True, table.loader_module, EEClassOptionalFields(self._access, optional).number

    def _dynamic_entry(self, block: DomainLocalModule | ThreadLocalModule, number: int) -> tuple[int, bool]:
        """Return the entry of a type that was added by itself, and whether it is initialized; 0 where it has none.

        Of collectible types it is no place but a number that their LoaderAllocator knows: these have none here.
        """
        if not number < min(block.dynamic_count, limits.DYNAMIC_STATICS):
            return 0, False
        place = block.dynamic_table + number * self._access.size("DynamicClassInfo")
        info = DynamicClassInfo(self._access, place)
        flags = info.flags
        entry = 0 if flags & _ClassInitFlags.COLLECTIBLE else info.entry
        return entry, bool(flags & _ClassInitFlags.INITIALIZED)

    def _is_initialized(self, block: DomainLocalModule | ThreadLocalModule, number: int) -> bool:
        return bool(self._access.reader.u8(block.address_of("DataBlob") + number) & _ClassInitFlags.INITIALIZED)

    def _thread_block(self, module: int, thread: int) -> int:
        access = self._access
        statics = access.pointer(module, "Module", "DomainLocalModule")
        index = DomainLocalModule(access, statics).index if statics else 0
        block = ThreadLocalBlock(access, thread + access.offset("Thread", "ThreadLocalBlock"))
        return access.reader.pointer(block.table + 8 * index) if index < block.size else 0

    def _array(self, handle: int) -> int:
        """Return where the elements of the array behind a handle begin."""
        target = self._access.reader.pointer(handle) if handle else 0
        return target + self._access.global_integer("PtrArrayOffsetToDataArray") if target else 0
