from builders.heaps import FakeHeap
from dotdump.analysis.segments import heap_segments
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.report.listing import Choice
from dotdump.report.segments import render_segments, select


def fake_heap() -> FakeHeap:
    heap = FakeHeap()
    small = heap.add_type(24)
    heap.add_region(0, small.words(), small.words())
    heap.add_region(2, small.words())
    heap.add_region(2, small.words(), flags=1)
    heap.add_region(3, small.words())
    return heap


def test_segments_come_with_sizes_in_order_of_address_and_sums() -> None:
    found = heap_segments(ClrRuntime.of(fake_heap().target()))
    assert [row.kind for row in found.segments] == ["Generation0", "Generation2", "Frozen", "Large"]
    assert [row.size for row in found.segments] == [48, 24, 24, 24]
    assert (found.size, found.heaps, found.regions, found.server, found.problems) == (120, 1, True, False, ())
    assert found.segments[3].generations == {"3": found.segments[3].start}


def test_a_choice_of_segments_leaves_the_sums_alone() -> None:
    found = heap_segments(ClrRuntime.of(fake_heap().target()))
    chosen = select(found, Choice("Gen|Large", "size", 2))
    assert [row.kind for row in chosen.segments] == ["Generation0", "Generation2"]
    text = render_segments(chosen, None)
    assert "Frozen" not in text
    assert "120 bytes" in text
    assert "workstation GC with regions, one heap" in text


def test_a_list_of_segments_that_does_not_end_is_a_problem_and_what_was_read_is_shown() -> None:
    heap = fake_heap()
    heap.loop = True
    found = heap_segments(ClrRuntime.of(heap.target()))
    assert len(found.segments) == 4
    assert any("does not end" in problem.message for problem in found.problems)
