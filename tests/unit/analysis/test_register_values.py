"""Structs in a register, of types that say no more of themselves than these need."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.analysis.register_values import struct_text
from dotdump.errors import FormatError
from dotdump.formats.metadata.signatures import ElementType as E

if TYPE_CHECKING:
    from dotdump.clr.model.type import ClrType


def field(
    name: str, offset: int, element: E, *, of: ClrType | None = None, is_reference: bool = False
) -> SimpleNamespace:
    return SimpleNamespace(
        name=name,
        element=element,
        type=of,
        type_name="Own.Inner",
        is_reference=is_reference,
        is_number=of is None and not is_reference and element is not E.VALUETYPE,
        address_in=lambda address, *, interior: address + offset if interior else -1,
    )


def struct(*fields: SimpleNamespace, size: int = 8, name: str = "Own.Struct", **said: bool) -> ClrType:
    kinds = {"is_enum": False, "is_primitive": False, "is_nullable": False, **said}
    return cast("ClrType", SimpleNamespace(name=name, value_size=size, fields=list(fields), **kinds))


def text(kind: ClrType, *numbers: int) -> str:
    return struct_text(kind, b"".join(number.to_bytes(4, "little") for number in numbers), hex)


INT32 = struct(field("m_value", 0, E.I4), size=4, name="System.Int32", is_primitive=True)
MAYBE = struct(field("hasValue", 0, E.BOOLEAN), field("value", 4, E.I4, of=INT32), is_nullable=True)


def test_fields_are_told_as_those_of_a_struct_in_memory() -> None:
    inner = struct(field("B", 0, E.I2), field("C", 2, E.BOOLEAN), size=4)
    assert text(struct(field("A", 0, E.I4), field("In", 4, E.VALUETYPE, of=inner)), 7, 0x10002) == (
        "{A=7, In={B=2, C=true}}"
    )
    assert text(struct(field("Of", 0, E.CLASS, is_reference=True)), 0x1000, 0) == "{Of=0x1000}"
    assert text(struct(field("_ticks", 0, E.I8), name="System.TimeSpan"), 10_000_000, 0) == "00:00:01"
    assert [text(MAYBE, 1, 5), text(MAYBE, 0, 5)] == ["5", "null"]


def test_what_is_not_there_or_not_known_is_an_error() -> None:
    with pytest.raises(FormatError, match=r"Own\.Struct of 16 bytes is not in 8"):
        text(struct(size=16), 1, 2)
    with pytest.raises(FormatError, match=r"Own\.Inner is not loaded"):
        text(struct(field("In", 0, E.VALUETYPE)), 1, 2)
