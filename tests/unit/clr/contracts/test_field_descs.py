"""Records of fields, in layouts of their own."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from builders.fake_access import fake_access
from dotdump.clr.contracts.field_descs import read_field_records
from dotdump.errors import FormatError
from dotdump.formats.metadata.signatures import ElementType

if TYPE_CHECKING:
    from builders.fake_access import Layout
    from dotdump.clr.contracts.field_descs import FieldRecord
    from dotdump.formats.metadata.image import Metadata

TYPE, CLASS, FIELD = 0x7F0000100000, 0x7F0000200000, 0x7F0000300000
LAYOUTS: dict[str, Layout] = {
    "MethodTable": {"EEClassOrCanonMT": 0},
    "EEClass": {"FieldDescList": 0},
    "FieldDesc": {"!": 16, "MTOfEnclosingClass": 0, "DWord1": (8, "uint32"), "DWord2": (12, "uint32")},
}


def records(element: int) -> tuple[FieldRecord, ...]:
    """Return the records of a type whose one field, at offset 24, has this element type."""
    access, target = fake_access(LAYOUTS)
    target.words(TYPE, CLASS)
    target.words(CLASS, FIELD)
    target.put(FIELD, struct.pack("<QII", TYPE, 7, element << 27 | 24))
    metadata = SimpleNamespace(fields_of=lambda _row: (7,), row=lambda _kind, _row: SimpleNamespace(flags=0))
    return read_field_records(access, TYPE, cast("Metadata", metadata), 1)


def test_a_record_tells_what_is_kept_where() -> None:
    (found,) = records(ElementType.CLASS)
    assert (found.row_id, found.element, found.offset) == (7, ElementType.CLASS, 24)


def test_a_record_of_no_element_type_is_damaged() -> None:
    with pytest.raises(FormatError, match="0x17 is no element type"):
        records(0x17)
