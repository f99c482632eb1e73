"""``TypeSystem``: what a MethodTable leads to: its definition, its base, interfaces, arguments, element and fields.

Every answer is an address or a record; nothing is kept, ``ClrType`` keeps. Source of truth: methodtable.h, the same
bits from 3.1 to 10 as far as used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.field_descs import FieldAttributes, FieldRecord, element_type, read_field_records
from dotdump.clr.contracts.signature_names import SignatureNames
from dotdump.clr.contracts.type_flags import TypeFlags, canonical_of, is_array
from dotdump.clr.contracts.type_maps import TypeMaps
from dotdump.clr.contracts.type_resolver import TypeResolver
from dotdump.clr.data.loaded_types import EEClass, MethodTable
from dotdump.errors import FormatError, LimitExceeded, MemoryFault, UnsupportedRuntime
from dotdump.formats.metadata.attributes import find_attribute
from dotdump.formats.metadata.schema import Constant, Field, MethodDef, TypeDef
from dotdump.formats.metadata.signature_blobs import parse_field_signature
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.contracts.type_names import TypeNames
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.metadata.image import Metadata
    from dotdump.formats.metadata.signatures import ElementType, TypeSignature
    from dotdump.formats.pe import PeImage

_INLINE_ARRAY = "System.Runtime.CompilerServices.InlineArrayAttribute"
_CLASS_CONSTRUCTOR = ".cctor"
_HAS_CONSTANT_FIELD_TAG = 0


@record
class DeclaredField:
    """A field as metadata declares it, with the runtime's ``record`` of it; a literal has none but a ``constant``."""

    row_id: int
    name: str
    attributes: FieldAttributes
    signature: TypeSignature
    type_name: str
    record: FieldRecord | None = None
    constant: tuple[ElementType, bytes] | None = None
    """Element type and value, little-endian or UTF-16."""


class TypeSystem:
    """The types of one runtime. Addresses given to it are of MethodTables."""

    keeps_fields = True

    def __init__(self, access: DataAccess, loader: Loader, names: TypeNames) -> None:
        self.access = access
        self.names = names
        self._loader = loader
        self.maps = TypeMaps(access, names)
        self._resolver = TypeResolver(access, loader, names, self.maps)
        self._constants: dict[int, dict[int, Constant]] = {}

    def base_of(self, method_table: int) -> int:
        """Return the MethodTable of the base type, 0 where there is none."""
        return MethodTable(self.access, method_table).parent

    def interfaces_of(self, method_table: int) -> Iterator[int]:
        """Yield the MethodTable of each interface."""
        table = MethodTable(self.access, method_table)
        count, first = table.interface_count, table.interfaces
        if count > limits.INTERFACES:
            raise LimitExceeded(f"{count} interfaces", source=f"type {method_table:#x}")
        yield from (self.access.reader.pointer(first + 8 * index) for index in range(count))

    def category(self, method_table: int) -> TypeFlags:
        """Return the category bits: value type, enum or other primitive, array."""
        return TypeFlags(MethodTable(self.access, method_table).flags & TypeFlags.CATEGORY_MASK)

    def is_array(self, method_table: int) -> bool:
        """Return whether it is an array, of any rank."""
        return is_array(MethodTable(self.access, method_table).flags)

    def is_collectible(self, method_table: int) -> bool:
        """Return whether it can be unloaded: then it lives as long as its LoaderAllocator."""
        return bool(MethodTable(self.access, method_table).flags & TypeFlags.COLLECTIBLE)

    def element_of(self, method_table: int) -> int:
        """Return the TypeHandle of an array's elements."""
        return MethodTable(self.access, method_table).instantiation

    def arguments_of(self, method_table: int) -> tuple[int, ...]:
        """Return the TypeHandles of a generic type's arguments."""
        return self.names.arguments_of(method_table)

    def has_class_constructor(self, method_table: int) -> bool:
        """Return whether a type has one; it may where its metadata is not to be had."""
        metadata, row_id = self.metadata_of(method_table), self.names.token_of(method_table)
        if metadata is None or not row_id:
            return True
        names = (metadata.string(metadata.row(MethodDef, row).name) for row in metadata.methods_of(row_id))
        return _CLASS_CONSTRUCTOR in names

    def metadata_of(self, method_table: int) -> Metadata | None:
        """Return the metadata that defines a type, None where it is not to be had."""
        return self._loader.find_metadata(self.names.module_of(method_table))

    def image_of(self, method_table: int) -> PeImage | None:
        """Return the image that defines a type, None where it has none in memory."""
        return self._loader.find_image(self.names.module_of(method_table))

    def resolve(self, signature: TypeSignature, context: int) -> int:
        """Return the TypeHandle of a signature in the type at ``context``; 0 where it is not loaded or not known."""
        try:
            return self._resolver.resolve(signature, context)
        except (FormatError, MemoryFault, UnsupportedRuntime):
            return 0

    def instance_size(self, method_table: int) -> int:
        """Return the bytes that the fields of an instance take: of a value type the size of its values."""
        table = MethodTable(self.access, method_table)
        eeclass = MethodTable(self.access, canonical_of(self.access, method_table)).class_or_canonical
        return max(0, table.base_size - EEClass(self.access, eeclass).padding)

    def inline_length(self, method_table: int) -> int:
        """Return how many elements an inline array has; 0 for what is none."""
        value = self.attribute_of(method_table, _INLINE_ARRAY)
        return int.from_bytes(value[2:6], "little") if value is not None and len(value) >= 6 else 0

    def attribute_of(self, method_table: int, name: str) -> bytes | None:
        """Return the value of the attribute of class ``name`` that a type has, None where it has none."""
        metadata, row_id = self.metadata_of(method_table), self.names.token_of(method_table)
        return find_attribute(metadata, TypeDef.table, row_id, name) if metadata is not None else None

    def declared_fields(self, method_table: int) -> tuple[DeclaredField, ...]:
        """Return the fields that a type itself declares, literals too; an array has none.

        Raises ``FormatError`` where runtime and metadata contradict each other, ``MemoryFault`` for what is not there.
        """
        if self.is_array(method_table) or not MethodTable(self.access, method_table).class_or_canonical:
            return ()
        metadata, row_id = self.metadata_of(method_table), self.names.token_of(method_table)
        if metadata is None or not row_id:
            return ()
        records = read_field_records(self.access, canonical_of(self.access, method_table), metadata, row_id)
        by_row = {record.row_id: record for record in records}
        names = SignatureNames(metadata, [self.names.name_of(a) for a in self.arguments_of(method_table)])
        return tuple(self._declared(metadata, row, names, by_row) for row in metadata.fields_of(row_id))

    def _declared(
        self, metadata: Metadata, row_id: int, names: SignatureNames, records: dict[int, FieldRecord]
    ) -> DeclaredField:
        row = metadata.row(Field, row_id)
        signature = parse_field_signature(metadata.blob(row.signature))
        constant = self._constant(metadata, row_id) if row.flags & FieldAttributes.LITERAL else None
        return DeclaredField(
            row_id,
            metadata.string(row.name),
            FieldAttributes(row.flags),
            signature,
            names.name(signature),
            records.get(row_id),
            constant,
        )

    def _constant(self, metadata: Metadata, field_row_id: int) -> tuple[ElementType, bytes] | None:
        if id(metadata) not in self._constants:
            rows = metadata.rows(Constant)
            fields = {row.parent >> 2: row for row in rows if row.parent & 3 == _HAS_CONSTANT_FIELD_TAG}
            self._constants[id(metadata)] = fields
        row = self._constants[id(metadata)].get(field_row_id)
        if row is None:
            return None
        return element_type(row.type & 0xFF, f"constant of field {field_row_id:#x}"), metadata.blob(row.value)
