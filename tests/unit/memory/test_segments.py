from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdump.errors import MemoryFault
from dotdump.memory.overlay import Origin, OverlaySpace
from dotdump.memory.segments import SegmentSpace
from dotdump.memory.space import BytesSpace, MemoryRange, following_place

FILE = bytes(range(256)) * 64
SOURCE = BytesSpace([(0, FILE)])


def space(*segments: tuple[int, int, int, int], size: int = len(FILE)) -> SegmentSpace:
    return SegmentSpace(SOURCE, segments, size, "core")


def test_memory_is_read_where_the_segment_says_it_lies() -> None:
    assert space((0x1000, 16, 32, 16)).read(0x1004, 4) == FILE[36:40]


def test_a_read_goes_on_from_one_segment_to_the_next_but_not_over_a_gap() -> None:
    memory = space((0x1000, 16, 0, 16), (0x1010, 16, 512, 16), (0x1030, 16, 0, 16))
    assert memory.read(0x1008, 16) == FILE[8:16] + FILE[512:520]
    assert memory.read_available(0x1018, 64) == FILE[520:528]
    assert memory.ranges() == [MemoryRange(0x1000, 0x1020), MemoryRange(0x1030, 0x1040)]


def test_segments_that_follow_each_other_in_memory_and_file_are_one_view() -> None:
    memory = space((0x1010, 16, 16, 16), (0x1000, 16, 0, 16))
    view = memory.view(0x1008, 16)
    assert view is not None
    assert bytes(view) == FILE[8:24]
    assert memory.view(0x1008, 64) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [(0x1020, "core does not hold it"), (0x2100, "core is cut before it"), (0x9000, "not mapped")],
)
def test_a_fault_says_why_there_is_nothing(address: int, reason: str) -> None:
    memory = space((0x1000, 64, 0, 32), (0x2000, 512, len(FILE) - 256, 512))
    with pytest.raises(MemoryFault, match=reason) as caught:
        memory.read(address, 8)
    assert caught.value.address == address


def test_a_cut_names_what_is_lost_and_gives_the_rest() -> None:
    memory = space((0x1000, 512, 0, 512), size=100)
    assert memory.read_available(0x1000, 512) == FILE[:100]
    assert memory.lost() == [MemoryRange(0x1064, 0x1200)]


def test_overlapping_and_impossible_segments_give_each_address_once() -> None:
    memory = space((0x1000, 32, 0, 32), (0x1010, 32, 100, 32), (2**64 - 8, 64, 0, 64))
    assert memory.read(0x1018, 16) == FILE[24:32] + FILE[116:124]
    assert memory.ranges() == [MemoryRange(0x1000, 0x1030)]


def test_the_last_bytes_of_the_address_space_can_be_read() -> None:
    assert space((2**64 - 4096, 4096, 0, 4096)).read(2**64 - 4, 4) == FILE[4092:4096]


def test_of_two_layers_the_first_that_has_a_byte_gives_it_and_says_so() -> None:
    upper = SegmentSpace(SOURCE, [(0x1010, 16, 0, 16)], len(FILE), "upper")
    lower = SegmentSpace(SOURCE, [(0x1000, 64, 128, 64)], len(FILE), "lower")
    both = OverlaySpace([upper, lower])
    assert both.read(0x1008, 32) == FILE[136:144] + FILE[0:16] + FILE[160:168]
    assert (both.origin(0x1010), both.origin(0x1008)) == (Origin("upper", 0), Origin("lower", 136))
    assert both.ranges() == [MemoryRange(0x1000, 0x1040)]
    view = both.view(0x1000, 16)
    assert view is not None
    assert bytes(view) == FILE[128:144]
    assert both.view(0x1008, 16) is None
    with pytest.raises(MemoryFault, match="not mapped"):
        both.read(0x1038, 16)


@given(st.lists(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=5), min_size=1, max_size=3))
def test_layers_give_each_byte_of_the_first_that_has_it(table: list[list[tuple[int, int]]]) -> None:
    layers = [SegmentSpace(SOURCE, [(a, n, 60 * i, n) for a, n in rows], len(FILE)) for i, rows in enumerate(table)]
    expected = [next((p for s in layers if (p := s.read_available(a, 1))), b"") for a in range(64)]
    memory = OverlaySpace(layers)
    assert [memory.read_available(address, 1) for address in range(64)] == expected
    for start in range(64):
        assert memory.read_available(start, 64) == b"".join(takewhile(bool, expected[start:]))


def test_what_no_layer_has_is_passed_over_at_once() -> None:
    memory = OverlaySpace([space((0x1000, 16, 0, 16)), space((0x900000, 32, 0, 32))])
    assert [memory.reach(address) for address in (0x1004, 0x1010, 0x900010)] == [12, 0x1010 - 0x900000, 16]
    assert following_place(memory, 0x1010) == 0x900000
    assert following_place(memory, 0x900020) == 2**64
    assert following_place(BytesSpace([(0x1000, b"x")]), 0x1001) == 0x1400


def test_there_is_nothing_past_the_end_of_all_addresses() -> None:
    memory = OverlaySpace([space((2**64 - 4096, 4096, 0, 4096)), space((0x1000, 32, 0, 32))])
    assert memory.read_available(2**64 - 8, 16) == FILE[4088:4096]
    assert memory.read_available(2**64 + 8, 16) == b""


def test_an_offset_beyond_every_file_is_only_lost() -> None:
    memory = space((0x1000, 64, 2**64 - 8, 32), (0x2000, 2**63, 0, 2**64 - 1))
    assert memory.lost() == [MemoryRange(0x1000, 0x1020), MemoryRange(0x2000 + len(FILE), 0x2000 + 2**63)]


def test_an_address_below_all_addresses_has_nothing() -> None:
    memory = space((0, 4096, 0, 4096), (0x2000, 64, 0, 64))
    assert [memory.read_available(address, 16) for address in (-16, -8, -(2**63))] == [b""] * 3
    assert space((0x2000, 64, 0, 64)).read_available(-(2**63), 16) == b""
