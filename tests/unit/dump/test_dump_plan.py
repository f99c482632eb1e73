from array import array

from dotdump.dump.segments import DumpPlan, Segment, Why
from dotdump.memory.region import Protection
from dotdump.memory.space import MemoryRange

READ, RW = Protection.READ, Protection.READ | Protection.WRITE
SEGMENTS = (
    Segment(0x1000, 0x3000, RW, 0x2000),
    Segment(0x3000, 0x4000, READ, 0x1000),
    Segment(0x4000, 0x5000, Protection(0), 0, Why.UNREADABLE),
    Segment(0x5000, 0x6000, RW, 0x1000, Why.ZERO),
    Segment((1 << 64) - 0x1000, 1 << 64, READ, 0x800),
)


def test_segments_are_what_a_plan_was_made_of() -> None:
    plan = DumpPlan(SEGMENTS)
    assert plan.segments == SEGMENTS
    assert len(plan) == 5
    assert plan == DumpPlan(iter(SEGMENTS))
    assert plan != DumpPlan(SEGMENTS[1:])


def test_zeros_are_stored_once_and_not_copied() -> None:
    plan = DumpPlan(SEGMENTS)
    assert list(plan.copied) == [0x2000, 0x1000, 0, 0, 0x800]
    assert (plan.total, plan.zero_block) == (0x3800, 0x1000)
    assert plan.zeros == bytes((0, 0, 0, 1, 0))
    assert DumpPlan(SEGMENTS[:3]).copied is not None
    assert DumpPlan().zero_block == 0


def test_a_plan_is_aligned_as_its_finest_bound_is() -> None:
    assert DumpPlan(SEGMENTS).alignment == 0x1000
    assert DumpPlan((*SEGMENTS[:2], Segment(0x4400, 0x5000, RW, 0xC00))).alignment == 0x400
    assert DumpPlan().alignment == 0


def test_stored_ranges_are_neighbours_joined() -> None:
    top = (1 << 64) - 0x1000
    assert list(DumpPlan(SEGMENTS).stored_ranges()) == [MemoryRange(0x1000, 0x4000), MemoryRange(top, top + 0x800)]


def test_a_segment_that_is_apart_is_an_extent_of_its_own() -> None:
    plan = DumpPlan(SEGMENTS[:2])
    offsets = array("Q", (0x10000, 0x12000))
    assert list(plan.extents(offsets)) == [(0x1000, 0x4000, 0x10000)]
    assert list(plan.extents(offsets, apart=0x3000)) == [(0x1000, 0x3000, 0x10000), (0x3000, 0x4000, 0x12000)]


def test_a_segment_can_be_added() -> None:
    plan = DumpPlan((*SEGMENTS[:1], *SEGMENTS[2:]))
    assert plan.with_segment(1, SEGMENTS[1]) == DumpPlan(SEGMENTS)
    assert len(plan) == 4
