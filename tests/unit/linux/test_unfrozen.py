from dotdump.linux.maps import MapsMemo
from dotdump.linux.unfrozen import unfrozen

MAPS = b"""1000-2000 rw-p 00000000 00:00 0
2000-3000 r--p 00000000 00:00 0
3000-4000 rw-s 00000000 00:01 7 /memfd:a (deleted)
4000-5000 r--s 00000000 00:01 8 /file
5000-6000 ---s 00000000 00:01 9 /memfd:b (deleted)
6000-7000 r--p 00000000 00:00 0 [vvar]
"""


def starts(child: bytes, *wiped: int) -> list[int]:
    memo = MapsMemo()
    regions = memo.parse(MAPS)
    return [region.start for region in unfrozen(regions, memo.parse(child), frozenset(wiped))]


def test_shared_memory_that_somebody_may_write_is_not_frozen() -> None:
    assert starts(MAPS) == [0x3000]


def test_what_is_wiped_or_not_inherited_is_not_there() -> None:
    without = b"".join(line for line in MAPS.splitlines(keepends=True) if not line.startswith((b"2000", b"6000")))
    assert starts(MAPS, 0x1000, 0x9000) == [0x1000, 0x3000]
    assert starts(without) == [0x2000, 0x3000]


def test_a_region_that_the_child_has_otherwise_is_not_inherited() -> None:
    assert starts(MAPS.replace(b"1000-2000 rw-p", b"1000-2000 r--p")) == [0x1000, 0x3000]
    assert starts(MAPS.replace(b"/file", b"/other")) == [0x3000, 0x4000]
