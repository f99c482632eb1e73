import struct

import pytest

from builders.core_builder import CoreBuilder, Segment
from builders.elf_builder import DATA, ElfBuilder
from dotdump.errors import FormatError
from dotdump.formats.elf import (
    ElfHeader,
    ElfType,
    ProgramHeader,
    SegmentType,
    build_header,
    build_program_header,
    read_header,
    read_program_headers,
)
from dotdump.formats.elf_image import DT_GNU_HASH, DT_STRTAB, DT_SYMTAB, ElfImage, image_at, image_of_file
from dotdump.formats.elf_relocations import relocated_slots
from dotdump.formats.elf_symbols import Symbol
from dotdump.limits import SYMBOLS
from dotdump.memory.space import BytesSpace


def at_zero(data: bytes) -> BytesSpace:
    return BytesSpace([(0, data)])


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"", "not an ELF file"),
        (b"MZ" + bytes(62), "not an ELF file"),
        (b"\x7fELF\x01\x01\x01" + bytes(57), "32-bit ELF is not supported"),
        (b"\x7fELF\x02\x02\x01" + bytes(57), "big-endian ELF is not supported"),
        (b"\x7fELF\x02\x01\x01" + bytes(20), "is cut: 27 of 64 bytes"),
        (b"\x7fELF\x09\x01\x01" + bytes(57), "unknown ELF class"),
    ],
)
def test_what_is_no_elf64_is_refused_with_the_reason(head: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_header(at_zero(head))


def test_headers_built_by_us_are_those_built_from_first_principles() -> None:
    data = CoreBuilder(segments=[Segment(0x1000, b"x" * 4096)]).build()
    header = read_header(at_zero(data))
    assert header.type == ElfType.CORE
    rebuilt = build_header(header) + b"".join(map(build_program_header, read_program_headers(at_zero(data), header)))
    assert rebuilt == data[: len(rebuilt)]


def test_more_segments_than_16_bits_can_count_are_counted_in_section_header_0() -> None:
    segments = [Segment(0x1000 * (n + 1), size=0x1000) for n in range(70_000)]
    space = at_zero(CoreBuilder(segments=segments).build())
    header = read_header(space)
    assert header.phnum == 70_001
    assert read_program_headers(space, header)[-1].vaddr == 0x1000 * 70_000


@pytest.mark.parametrize("gnu", [True, False])
@pytest.mark.parametrize("base", [0, 0x7F0000000000])
def test_symbols_are_found_by_name_and_address_in_files_and_in_memory(base: int, *, gnu: bool) -> None:
    data = ElfBuilder(gnu=gnu, imports=[b"malloc"]).build()
    image = image_at(BytesSpace([(base, data)]), base) if base else image_of_file(at_zero(data), len(data))
    assert image.build_id == b"\x11\x22\x33\x44" * 5
    assert image.find_symbol("second") == Symbol("second", 0x900, 8)
    assert image.find_symbol("malloc") is None
    assert image.find_symbol("absent") is None
    assert [s.name for s in image.symbols] == ["first", "second"]
    assert image.symbols.at(0x80F) == Symbol("first", 0x800, 16)
    assert image.symbols.at(0x810) is None


def slots_of(data: bytes) -> dict[int, int | None]:
    """The slots before the dynamic section of a file that is loaded at 0x10000."""
    slots = relocated_slots(image_of_file(at_zero(data), len(data)), 0x10000)
    return {place: value for place, _, value in slots if place < DATA + 2048}


@pytest.mark.parametrize(("machine", "relative", "absolute", "other"), [(62, 8, 6, 18), (183, 1027, 1025, 1030)])
def test_slots_get_the_value_they_have_at_a_bias_or_none_where_it_is_another_files(
    machine: int, relative: int, absolute: int, other: int
) -> None:
    relocations = [
        (DATA, relative, 0, 0x123),
        (DATA + 8, absolute, 2, 4),
        (DATA + 16, absolute, 1, 0),
        (DATA + 24, other, 0, 0),
    ]
    builder = ElfBuilder(machine=machine, imports=[b"malloc"], relocations=relocations)
    data = builder.build()
    assert slots_of(data) == {DATA: 0x10123, DATA + 8: 0x10804, DATA + 16: None, DATA + 24: None}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("an ifunc", (0x1A, 0, 1)),
        ("a variable of threads", (0x16, 0, 1)),
        ("hidden, of threads", (0x16, 2, 1)),
        ("data that others see", (0x11, 0, 1)),
        ("a weak function", (0x22, 0, 1)),
        ("a unique datum", (0xA1, 2, 1)),
        ("what has no type", (0x10, 0, 1)),
        ("a number", (0x12, 0, 0xFFF1)),
    ],
)
def test_a_symbol_that_may_be_another_files_has_no_value(name: str, kind: tuple[int, int, int]) -> None:
    data = ElfBuilder(relocations=[(DATA, 6, 1, 0)], kinds={b"first": kind}).build()
    assert slots_of(data) == {DATA: None}, name


@pytest.mark.parametrize("dynamic", [[], [(16, 0)], [(30, 2)]])
@pytest.mark.parametrize("kind", [(0x01, 0, 1), (0x11, 2, 1), (0x11, 3, 1), (0x11, 0, 1), (0x22, 0, 1)])
def test_data_is_the_files_own_where_nobody_sees_it_or_its_own_come_first(
    kind: tuple[int, int, int], dynamic: list[tuple[int, int]]
) -> None:
    data = ElfBuilder(relocations=[(DATA, 6, 1, 0)], kinds={b"first": kind}, dynamic=dynamic).build()
    own = bool(dynamic) or kind[0] >> 4 == 0 or kind[1] != 0
    assert slots_of(data) == {DATA: 0x10800 if own else None}


@pytest.mark.parametrize(("machine", "copy", "descriptor"), [(62, 5, 36), (183, 1024, 1031)])
def test_what_the_linker_fills_is_as_large_as_what_it_fills_it_with(machine: int, copy: int, descriptor: int) -> None:
    relocations = [(DATA, copy, 1, 0), (DATA + 32, descriptor, 2, 0)]
    data = ElfBuilder(machine=machine, relocations=relocations).build()
    image = image_of_file(at_zero(data), len(data))
    assert [slot for slot in relocated_slots(image, 0) if slot[0] < DATA + 2048] == [
        (DATA, 16, None),
        (DATA + 32, 16, None),
    ]


def test_words_that_the_linker_fills_by_itself_have_no_value() -> None:
    data = ElfBuilder(dynamic=[(3, DATA + 64), (0x6FFFFEF7, DATA + 128), (21, 0)]).build()
    image = image_of_file(at_zero(data), len(data))
    unknown = {place: size for place, size, value in relocated_slots(image, 0) if value is None}
    entries = {tag: place for place, tag, _ in image.dynamic_entries()}
    relocated = {entries[tag] for tag in (6, 5, 0x6FFFFEF5, 7, 36, 3, 21)}
    assert unknown == dict.fromkeys([DATA + 72, DATA + 80, DATA + 128, *relocated], 8)


def test_relr_is_an_address_and_bitmaps_of_what_follows() -> None:
    builder = ElfBuilder(relr=[DATA, 0b1011], data=(0x55).to_bytes(8, "little") * 64)
    data = builder.build()
    assert slots_of(data) == dict.fromkeys([DATA, DATA + 8, DATA + 24], 0x10055)


class Recorded(BytesSpace):
    """Memory that knows how much of it was asked for at once."""

    largest = 0

    def read_available(self, address: int, size: int) -> bytes:
        self.largest = max(self.largest, size)
        return super().read_available(address, size)


def test_no_more_of_a_note_is_read_than_lies_in_memory() -> None:
    memory = Recorded([(0, bytes(4096))])
    image = ElfImage(
        memory, 0, ElfHeader(ElfType.DYN, 62, 1), (ProgramHeader(SegmentType.NOTE, 4, 0, 0, 1 << 50, 4096),)
    )
    assert image.build_id is None
    assert memory.largest == 4096


def test_no_more_buckets_are_read_than_there_can_be_symbols() -> None:
    table = 1 << 20
    memory = Recorded([(table, struct.pack("<4I", 0xFFFFFFFF, 1, 1, 0))])
    loads = (ProgramHeader(SegmentType.LOAD, 5, 0, 0, 1 << 50, 1 << 50),)
    image = ElfImage(memory, 0, ElfHeader(ElfType.DYN, 62, 1), loads)
    image.dynamic = {DT_GNU_HASH: table, DT_SYMTAB: 0x1000, DT_STRTAB: 0x2000}
    assert len(image.symbols) == 0
    assert memory.largest == 4 * SYMBOLS
