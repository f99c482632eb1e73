"""Method tables: what an address must be to be one, and what the size of an object and its references need of it.

Recognising is the only defence of a heap walk, so it believes nothing: of CoreCLR the canonical method table and its
class must point at each other, of NativeAOT the address must lie in an image or among types made at run time.

Source of truth: ``enum WFLAGS_HIGH_ENUM`` of methodtable.h, the same bits in 3.1, 8, 9, 10 and NativeAOT;
docs/design/datacontracts/RuntimeTypeSystem.md for the test of validity.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import MemoryFault

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess

_COMPONENT_SIZE_MASK = 0xFFFF
_BSS_SLACK = 0x200000
_SMALLEST_BASE_SIZE = 16
_STRING_BASE_SIZES = (20, 22)


class MethodTableFlags(IntFlag):
    """Bits of the first word of a method table that the layout of objects depends on."""

    HAS_COMPONENT_SIZE = 0x80000000
    CONTAINS_GC_POINTERS = 0x01000000
    COLLECTIBLE = 0x00200000


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """What a method table says of its objects: ``base_size`` + ``component_size`` * length bytes."""

    method_table: int
    base_size: int
    component_size: int
    contains_pointers: bool
    collectible: bool
    is_free: bool = False
    """Whether this is the method table of free space: flags of an array of bytes, and of nothing else."""


_FREE_BASE_SIZE = 24
_FREE_FLAGS = MethodTableFlags.HAS_COMPONENT_SIZE | 1


class MethodTables:
    """Recognises method tables of one runtime."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self._memory = access.reader.memory
        self._native = access.runtime.kind is RuntimeKind.NATIVE_AOT
        offset = access.offset
        self._flags, self._base_size = offset("MethodTable", "MTFlags"), offset("MethodTable", "BaseSize")
        if not self._native:
            self._class = offset("MethodTable", "EEClassOrCanonMT")
            self._back = offset("EEClass", "MethodTable")
            self._tag = access.global_integer("CanonicalMethodTableTag")
            self._mask = access.global_integer("CanonicalMethodTableMask")

    def find_shape(self, address: int) -> ObjectShape | None:
        """Return what the method table at ``address`` says of its objects, or None where there is none."""
        if address % 8 or not 0 < address < 1 << 63:
            return None
        try:
            return self._shape(address)
        except MemoryFault:
            return None

    def _shape(self, address: int) -> ObjectShape | None:
        flags = self._access.reader.u32(address + self._flags)
        base_size = self._access.reader.u32(address + self._base_size)
        component_size = flags & _COMPONENT_SIZE_MASK if flags & MethodTableFlags.HAS_COMPONENT_SIZE else 0
        if not self._is_size(base_size, component_size) or not self._is_genuine(address, flags, base_size):
            return None
        return ObjectShape(
            address,
            base_size,
            component_size,
            bool(flags & MethodTableFlags.CONTAINS_GC_POINTERS),
            bool(flags & MethodTableFlags.COLLECTIBLE),
            is_free=flags == _FREE_FLAGS and base_size == _FREE_BASE_SIZE,
        )

    def _is_size(self, base_size: int, component_size: int) -> bool:
        if base_size in _STRING_BASE_SIZES:
            return component_size == 2
        return base_size % 8 == 0 and _SMALLEST_BASE_SIZE < base_size <= limits.OBJECT_BASE_SIZE

    def _is_genuine(self, address: int, flags: int, base_size: int) -> bool:
        if self._native:
            return self._is_in_image(address)
        reader = self._access.reader
        eeclass, canonical = reader.u64(address + self._class), address
        if not eeclass:
            return flags == _FREE_FLAGS and base_size == _FREE_BASE_SIZE
        if eeclass & self._mask == self._tag:
            canonical = eeclass & ~self._mask
            eeclass = reader.u64(canonical + self._class)
        return not eeclass & self._mask and reader.u64(eeclass + self._back) == canonical

    def _is_in_image(self, address: int) -> bool:
        module = self._access.runtime.module
        return module.base <= address < module.end + _BSS_SLACK
