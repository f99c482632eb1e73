from __future__ import annotations

import pytest

from builders.cfi import sleb, uleb
from dotdump.errors import FormatError
from dotdump.formats.dwarf_cursor import Bases, Cursor

HERE = 0x1000
BASES = Bases(text=0x20, data=0x300, function=0x4000)


@pytest.mark.parametrize(
    ("encoding", "data", "expected"),
    [
        (0x00, "8877665544332211", 0x1122334455667788),
        (0x01, "8008", 0x400),
        (0x02, "feff", 0xFFFE),
        (0x03, "feffffff", 0xFFFFFFFE),
        (0x04, "feffffffffffffff", 2**64 - 2),
        (0x09, "7e", 2**64 - 2),
        (0x0A, "feff", 2**64 - 2),
        (0x0B, "feffffff", 2**64 - 2),
        (0x0C, "feffffffffffffff", 2**64 - 2),
        (0x1B, "f0ffffff", HERE - 16),
        (0x2B, "10000000", 0x30),
        (0x3B, "10000000", 0x310),
        (0x4A, "1000", 0x4010),
        (0x1B, "00000000", 0),
        (0xFF, "", None),
    ],
)
def test_pointers_of_every_encoding_are_addresses(encoding: int, data: str, expected: int | None) -> None:
    assert Cursor(bytes.fromhex(data), HERE).pointer(encoding, BASES) == expected


def test_an_aligned_pointer_begins_at_a_multiple_of_eight() -> None:
    cursor = Cursor(b"\xff" * 3 + b"\x05" + bytes(7), HERE + 5)
    assert (cursor.pointer(0x50, BASES), cursor.at_end) == (5, True)


def test_an_indirect_pointer_is_followed() -> None:
    bases = Bases(dereference=lambda address: address * 2)
    assert Cursor(b"\x10\0\0\0", HERE).pointer(0x9B, bases) == 2 * (HERE + 0x10)
    with pytest.raises(FormatError, match="indirect"):
        Cursor(b"\x10\0\0\0", HERE).pointer(0x9B, BASES)


@pytest.mark.parametrize("encoding", [0x05, 0x0D, 0x60, 0x70])
def test_encodings_that_nobody_defined_are_refused(encoding: int) -> None:
    with pytest.raises(FormatError):
        Cursor(b"\x01" * 16, HERE).pointer(encoding, BASES)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 0x3FFF, 2**63, 2**64 - 1])
def test_unsigned_leb128_reads_what_was_written(value: int) -> None:
    assert Cursor(uleb(value)).uleb() == value


@pytest.mark.parametrize("value", [0, -1, 63, 64, -64, -65, 2**62, -(2**63), 2**63 - 1])
def test_signed_leb128_reads_what_was_written(value: int) -> None:
    assert Cursor(sleb(value)).sleb() == value


def test_a_leb128_without_end_is_refused() -> None:
    with pytest.raises(FormatError, match="LEB128"):
        Cursor(b"\x80" * 100).uleb()


def test_what_is_cut_is_refused_with_its_place() -> None:
    cursor = Cursor(b"\x01\x02\x03", HERE)
    assert cursor.u16() == 0x201
    with pytest.raises(FormatError, match="offset 0x1002"):
        cursor.u32()
    with pytest.raises(FormatError, match="without an end"):
        Cursor(b"abc").string()
