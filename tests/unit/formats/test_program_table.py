import pytest

from dotdump.formats.elf import ElfHeader, ProgramHeader, SegmentType, build_program_header
from dotdump.formats.program_table import LoadTotals, ProgramTable, read_program_table
from dotdump.memory.space import BytesSpace

NOTE = ProgramHeader(SegmentType.NOTE, 4, 0x200, 0, 0x100, 0, align=4)


def load(start: int, size: int, offset: int = 0x1000, stored: int | None = None) -> ProgramHeader:
    return ProgramHeader(SegmentType.LOAD, 6, offset, start, size if stored is None else stored, size)


def table(*headers: ProgramHeader) -> ProgramTable:
    return ProgramTable(b"".join(map(build_program_header, headers)))


def test_segments_of_memory_are_columns_by_address() -> None:
    found = table(load(0x9000, 0x1000, 0x3000), NOTE, load(0x4000, 0x2000, 0x1000, 0x800))
    assert found.count == 3
    assert (list(found.starts), list(found.sizes)) == ([0x4000, 0x9000], [0x2000, 0x1000])
    assert (list(found.offsets), list(found.stored)) == ([0x1000, 0x3000], [0x800, 0x1000])
    assert found.headers(SegmentType.NOTE) == [NOTE]
    assert found.headers(SegmentType.DYNAMIC) == []


def test_totals() -> None:
    found = table(load(0x1000, 0x2000, 0x1000), load(0x2000, 0x1000, 0x8000, 0x1001))
    assert found.totals() == LoadTotals(overlapping=1, overlong=1, held=0x3001, end=0x9001)
    assert table().totals() == LoadTotals(0, 0, 0, 0)


@pytest.mark.parametrize(("address", "row"), [(0xFFF, -1), (0x1000, 0), (0x1FFF, 0), (0x2000, -1), (0x4000, 1)])
def test_the_segment_at_an_address(address: int, row: int) -> None:
    assert table(load(0x1000, 0x1000), load(0x4000, 0x1000)).find_load(address) == row


def test_a_segment_up_to_the_end_of_all_addresses_is_found() -> None:
    assert table(load((1 << 64) - 0x1000, 0x1000)).find_load((1 << 64) - 1) == 0


def test_a_table_that_is_cut_has_what_is_there() -> None:
    data = build_program_header(NOTE) + build_program_header(load(0x1000, 0x1000)) + bytes(55)
    found = read_program_table(BytesSpace([(64, data)]), ElfHeader(4, 62, 1 << 22))
    assert (found.count, list(found.starts)) == (2, [0x1000])


def test_a_large_table_is_read_in_steps() -> None:
    data = b"".join(build_program_header(load(row << 12, 0x1000)) for row in range(20_000))
    found = read_program_table(BytesSpace([(64, data)]), ElfHeader(4, 62, 20_000))
    assert list(found.starts) == [row << 12 for row in range(20_000)]
