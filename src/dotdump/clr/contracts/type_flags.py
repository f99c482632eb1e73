"""What the flags of a MethodTable say of its type, and which one stands for it.

Source of truth: methodtable.h (``WFLAGS_HIGH_ENUM``, ``WFLAGS_LOW_ENUM``), the same bits from 3.1 to 10 as far as used.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from dotdump.clr.data.loaded_types import MethodTable

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess


class TypeFlags(IntFlag):
    """The first word of a MethodTable, as far as it tells kinds of types apart."""

    HAS_COMPONENT_SIZE = 0x80000000
    COLLECTIBLE = 0x00200000
    CATEGORY_ARRAY_MASK = 0x000C0000
    CATEGORY_ARRAY = 0x00080000
    CATEGORY_MASK = 0x000F0000
    CATEGORY_SZARRAY = 0x000A0000
    CATEGORY_VALUE_TYPE_MASK = 0x000C0000
    CATEGORY_VALUE_TYPE = 0x00040000
    CATEGORY_NULLABLE = 0x00050000
    CATEGORY_PRIMITIVE_VALUE_TYPE = 0x00060000
    CATEGORY_TRUE_PRIMITIVE = 0x00070000
    CATEGORY_INTERFACE = 0x000C0000
    GENERICS_MASK = 0x00000030
    GENERIC_INSTANTIATION = 0x00000010
    GENERIC_SHARED_INSTANTIATION = 0x00000020


def canonical_of(access: DataAccess, method_table: int) -> int:
    """Return the method table that shares its code and its class with ``method_table``: often itself."""
    mask = access.global_integer("CanonicalMethodTableMask")
    value = MethodTable(access, method_table).class_or_canonical
    return value & ~mask if value & mask == access.global_integer("CanonicalMethodTableTag") else method_table


def is_array(flags: int) -> bool:
    """Return whether a MethodTable with these flags is of an array, of any rank."""
    return (
        bool(flags & TypeFlags.HAS_COMPONENT_SIZE) and flags & TypeFlags.CATEGORY_ARRAY_MASK == TypeFlags.CATEGORY_ARRAY
    )
