"""Method tables: what an address must be to be one, and what the size of an object and its references need of it.

Recognising is the only defence of a heap walk, so it believes nothing: of CoreCLR the canonical method table and its
class must point at each other, of NativeAOT the address must lie in an image or among types made at run time.

Source of truth: ``enum WFLAGS_HIGH_ENUM`` of methodtable.h, the same bits in 3.1, 8, 9, 10 and NativeAOT;
docs/design/datacontracts/RuntimeTypeSystem.md for the test of validity.
"""

from __future__ import annotations

from enum import IntFlag
from itertools import chain
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.layout_choice import OURS
from dotdump.clr.layouts import load
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import MemoryFault, UnsupportedRuntime
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.data_access import DataAccess
    from dotdump.clr.descriptor import Descriptor

_COMPONENT_SIZE_MASK = 0xFFFF
_SMALLEST_BASE_SIZE = 16
_STRING_BASE_SIZES = (20, 22)


class MethodTableFlags(IntFlag):
    """Bits of the first word of a method table that the layout of objects depends on."""

    HAS_COMPONENT_SIZE = 0x80000000
    CONTAINS_GC_POINTERS = 0x01000000
    COLLECTIBLE = 0x00200000


@record
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
_NATIVE_FREE_FLAGS = _FREE_FLAGS | 0x00020000
"""NativeAOT's is that of an array whose elements have no type."""


@record
class MethodTableLayout:
    """Offsets of what recognising needs; ``tag`` under ``mask`` marks a canonical MethodTable in a class's place."""

    flags: int
    base_size: int
    eeclass: int = 0
    back: int = 0
    tag: int = 1
    mask: int = 1


class MethodTables:
    """Recognises method tables of one runtime by its ``layout``, as ``calibrated_layout`` finds it."""

    def __init__(self, access: DataAccess, layout: MethodTableLayout | None = None) -> None:
        self._access = access
        self._native = access.runtime.kind is RuntimeKind.NATIVE_AOT
        self._free_flags = _NATIVE_FREE_FLAGS if self._native else _FREE_FLAGS
        self._layout = layout or layout_of(access.version, access.descriptor, native=self._native)

    def find_shape(self, address: int) -> ObjectShape | None:
        """Return what the method table at ``address`` says of its objects, or None where there is none."""
        if address % 8 or not 0 < address < 1 << 63:
            return None
        try:
            return self._shape(address)
        except MemoryFault:
            return None

    def _shape(self, address: int) -> ObjectShape | None:
        flags = self._access.reader.u32(address + self._layout.flags)
        base_size = self._access.reader.u32(address + self._layout.base_size)
        component_size = flags & _COMPONENT_SIZE_MASK if flags & MethodTableFlags.HAS_COMPONENT_SIZE else 0
        if not self._is_size(base_size, component_size) or not self._is_genuine(address, flags, base_size):
            return None
        return ObjectShape(
            address,
            base_size,
            component_size,
            bool(flags & MethodTableFlags.CONTAINS_GC_POINTERS),
            bool(flags & MethodTableFlags.COLLECTIBLE),
            is_free=flags == self._free_flags and base_size == _FREE_BASE_SIZE,
        )

    def _is_size(self, base_size: int, component_size: int) -> bool:
        if base_size in _STRING_BASE_SIZES:
            return component_size == 2
        return base_size % 8 == 0 and _SMALLEST_BASE_SIZE < base_size <= limits.OBJECT_BASE_SIZE

    def _is_genuine(self, address: int, flags: int, base_size: int) -> bool:
        if self._native:
            return self._is_in_image(address)
        reader, layout = self._access.reader, self._layout
        eeclass, canonical = reader.u64(address + layout.eeclass), address
        if not eeclass:
            return flags == _FREE_FLAGS and base_size == _FREE_BASE_SIZE
        if eeclass & layout.mask == layout.tag:
            canonical = eeclass & ~layout.mask
            eeclass = reader.u64(canonical + layout.eeclass)
        return not eeclass & layout.mask and reader.u64(eeclass + layout.back) == canonical

    def _is_in_image(self, address: int) -> bool:
        module = self._access.runtime.module
        return module.base <= address < module.data_end


def layout_of(version: str, descriptor: Descriptor, *, native: bool) -> MethodTableLayout:
    """Return what ``descriptor`` says; raises ``UnsupportedRuntime`` where it does not say all that is needed."""

    def offset(type_name: str, field: str) -> int:
        found = descriptor.find_field(type_name, field)
        if found is None:
            raise UnsupportedRuntime(version, f"{type_name}.{field}")
        return found.offset

    flags, base_size = offset("MethodTable", "MTFlags"), offset("MethodTable", "BaseSize")
    if native:
        return MethodTableLayout(flags, base_size)
    tag, mask = (descriptor.globals.get(f"CanonicalMethodTable{what}") for what in ("Tag", "Mask"))
    numbers = (found.value if found and isinstance(found.value, int) else 1 for found in (tag, mask))
    return MethodTableLayout(
        flags, base_size, offset("MethodTable", "EEClassOrCanonMT"), offset("EEClass", "MethodTable"), *numbers
    )


def calibrated_tables(access: DataAccess, words: Sequence[int]) -> MethodTables:
    """Return the first ``MethodTables`` that recognise at least half of ``words``, which stand where objects begin.

    The runtime's own layout is tried first, then ours of every version. Raises ``UnsupportedRuntime`` where none fits.
    """
    first = MethodTables(access)
    if access.runtime.kind is RuntimeKind.NATIVE_AOT or not words:
        return first
    others = (layout_of(access.version, load(name), native=False) for name in reversed(OURS.values()))
    for tables in chain([first], (MethodTables(access, layout) for layout in others)):
        if 2 * sum(tables.find_shape(word) is not None for word in words) >= len(words):
            return tables
    raise UnsupportedRuntime(access.version, "the layout of MethodTable, which no version known here has")
