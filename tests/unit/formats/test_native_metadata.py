"""What NativeAOT carries for reflection: integers, tables, headers and names."""

from __future__ import annotations

import struct

import pytest

from builders.native_metadata import NativeMetadataBuilder, hashtable, signed, unsigned
from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.native_format import NativeBytes
from dotdump.formats.native_header import Section, parse_native_header
from dotdump.formats.native_metadata import NativeMetadata, NativeTypeName

NUMBERS = [0, 1, 127, 128, 16383, 16384, (1 << 21) - 1, 1 << 21, (1 << 28) - 1, 1 << 28, (1 << 32) - 1]
SIGNED = [0, 1, -1, 63, -64, 64, -65, 8191, -8192, 1 << 20, -(1 << 20), 1 << 27, -(1 << 27) - 1, (1 << 31) - 1]


@pytest.mark.parametrize("value", NUMBERS)
def test_an_integer_is_read_as_it_was_written(value: int) -> None:
    data = unsigned(value)
    assert NativeBytes(data, "test").unsigned(0) == (value, len(data))


@pytest.mark.parametrize("value", SIGNED)
def test_a_signed_integer_is_read_as_it_was_written(value: int) -> None:
    data = signed(value)
    assert NativeBytes(data, "test").signed(0) == (value, len(data))


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x03\x00", b"\x0f\0\0\0", b"\x1f\0\0\0\0", b"\xff" * 9])
def test_an_integer_that_is_cut_or_none_is_an_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        NativeBytes(data, "test").unsigned(0)


def test_a_table_leads_to_its_entries() -> None:
    entries = [unsigned(number) for number in (3, 300, 70_000)]
    table = NativeBytes(hashtable(entries), "test")
    assert [table.unsigned(entry)[0] for entry in table.hashtable()] == [3, 300, 70_000]


def test_a_table_whose_buckets_are_not_there_is_an_error() -> None:
    with pytest.raises(FormatError, match="beyond"):
        list(NativeBytes(bytes([30 << 2 | 2]) + b"\0" * 64, "test").hashtable())


def test_buckets_that_share_their_entries_are_an_error() -> None:
    buckets = [struct.pack("<H", at) for at in (10, 20, 10, 20, 10)]
    with pytest.raises(FormatError, match="a bucket from 0x14 to 0xa"):
        list(NativeBytes(bytes([2 << 2 | 1]) + b"".join(buckets) + bytes(30), "test").hashtable())


@pytest.mark.parametrize("nested", [False, True])
def test_a_name_that_is_longer_than_one_can_be_is_an_error(*, nested: bool) -> None:
    built = NativeMetadataBuilder()
    root = built.assembly("A")
    first, token = built.type(root, "T"), built.type(root, "x" * (40_000 if nested else 70_000))
    if nested:
        token = built.type(0, "y" * 40_000, token)
    with pytest.raises(LimitExceeded, match="a name of"):
        NativeMetadata(bytes(built.data), [first]).type_name(token)


@pytest.mark.parametrize("kind_bits", [7, 8])
def test_names_are_those_of_namespaces_and_enclosing_types(kind_bits: int) -> None:
    built = NativeMetadataBuilder(kind_bits)
    root = built.assembly("Billing.Core")
    inner = built.namespace(built.namespace(root, "Billing"), "Rules")
    outer = built.type(inner, "Tax`1")
    nested = built.type(0, "<>c", outer)
    alone = built.type(root, "Program")
    names = NativeMetadata(bytes(built.data), [outer, nested, alone])
    assert names.type_name(outer) == NativeTypeName("Billing.Rules.Tax`1", "Billing.Core")
    assert names.type_name(nested) == NativeTypeName("Billing.Rules.Tax`1+<>c", "Billing.Core")
    assert names.type_name(alone) == NativeTypeName("Program", "Billing.Core")


def test_types_that_enclose_each_other_end_in_an_error() -> None:
    built = NativeMetadataBuilder()
    good = built.type(built.assembly("A"), "Good")
    place = len(built.data)
    name = place + 12
    built.data += b"".join(unsigned(value) for value in (0, 0, 0, name, 0, 0, place)).ljust(12, b"\0") + b"\x02x"
    names = NativeMetadata(bytes(built.data), [good])
    with pytest.raises(FormatError, match="nest"):
        names.type_name(58 << 25 | place)


def test_bytes_that_are_no_metadata_are_an_error() -> None:
    with pytest.raises(FormatError, match="signature"):
        NativeMetadata(b"BSJB" + bytes(64), [1])
    with pytest.raises(FormatError, match="form"):
        NativeMetadata(bytes(NativeMetadataBuilder().data), [58 << 25 | 4])


def header(*rows: tuple[int, int, int], size: int = 24) -> bytes:
    data = struct.pack("<4sHHIHBB", b"RTR\0", 16, 0, 0, len(rows), size, 1)
    return data + b"".join(struct.pack("<IIQQ", number, 1, start, end) for number, start, end in rows)


def test_a_header_gives_sections_by_number() -> None:
    sections = parse_native_header(header((301, 0x1000, 0x1800), (313, 0x2000, 0x9000)) + b"more")
    assert sections == {301: Section(0x1000, 0x1800), 313: Section(0x2000, 0x9000)}


@pytest.mark.parametrize(
    "data", [b"", b"RTR\0", b"ELF\0" + bytes(60), header((301, 2, 1)), header((301, 1, 2), size=16), header()]
)
def test_what_is_no_header_is_an_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_native_header(data)
