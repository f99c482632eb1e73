from hypothesis import given
from hypothesis import strategies as st

from dotdump.dump.selection.heap_memory import private_memory, subtracted
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import MemoryRange

R, RW = Protection.READ, Protection.READ | Protection.WRITE


def ranges() -> st.SearchStrategy[list[MemoryRange]]:
    cuts = st.lists(st.integers(0, 60), unique=True, max_size=16).map(sorted)
    return cuts.map(lambda ends: [MemoryRange(a, b) for a, b in zip(ends[::2], ends[1::2], strict=False)])


@given(ranges(), ranges())
def test_what_is_subtracted_is_gone_and_nothing_else(whole: list[MemoryRange], taken: list[MemoryRange]) -> None:
    def positions(parts: list[MemoryRange]) -> set[int]:
        return {position for part in parts for position in range(part.start, part.end)}

    left = list(subtracted(whole, taken))
    assert positions(left) == positions(whole) - positions(taken)
    assert all(part.start < part.end for part in left)
    assert left == sorted(left, key=lambda part: part.start)


def test_private_memory_is_what_no_file_backs() -> None:
    regions = [
        Region(0x1000, 0x2000, RW),
        Region(0x2000, 0x3000, R, 0, "/lib/a.dll"),
        Region(0x3000, 0x4000, RW, 0, "/lib/a.dll"),
        Region(0x4000, 0x5000, RW, 0, "/memfd:doublemapper (deleted)", shared=True),
        Region(0x5000, 0x6000, Protection(0)),
        Region(0x6000, 0x7000, RW, 0, "[stack]"),
    ]
    kept = [part.start for part in private_memory(regions, [])]
    assert kept == [0x1000, 0x4000, 0x6000]
