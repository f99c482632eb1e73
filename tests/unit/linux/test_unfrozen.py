from typing import cast

from dotdump.linux.devices import devices_of
from dotdump.linux.maps import MapsMemo
from dotdump.linux.process_memory import CHUNK, ProcessMemory
from dotdump.linux.unfrozen import copy, unfrozen
from dotdump.memory.region import Protection, Region

MAPS = b"""1000-2000 rw-p 00000000 00:00 0
2000-3000 r--p 00000000 00:00 0
3000-4000 rw-s 00000000 00:01 7 /memfd:a (deleted)
4000-5000 r--s 00000000 00:01 8 /file
5000-6000 ---s 00000000 00:01 9 /memfd:b (deleted)
6000-7000 r--p 00000000 00:00 0 [vvar]
7000-8000 rw-s 00000000 00:05 9 /dev/dri/renderD128
"""


def starts(child: bytes, *wiped: int) -> list[int]:
    memo = MapsMemo()
    regions = memo.parse([MAPS])
    found = unfrozen(regions, memo.parse([child]), frozenset(wiped), devices_of(regions))
    return [region.start for region in found]


def test_shared_memory_that_somebody_may_write_is_not_frozen() -> None:
    assert starts(MAPS) == [0x3000]


def test_what_is_wiped_or_not_inherited_is_not_there() -> None:
    without = b"".join(line for line in MAPS.splitlines(keepends=True) if not line.startswith((b"2000", b"6000")))
    assert starts(MAPS, 0x1000, 0x9000) == [0x1000, 0x3000]
    assert starts(without) == [0x2000, 0x3000]


def test_a_region_that_the_child_has_otherwise_is_not_inherited() -> None:
    assert starts(MAPS.replace(b"1000-2000 rw-p", b"1000-2000 r--p")) == [0x1000, 0x3000]
    assert starts(MAPS.replace(b"/file", b"/other")) == [0x3000, 0x4000]


class Holed:
    """Memory of which some pages cannot be read; it counts what it was asked for."""

    def __init__(self, bad: set[int]) -> None:
        self.bad = bad
        self.asked = 0

    def read_available(self, address: int, size: int) -> bytes:
        self.asked += size
        end = min((page for page in self.bad if page + 4096 > address), default=address + size)
        return bytes(max(0, min(end, address + size) - address))


def copied(bad: set[int], size: int) -> tuple[list[tuple[int, int]], int]:
    """Return the runs that are copied of a region at 1 MiB, and how much was asked for."""
    memory = Holed(bad)
    region = Region(CHUNK, CHUNK + size, Protection.READ | Protection.WRITE, shared=True)
    chunks = copy(cast("ProcessMemory", memory), [region], size).chunks
    return [(start, len(data)) for start, data in chunks], memory.asked


def test_pages_that_cannot_be_read_are_passed_over() -> None:
    runs, _ = copied({CHUNK, CHUNK + 0x3000, CHUNK + 0x4000}, 0x6000)
    assert runs == [(CHUNK + 0x1000, 0x2000), (CHUNK + 0x5000, 0x1000)]


def test_all_of_a_large_region_is_copied() -> None:
    runs, asked = copied(set(), 3 * CHUNK + 4096)
    assert runs == [(CHUNK, CHUNK), (2 * CHUNK, CHUNK), (3 * CHUNK, CHUNK), (4 * CHUNK, 4096)]
    assert asked == 3 * CHUNK + 4096


def test_of_what_cannot_be_read_no_more_is_asked_for_at_a_time_than_one_call_reads() -> None:
    size = 4 * CHUNK
    runs, asked = copied({CHUNK + 4096 * page for page in range(1, size // 4096)}, size)
    assert runs == [(CHUNK, 4096)]
    assert asked <= size // 4096 * CHUNK
