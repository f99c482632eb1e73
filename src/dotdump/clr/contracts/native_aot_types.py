"""``NativeAotTypeSystem``: what a NativeAOT method table leads to, in the terms of ``TypeSystem``.

Such programs keep no records of fields: types have a base, interfaces, arguments, an element, and that is all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.native_aot_names import NativeAotNames, NativeElement, NativeFlags, element_of
from dotdump.clr.contracts.type_flags import TypeFlags
from dotdump.clr.data.native_aot import NativeMethodTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.type_system import DeclaredField
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.metadata.image import Metadata
    from dotdump.formats.metadata.signatures import TypeSignature

NO_FIELDS = "NativeAOT keeps no record of fields"

_OBJECT_OVERHEAD = 16
"""The header before an object, and its MethodTable."""

_CATEGORIES: dict[int, TypeFlags] = {
    NativeElement.VALUE_TYPE: TypeFlags.CATEGORY_VALUE_TYPE,
    NativeElement.NULLABLE: TypeFlags.CATEGORY_NULLABLE,
    NativeElement.INTERFACE: TypeFlags.CATEGORY_INTERFACE,
    NativeElement.ARRAY: TypeFlags.CATEGORY_ARRAY,
    NativeElement.SZ_ARRAY: TypeFlags.CATEGORY_SZARRAY,
}


class NativeAotTypeSystem:
    """The types of one NativeAOT program or library. Addresses given to it are of method tables."""

    keeps_fields = False

    def __init__(self, access: DataAccess, names: NativeAotNames) -> None:
        self.access = access
        self.names = names

    def base_of(self, method_table: int) -> int:
        """Return the base type, 0 where there is none and for arrays, which do not say it."""
        table = NativeMethodTable(self.access, method_table)
        return 0 if table.flags & NativeFlags.KIND_MASK else table.related

    def interfaces_of(self, method_table: int) -> Iterator[int]:
        """Yield each interface."""
        return self.names.interfaces_of(method_table)

    def category(self, method_table: int) -> TypeFlags:
        """Return the category bits as ``TypeSystem`` does."""
        kind = element_of(NativeMethodTable(self.access, method_table))
        if NativeElement.BOOLEAN <= kind <= NativeElement.DOUBLE:
            return TypeFlags.CATEGORY_TRUE_PRIMITIVE
        return _CATEGORIES.get(kind, TypeFlags(0))

    def is_array(self, method_table: int) -> bool:
        """Return whether it is an array, of any rank."""
        kind = element_of(NativeMethodTable(self.access, method_table))
        return kind in (NativeElement.ARRAY, NativeElement.SZ_ARRAY)

    @staticmethod
    def is_collectible(_method_table: int) -> bool:
        """Return whether it can be unloaded: none can."""
        return False

    def element_of(self, method_table: int) -> int:
        """Return the type of an array's elements."""
        return NativeMethodTable(self.access, method_table).related

    def arguments_of(self, method_table: int) -> tuple[int, ...]:
        """Return the arguments of an instantiated generic type."""
        return self.names.arguments_of(method_table)

    def instance_size(self, method_table: int) -> int:
        """Return the bytes that the fields of an instance take, padding included."""
        return max(0, NativeMethodTable(self.access, method_table).base_size - _OBJECT_OVERHEAD)

    def inline_length(self, method_table: int) -> int:
        """Return 0: which structures are inline arrays is not kept."""
        del method_table
        return 0

    def has_class_constructor(self, method_table: int) -> bool:
        """Return True: which types have one is not kept."""
        del method_table
        return True

    def attribute_of(self, method_table: int, name: str) -> bytes | None:
        """Return None: attributes are not kept."""
        del method_table, name
        return None

    def metadata_of(self, method_table: int) -> Metadata | None:
        """Return None: there is no ECMA-335 metadata."""
        del method_table
        return None

    def declared_fields(self, method_table: int) -> tuple[DeclaredField, ...]:
        """Return none: fields are not kept."""
        del method_table
        return ()

    def resolve(self, signature: TypeSignature, context: int) -> int:
        """Return 0: there are no signatures."""
        del signature, context
        return 0
