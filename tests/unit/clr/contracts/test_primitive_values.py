from __future__ import annotations

from struct import pack

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
        (ElementType.R4, pack("<f", 1.1), 1.1),
        (ElementType.R4, b"\xff\xff\x7f\x7f", 3.4028235e38),
        (ElementType.R4, b"\0\0\x80\xff", float("-inf")),
        (ElementType.I, b"\xfb" + b"\xff" * 7, -5),
    ],
)
def test_the_bytes_of_a_primitive_are_its_value(element: ElementType, data: bytes, value: object) -> None:
    assert primitive_value(element, data + b"what follows") == value


@pytest.mark.parametrize(
    ("element", "number", "text"),
    [
        (ElementType.I, -1, "-1"),
        (ElementType.I, 0xFFFF, "65535"),
        (ElementType.I, 0x7F0012345678, "0x7f0012345678"),
        (ElementType.I, -(1 << 40), "0xffffff0000000000"),
        (ElementType.PTR, 0, "0x0"),
        (ElementType.FNPTR, 0x1234, "0x1234"),
    ],
)
def test_what_may_be_an_address_is_hexadecimal_as_text(element: ElementType, number: int, text: str) -> None:
    value = primitive_value(element, (number % (1 << 64)).to_bytes(8, "little"))
    assert (value, str(value)) == (number, text)


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
