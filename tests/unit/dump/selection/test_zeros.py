from collections.abc import Iterator

from dotdump.dump.plan import ZERO_BLOCK, full, sharing_zeros
from dotdump.dump.segments import Why
from dotdump.dump.selection.zeros import worth_sharing, zero_ranges
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace, MemoryRange

RW = Protection.READ | Protection.WRITE
PAGE = 4096


class Sparse(BytesSpace):
    """Memory that knows which pages were never touched."""

    def present_runs(self, start: int, end: int) -> Iterator[MemoryRange]:
        del start, end
        yield MemoryRange(0x2000, 0x4000)


def test_zeros_are_found_by_pages_and_neighbours_joined() -> None:
    data = bytes(2 * PAGE) + b"x".ljust(PAGE, b"\0") + bytes(3 * PAGE)
    plan = full([Region(0x10000, 0x16000, RW)])
    found = zero_ranges(BytesSpace([(0x10000, data)]), plan, PAGE, PAGE)
    assert found == [MemoryRange(0x10000, 0x12000), MemoryRange(0x13000, 0x16000)]


def test_what_was_never_touched_is_zero_without_a_look() -> None:
    plan = full([Region(0x1000, 0x6000, RW)])
    found = zero_ranges(Sparse([(0x2000, b"\1" * PAGE + bytes(PAGE))]), plan, PAGE, PAGE)
    assert found == [MemoryRange(0x1000, 0x2000), MemoryRange(0x3000, 0x6000)]


def test_shared_zeros_are_segments_of_at_most_a_block() -> None:
    plan = full([Region(0x1000, 0x9000, RW), Region(0x9000, 0xA000, Protection(0))])
    shared = sharing_zeros(plan, [MemoryRange(0x2000, 0x8000)], PAGE, 2 * PAGE)
    assert [(s.start, s.end, s.stored, s.why) for s in shared.segments] == [
        (0x1000, 0x2000, 0x1000, Why.KEPT),
        (0x2000, 0x4000, 0x2000, Why.ZERO),
        (0x4000, 0x6000, 0x2000, Why.ZERO),
        (0x6000, 0x8000, 0x2000, Why.ZERO),
        (0x8000, 0x9000, 0x1000, Why.KEPT),
        (0x9000, 0xA000, 0, Why.UNREADABLE),
    ]
    assert shared.total == 0x2000
    assert shared.zero_block == 0x2000


def test_zeros_get_few_segments_however_many_and_large_they_are() -> None:
    zeros = [MemoryRange(start, start + size) for start, size in ((0, 10), (100, 30), (200, 20), (300, 30))]
    assert worth_sharing(zeros, 4) == (zeros, ZERO_BLOCK)
    assert worth_sharing(zeros, 3) == (zeros[1:], ZERO_BLOCK)
    assert worth_sharing(zeros, 2) == ([zeros[1], zeros[3]], ZERO_BLOCK)
    stack = [MemoryRange(0, 9 * ZERO_BLOCK)]
    assert worth_sharing(stack, 9) == (stack, ZERO_BLOCK)
    assert worth_sharing(stack, 2) == (stack, 8 * ZERO_BLOCK)
