"""FieldDescs: the runtime's records of a type's fields, as far as they are not literals.

A type has one for each such field that its metadata declares, those of instances first; each names the field by
token, so names and declared types are the metadata's. No record is believed that is not of this type or names a
field of another. Source of truth: field.h, the same 16 bytes from 3.1 to 10.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from dotdump.clr.data.loaded_types import EEClass, FieldDesc, MethodTable
from dotdump.errors import FormatError
from dotdump.formats.metadata.schema import Field
from dotdump.formats.metadata.signatures import ElementType
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.metadata.image import Metadata

_TOKEN = (1 << 24) - 1
_PACKED_TOKEN = (1 << 17) - 1
"""Of a token beside bits of the name's hash, which 8 and before keep where the whole was not needed."""

_OFFSET_BITS = 27


class _Bits(IntFlag):
    """The first word above the token."""

    STATIC = 1 << 24
    THREAD_STATIC = 1 << 25
    RVA = 1 << 26


class FieldAttributes(IntFlag):
    """Attributes of a field in metadata (ECMA-335 II.23.1.5), as far as used."""

    ACCESS_MASK = 0x7
    STATIC = 0x10
    INIT_ONLY = 0x20
    LITERAL = 0x40


@record
class FieldRecord:
    """A field by ``row_id``; ``offset`` counts from the first byte after the MethodTable, or in its statics.

    ``element`` is that of an enum's underlying type, ``CLASS`` for any reference.
    """

    row_id: int
    element: ElementType
    offset: int
    is_static: bool
    is_thread_static: bool
    is_rva: bool


def read_field_records(
    access: DataAccess, canonical: int, metadata: Metadata, type_row_id: int
) -> tuple[FieldRecord, ...]:
    """Return the records of the type at ``canonical``, a canonical MethodTable; those of its base types are theirs.

    Raises ``FormatError`` for a record of another type or field, ``MemoryFault`` where one is not there.
    """
    declared = metadata.fields_of(type_row_id)
    wanted = {row for row in declared if not metadata.row(Field, row).flags & FieldAttributes.LITERAL}
    return tuple(_records(access, canonical, wanted)) if wanted else ()


def _records(access: DataAccess, canonical: int, wanted: set[int]) -> Iterator[FieldRecord]:
    first = EEClass(access, MethodTable(access, canonical).class_or_canonical).fields
    size = access.size("FieldDesc")
    for number in range(len(wanted)):
        view = FieldDesc(access, first + size * number)
        if view.method_table != canonical:
            raise FormatError(f"record {number} is of {view.method_table:#x}", source=f"fields of {canonical:#x}")
        yield _record(view, canonical, wanted)


def _record(view: FieldDesc, canonical: int, wanted: Container[int]) -> FieldRecord:
    bits, second = view.first, view.second
    row_id = bits & _TOKEN
    if row_id not in wanted:
        row_id &= _PACKED_TOKEN
    if row_id not in wanted:
        raise FormatError(f"field {row_id:#x} is not its own", source=f"fields of {canonical:#x}")
    return FieldRecord(
        row_id,
        element_type(second >> _OFFSET_BITS, f"field {row_id:#x} of {canonical:#x}"),
        second & ((1 << _OFFSET_BITS) - 1),
        bool(bits & _Bits.STATIC),
        bool(bits & _Bits.THREAD_STATIC),
        bool(bits & _Bits.RVA),
    )


def element_type(number: int, source: str) -> ElementType:
    """Return the element type of that number; raises ``FormatError`` where there is none."""
    try:
        return ElementType(number)
    except ValueError:
        raise FormatError(f"{number:#x} is no element type", source=source) from None
