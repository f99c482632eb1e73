from __future__ import annotations

import pytest

from builders.heaps import FakeHeap
from builders.roots import MAP, SEGMENT, TABLE, TABLES, add_handles
from dotdump import limits
from dotdump.clr.contracts.handles import Handle, HandleKind, Handles
from dotdump.clr.model.runtime import ClrRuntime

STRONG, PINNED, DEPENDENT = HandleKind.STRONG, HandleKind.PINNED, HandleKind.DEPENDENT
A, B, C, D = 0x7F0010000028, 0x7F0010000040, 0x7F0010000058, 0x7F0010000070
FIRST = SEGMENT + 64


def handles_of(heap: FakeHeap) -> tuple[list[Handle], list[str]]:
    found = Handles(ClrRuntime.of(heap.target()).access, 1)
    return found.read(), [problem.message for problem in found.problems]


@pytest.fixture
def heap() -> FakeHeap:
    heap = FakeHeap()
    add_handles(heap, (STRONG, [A, 0, B], []), (PINNED, [C], []), (DEPENDENT, [A, B], [C, 0]), (STRONG, [0, D], []))
    return heap


def test_handles_of_every_block_come_by_kind_with_what_depends_on_them(heap: FakeHeap) -> None:
    assert handles_of(heap) == (
        [
            Handle(STRONG, FIRST, A),
            Handle(STRONG, FIRST + 16, B),
            Handle(STRONG, FIRST + 8 * 17, D),
            Handle(PINNED, FIRST + 32, C),
            Handle(DEPENDENT, FIRST + 64, A, C),
            Handle(DEPENDENT, FIRST + 72, B),
        ],
        [],
    )


def test_a_ring_that_leads_out_of_the_segment_ends_there(heap: FakeHeap) -> None:
    data = bytearray(heap.chunks[SEGMENT])
    data[24] = 0x77
    heap.chunks[SEGMENT] = bytes(data)
    found, problems = handles_of(heap)
    assert [h.target for h in found if h.kind is PINNED] == [C]
    assert "block 119 of 6 in the ring of Strong" in problems[0]


def test_a_list_of_segments_that_comes_back_ends(heap: FakeHeap) -> None:
    data = bytearray(heap.chunks[SEGMENT])
    data[33:41] = SEGMENT.to_bytes(8, "little")
    heap.chunks[SEGMENT] = bytes(data)
    found, problems = handles_of(heap)
    assert len(found) == 6
    assert f"its list of segments does not end: {SEGMENT:#x} again" in problems[0]


def test_a_segment_that_does_not_point_back_is_told(heap: FakeHeap) -> None:
    data = bytearray(heap.chunks[SEGMENT])
    data[41:49] = bytes(8)
    heap.chunks[SEGMENT] = bytes(data)
    assert any("does not point back" in text for text in handles_of(heap)[1])


def test_that_a_segment_is_not_in_the_dump_is_no_doubt_of_the_layout_alone(heap: FakeHeap) -> None:
    del heap.chunks[SEGMENT]
    found, problems = handles_of(heap)
    assert not found
    assert "its first segment is not there: not in a small dump, or the layout is another one" in problems[0]
    assert not any("point back" in text for text in problems)


def test_maps_that_lead_in_a_circle_are_read_once(heap: FakeHeap) -> None:
    heap.chunks[MAP] = heap.chunks[MAP][:8] + MAP.to_bytes(8, "little") + heap.chunks[MAP][16:]
    found, problems = handles_of(heap)
    assert len(found) == 6
    assert "does not end" in problems[0]


def test_segments_and_maps_that_are_too_many_in_all_are_told(heap: FakeHeap, monkeypatch: pytest.MonkeyPatch) -> None:
    data, places = bytearray(heap.chunks[SEGMENT]), [SEGMENT + 0x1000 * number for number in range(100, 200)]
    for place, following in zip([SEGMENT, *places], [*places, 0], strict=True):
        data[33:41] = following.to_bytes(8, "little")
        heap.chunks[place] = bytes(data)
    monkeypatch.setattr(limits, "HANDLES_IN_ALL", 210)
    found, problems = handles_of(heap)
    assert len(found) == 6 * 10
    assert problems == ["handles: more than 210 slots and tables: the rest is left out"]
    monkeypatch.setattr(limits, "HANDLES_IN_ALL", 1)
    assert handles_of(heap) == ([], ["handles: more than 1 slots and tables: the rest is left out"])


def test_handles_that_are_not_in_the_dump_are_told(heap: FakeHeap) -> None:
    heap.chunks[SEGMENT] = heap.chunks[SEGMENT][: 64 + 8 * 6]
    found, problems = handles_of(heap)
    assert [h.target for h in found] == [A, B, C]
    assert "are not in the dump" in problems[0]


def test_a_bucket_without_a_table_is_told(heap: FakeHeap) -> None:
    heap.chunks[TABLES] = bytes(8)
    found, problems = handles_of(heap)
    assert found == []
    assert len(problems) == 1
    assert "handle tables of heap 0: the bucket at" in problems[0]


def test_a_table_that_is_not_there_is_told(heap: FakeHeap) -> None:
    del heap.chunks[TABLE]
    found, problems = handles_of(heap)
    assert found == []
    assert any(f"handle table {TABLE:#x}" in text for text in problems)


def test_a_runtime_whose_tables_are_not_known_says_so() -> None:
    found, problems = handles_of(FakeHeap())
    assert found == []
    assert "10.0.0" in problems[0]
