import pytest

from builders.core_builder import CoreBuilder, Segment
from builders.elf_builder import DATA, ElfBuilder
from dotdump.errors import FormatError
from dotdump.formats.elf import (
    ElfType,
    build_header,
    build_program_header,
    read_header,
    read_program_headers,
)
from dotdump.formats.elf_image import image_at, image_of_file
from dotdump.formats.elf_relocations import relocated_slots
from dotdump.formats.elf_symbols import Symbol
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
    slots = dict(relocated_slots(image_of_file(at_zero(data), len(data)), 0x10000))
    assert slots == {DATA: 0x10123, DATA + 8: 0x10804, DATA + 16: None, DATA + 24: None}


def test_relr_is_an_address_and_bitmaps_of_what_follows() -> None:
    builder = ElfBuilder(relr=[DATA, 0b1011], data=(0x55).to_bytes(8, "little") * 64)
    data = builder.build()
    slots = dict(relocated_slots(image_of_file(at_zero(data), len(data)), 0x10000))
    assert slots == dict.fromkeys([DATA, DATA + 8, DATA + 24], 0x10055)
