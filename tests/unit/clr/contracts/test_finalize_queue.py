from __future__ import annotations

from builders.heaps import FakeHeap
from builders.roots import QUEUE, add_finalize_queue
from dotdump.clr.model.runtime import ClrRuntime

A, B, C, D = 0x7F0010000028, 0x7F0010000040, 0x7F0010000058, 0x7F0010000070


def queue_of(heap: FakeHeap) -> list[tuple[int, int | None, bool]]:
    found = ClrRuntime.of(heap.target()).finalizable_objects()
    return [(entry.target, entry.generation, entry.critical) for entry in found]


def test_objects_come_with_their_generation_and_those_ready_without() -> None:
    heap = FakeHeap()
    add_finalize_queue(heap, [], [A], [B], [], [C | 1], [D], [A])
    assert queue_of(heap) == [(A, 3, False), (B, 2, False), (C, 0, False), (D, None, True), (A, None, False)]


def test_a_part_that_ends_before_it_begins_ends_the_queue() -> None:
    heap = FakeHeap()
    add_finalize_queue(heap, [], [A], [B], [], [C], [], [])
    data = bytearray(heap.chunks[QUEUE])
    data[32:40] = bytes(8)
    heap.chunks[QUEUE] = bytes(data)
    runtime = ClrRuntime.of(heap.target())
    assert [entry.target for entry in runtime.finalizable_objects()] == [A]
    assert any("cannot end at 0x0" in problem.message for problem in runtime.rooted_graph().problems)


def test_zeros_in_the_place_of_a_queue_are_no_queue_that_is_empty() -> None:
    heap = FakeHeap()
    add_finalize_queue(heap, [], [A], [B], [], [C], [], [])
    heap.chunks[QUEUE] = bytes(len(heap.chunks[QUEUE]))
    runtime = ClrRuntime.of(heap.target())
    assert runtime.finalizable_objects() == []
    assert any(f"no queue is at {QUEUE:#x}" in problem.message for problem in runtime.rooted_graph().problems)


def test_a_runtime_without_a_queue_has_no_finalizable_objects() -> None:
    assert queue_of(FakeHeap()) == []
