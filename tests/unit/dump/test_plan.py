from hypothesis import given
from hypothesis import strategies as st

from dotdump.dump.plan import FilePages, file_ranges, fitting, full, sharing_zeros, trimmed
from dotdump.dump.segments import Segment, Why
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import MemoryRange, merged

R, RW, RX, NONE = (
    Protection.READ,
    Protection.READ | Protection.WRITE,
    Protection.READ | Protection.EXECUTE,
    Protection(0),
)
PAGE = 4096
LIBRARY = (
    Region(0x10000, 0x20000, R, 0, "/lib/a.so"),
    Region(0x20000, 0x30000, RX, 0x10000, "/lib/a.so"),
    Region(0x30000, 0x34000, R, 0x20000, "/lib/a.so"),
)
"""Headers, code and constants of a library."""


def test_full_keeps_everything_readable_private_and_shared() -> None:
    regions = [
        Region(0x1000, 0x3000, R, 0, "/lib/a.so"),
        Region(0x3000, 0x5000, RW),
        Region(0x5000, 0x6000, RW, 0, "/dev/shm/x", shared=True),
    ]
    assert [s.stored for s in full(regions).segments] == [0x2000, 0x2000, 0x1000]


def test_what_may_not_be_read_has_a_segment_without_memory() -> None:
    regions = [
        Region(0x1000, 0x3000, NONE),
        Region(0x3000, 0x4000, R, 0, "[vvar]"),
        Region(0x4000, 0x5000, RW, 0, "/dev/mem", shared=True),
        Region(0x5000, 0x6000, Protection.EXECUTE, 0, "[vsyscall]"),
    ]
    segments = full(regions).segments
    assert [(s.start, s.end) for s in segments] == [(r.start, r.end) for r in regions]
    assert [s.stored for s in segments] == [0, 0, 0, 0]
    assert [s.why for s in segments] == [Why.UNREADABLE, Why.KERNEL, Why.DEVICE, Why.UNREADABLE]


def test_without_file_backed_a_file_keeps_its_headers_and_what_the_process_may_have_changed() -> None:
    regions = [
        Region(0x10000, 0x20000, R, 0, "/lib/a.so"),
        Region(0x20000, 0x30000, RX, 0x10000, "/lib/a.so"),
        Region(0x30000, 0x31000, RW, 0x20000, "/lib/a.so"),
        Region(0x40000, 0x41000, RX, 0, "/memfd:doublemapper (deleted)", shared=True),
        Region(0x50000, 0x52000, RW, 0, "/data/shared.db", shared=True),
        Region(0x60000, 0x61000, RW),
    ]
    segments = full(regions, files=FilePages(all=False)).segments
    assert [s.stored for s in segments] == [PAGE, 0, 0, 0x1000, 0x1000, PAGE, 0, 0x1000]
    assert [s.why for s in segments if not s.stored] == [Why.FILE_BACKED] * 3
    assert (segments[0].end, segments[1].start) == (0x10000 + PAGE, 0x10000 + PAGE)


def test_without_file_backed_what_was_changed_of_a_file_is_kept() -> None:
    regions = [
        Region(0x10000, 0x20000, R, 0, "/lib/a.so"),
        Region(0x20000, 0x30000, RX, 0x10000, "/lib/a.so"),
        Region(0x30000, 0x31000, RX, 0x10000, "/lib/b.so"),
    ]
    changed = [MemoryRange(0x10000, 0x12000), MemoryRange(0x22000, 0x23000), MemoryRange(0x2F000, 0x31000)]
    plan = full(regions, files=FilePages(all=False, changed=changed))
    assert [(s.start, s.end) for s in plan.segments if s.stored] == [
        (0x10000, 0x12000),
        (0x22000, 0x23000),
        (0x2F000, 0x30000),
        (0x30000, 0x31000),
    ]
    assert full(regions, files=FilePages(all=True, changed=changed)) == full(regions)


def test_what_may_have_been_changed_of_files_are_private_mappings_that_nobody_can_write_or_relocated() -> None:
    regions = [
        *LIBRARY,
        Region(0x34000, 0x36000, RW, 0x23000, "/lib/a.so"),
        Region(0x40000, 0x41000, R, 0, "/data/shared.db", shared=True),
        Region(0x50000, 0x51000, R, 0, "/data/private.db", shared=False),
        Region(0x60000, 0x61000, NONE, 0, "/data/private.db", shared=False),
        Region(0x70000, 0x71000, R),
    ]
    assert file_ranges(regions) == [MemoryRange(0x10000, 0x30000), MemoryRange(0x50000, 0x51000)]


def test_without_file_backed_what_was_relocated_before_it_was_protected_is_kept() -> None:
    regions = [
        *LIBRARY,
        Region(0x34000, 0x36000, R, 0x23000, "/lib/a.so"),
        Region(0x36000, 0x37000, RW, 0x25000, "/lib/a.so"),
        Region(0x37000, 0x38000, R, 0x1000, "/lib/b.so"),
        Region(0x38000, 0x39000, RW, 0, "/lib/c.so"),
    ]
    stored = [s.stored for s in full(regions, files=FilePages(all=False)).segments]
    assert stored == [PAGE, 0, 0, 0, 0x2000, 0x1000, 0, 0x1000]


def test_of_too_many_segments_the_smallest_without_memory_are_left_out() -> None:
    regions = [
        Region(0x10000, 0x11000, NONE),
        Region(0x11000, 0x12000, RW),
        Region(0x20000, 0x23000, NONE),
        Region(0x30000, 0x32000, NONE),
        Region(0x32000, 0x33000, RW),
    ]
    plan = full(regions)
    starts = {most: [segment.start for segment in fitting(plan, most).segments] for most in range(1, 6)}
    assert starts[5] == [region.start for region in regions]
    assert starts[4] == [0x11000, 0x20000, 0x30000, 0x32000]
    assert starts[3] == [0x11000, 0x20000, 0x32000]
    assert starts[2] == [0x11000, 0x32000]
    assert starts[1] == starts[5]


def test_what_is_not_available_becomes_segments_without_memory() -> None:
    regions = [Region(0x1000, 0x9000, RW)]
    available = [MemoryRange(0x2000, 0x3000), MemoryRange(0x3000, 0x4000), MemoryRange(0x6000, 0x7000)]
    assert full(regions, available=available).segments == (
        Segment(0x1000, 0x2000, RW, 0, Why.ABSENT),
        Segment(0x2000, 0x4000, RW, 0x2000, Why.KEPT),
        Segment(0x4000, 0x6000, RW, 0, Why.ABSENT),
        Segment(0x6000, 0x7000, RW, 0x1000, Why.KEPT),
        Segment(0x7000, 0x9000, RW, 0, Why.ABSENT),
    )


def test_a_region_of_which_nothing_is_available_stays_on_the_map() -> None:
    assert full([Region(0x1000, 0x2000, RW)], available=[]).segments == (Segment(0x1000, 0x2000, RW, 0, Why.ABSENT),)


def test_trimming_keeps_whole_pages_of_the_ranges_and_the_map_of_the_rest() -> None:
    plan = full([Region(0x1000, 0x9000, RW), Region(0xA000, 0xB000, R)])
    assert trimmed(plan, [MemoryRange(0x3010, 0x3020), MemoryRange(0x3FFF, 0x4001)]).segments == (
        Segment(0x1000, 0x3000, RW, 0, Why.OUT_OF_RANGE),
        Segment(0x3000, 0x5000, RW, 0x2000, Why.KEPT),
        Segment(0x5000, 0x9000, RW, 0, Why.OUT_OF_RANGE),
        Segment(0xA000, 0xB000, R, 0, Why.OUT_OF_RANGE),
    )


@given(
    ranges=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), max_size=6),
    zeros=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), max_size=6),
    file_backed=st.booleans(),
)
def test_a_segment_is_stored_whole_or_not_at_all_and_the_map_is_whole(
    ranges: list[tuple[int, int]], zeros: list[tuple[int, int]], *, file_backed: bool
) -> None:
    regions = [
        Region(0x1000, 0x9000, RW),
        Region(0x9000, 0x10000, R, 0, "/lib/a.so"),
        Region(0x10000, 0x12000, NONE),
        Region(0x14000, 0x20000, RW),
    ]
    wanted, empty = (
        merged(MemoryRange(PAGE * at, PAGE * (at + size)) for at, size in parts) for parts in (ranges, zeros)
    )
    plan = sharing_zeros(trimmed(full(regions, files=FilePages(file_backed)), wanted), empty, block=2 * PAGE)
    assert all(segment.stored in (0, segment.end - segment.start) for segment in plan.segments)
    everything = merged(MemoryRange(segment.start, segment.end) for segment in plan.segments)
    assert everything == merged(MemoryRange(region.start, region.end) for region in regions)
    assert sum(segment.end - segment.start for segment in plan.segments) == sum(part.size for part in everything)


def test_neighbours_that_are_stored_whole_are_one_range() -> None:
    regions = [
        Region(0x1000, 0x2000, RW),
        Region(0x2000, 0x3000, R),
        Region(0x3000, 0x4000, NONE),
        Region(0x4000, 0x5000, R),
        Region(0x7000, 0x8000, R),
    ]
    assert list(full(regions).stored_ranges()) == [
        MemoryRange(0x1000, 0x3000),
        MemoryRange(0x4000, 0x5000),
        MemoryRange(0x7000, 0x8000),
    ]
    assert not list(full([Region(0x3000, 0x4000, NONE)]).stored_ranges())
