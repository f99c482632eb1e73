import pytest

from dotdump.memory.region import Protection, Region
from dotdump.memory.region_table import RegionTable, named_regions

READ, WRITE = Protection.READ, Protection.WRITE
REGIONS = [
    Region(0x1000, 0x3000, READ | Protection.EXECUTE, 0x2000, "/a", shared=False, device=(0xFE, 1), inode=4242),
    Region(0x3000, 0x4000, READ | WRITE, shared=True),
    Region(0x5000, 0x6000, Protection(0)),
    Region((1 << 64) - 0x1000, (1 << 64) - 1, READ, (1 << 64) - 1, "[vsyscall]", shared=False, inode=(1 << 64) - 1),
]


def test_a_table_holds_all_that_regions_say() -> None:
    table = RegionTable.of(REGIONS)
    assert table == REGIONS
    assert [table[row] for row in range(len(table))] == REGIONS
    assert (table[-1], table[1:3]) == (REGIONS[-1], REGIONS[1:3])
    assert RegionTable.of(table) is table


def test_a_row_is_the_same_before_and_after_all_were_asked_for() -> None:
    table = RegionTable.of(REGIONS)
    first = table[0]
    assert next(iter(table)) == first == table[0]


def test_there_is_nothing_behind_the_last_row() -> None:
    table = RegionTable.of(REGIONS)
    for _ in range(2):
        with pytest.raises(IndexError):
            table[4]
        list(table)


def test_regions_that_have_a_path() -> None:
    assert named_regions(RegionTable.of(REGIONS)) == named_regions(REGIONS) == [REGIONS[0], REGIONS[3]]


def test_rows_and_bytes_by_rights() -> None:
    table = RegionTable.of(REGIONS)
    writable = bytes(rights & WRITE.real for rights in range(256))
    assert list(table.rows_of(writable)) == [1]
    assert table.size_of(table.rights.translate(writable)) == 0x1000


def test_a_table_is_not_any_other_sequence_and_has_no_hash() -> None:
    table = RegionTable.of(REGIONS)
    assert table != REGIONS[:1]
    assert table != 4711
    with pytest.raises(TypeError):
        hash(table)
