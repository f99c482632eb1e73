from __future__ import annotations

import pytest

from dotdump.clr.contracts.primitive_values import constant_value, primitive_value
from dotdump.errors import FormatError
from dotdump.formats.metadata.signatures import ElementType


@pytest.mark.parametrize(
    ("element", "data", "value"),
    [
        (ElementType.BOOLEAN, b"\x01", True),
        (ElementType.CHAR, "ä".encode("utf-16-le"), "ä"),
        (ElementType.I1, b"\xff", -1),
        (ElementType.U2, b"\xff\xff", 65535),
        (ElementType.I4, b"\xfe\xff\xff\xff", -2),
        (ElementType.U8, b"\xff" * 8, 2**64 - 1),
        (ElementType.R8, b"\0\0\0\0\0\0\xf8\x3f", 1.5),
    ],
)
def test_the_bytes_of_a_primitive_are_its_value(element: ElementType, data: bytes, value: object) -> None:
    assert primitive_value(element, data + b"what follows") == value


def test_a_literal_may_be_text_or_null() -> None:
    assert constant_value(ElementType.STRING, "über".encode("utf-16-le")) == "über"
    assert constant_value(ElementType.CLASS, bytes(4)) is None


@pytest.mark.parametrize("element", [ElementType.VALUETYPE, ElementType.CLASS, 0x77])
def test_what_is_no_primitive_has_no_value(element: int) -> None:
    with pytest.raises(FormatError):
        primitive_value(element, bytes(8))


def test_too_few_bytes_are_no_value() -> None:
    with pytest.raises(FormatError):
        primitive_value(ElementType.I8, bytes(7))
