from __future__ import annotations

import random
import re

import pytest

from builders.clr import FakeModule, FakeTarget
from builders.heaps import FakeHeap, FakeRegion
from dotdump.clr.contracts.gc import SegmentKind
from dotdump.clr.contracts.object_selection import HeaderRule
from dotdump.clr.model.heap import ClrHeap
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.errors import InvalidObject, RuntimeNotFound


@pytest.fixture
def fake() -> FakeHeap:
    return FakeHeap()


def opened(fake: FakeHeap) -> ClrHeap:
    return ClrRuntime.of(fake.target()).heap


def addresses(heap: ClrHeap) -> list[int]:
    return [found.address for found in heap.objects()]


def test_a_target_without_a_runtime_says_so() -> None:
    with pytest.raises(RuntimeNotFound, match="1 loaded files"):
        ClrRuntime.of(FakeTarget(FakeModule("/bin/true", 0x1000, 0x2000)))


def test_a_runtime_of_a_version_to_come_is_read_by_its_own_descriptor(fake: FakeHeap) -> None:
    runtime = ClrRuntime.of(fake.target())
    assert runtime.version == "10.0.0"
    assert runtime.access.descriptor.contracts["GC"] == "c1"
    assert runtime.heap.can_walk


def test_objects_come_in_order_with_type_size_and_generation(fake: FakeHeap) -> None:
    node, text = fake.add_type(24), fake.add_type(22, 2)
    young = fake.add_region(0, node.words(), text.words(5))
    old = fake.add_region(2, text.words(0), fake.free.words(8))
    heap = opened(fake)
    found = [(o.address, o.method_table, o.size, o.generation, o.is_free) for o in heap.objects()]
    assert found == [
        (young.start, node.method_table, 24, 0, False),
        (young.start + 24, text.method_table, 32, 0, False),
        (old.start, text.method_table, 24, 2, False),
        (old.start + 24, fake.free.method_table, 32, 2, True),
    ]
    assert heap.problems == ()


def test_segments_have_the_kinds_that_other_readers_name(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    for generation in range(5):
        fake.add_region(generation, node.words())
    fake.add_region(2, node.words(), flags=1)
    assert [segment.kind for segment in opened(fake).segments] == [
        SegmentKind.GENERATION0,
        SegmentKind.GENERATION1,
        SegmentKind.GENERATION2,
        SegmentKind.LARGE,
        SegmentKind.PINNED,
        SegmentKind.FROZEN,
    ]


def test_a_collection_in_progress_is_told(fake: FakeHeap) -> None:
    fake.invalid_count = 1
    assert not opened(fake).can_walk


def test_what_a_thread_may_still_allocate_from_is_no_damage(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    region = fake.add_region(0, node.words(), [0] * 9, [0, 0, 0x0D000001 << 32], node.words())
    heap = opened(fake)
    assert addresses(heap) == [region.start, region.start + 24 * 5]
    assert heap.problems == ()


def test_a_context_of_the_collector_is_skipped_even_where_its_memory_is_not_zero(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    region = fake.add_region(0, node.words(), [7] * 9, node.words())
    fake.context = (region.start + 24, region.start + 24 + 72 - 24)
    heap = opened(fake)
    assert addresses(heap) == [region.start, region.start + 96]
    assert heap.problems == ()


def test_after_a_damaged_object_the_walk_goes_on_and_tells_what_it_skipped(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    region = fake.add_region(0, *[node.words()] * 3, [0x1234560, 1, 2], *[node.words()] * 5)
    heap = opened(fake)
    assert addresses(heap) == [region.start + 24 * index for index in range(9) if index != 3]
    assert [problem.message for problem in heap.problems] == [f"{region.start + 72:#x}: no objects in 24 bytes"]


def test_a_length_that_leads_into_the_middle_of_an_object_loses_only_its_neighbours(fake: FakeHeap) -> None:
    text, node = fake.add_type(24, 1), fake.add_type(40)
    broken = text.words(8)
    broken[1] = 24 + 40 * 6
    region = fake.add_region(0, broken, *[node.words(fill=3)] * 40)
    found = addresses(opened(fake))
    assert set(found) >= {region.start + 32 + 40 * index for index in range(40)}


def test_a_length_beyond_the_segment_loses_one_object(fake: FakeHeap) -> None:
    text, node = fake.add_type(24, 1), fake.add_type(24)
    broken = text.words(8)
    broken[1] = 0xFFFFFFF0
    region = fake.add_region(0, node.words(), broken, *[node.words()] * 9)
    heap = opened(fake)
    assert addresses(heap) == [region.start, *(region.start + 56 + 24 * index for index in range(9))]
    assert len(heap.problems) == 1


def test_a_segment_that_claims_to_end_beyond_its_memory_ends_with_it(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    region = fake.add_region(0, *[node.words()] * 4)
    region.allocated = region.start + (1 << 40)
    heap = opened(fake)
    assert len(addresses(heap)) == 4
    assert "cannot end" in heap.problems[0].message


def test_that_most_of_a_heap_is_not_in_the_dump_is_told_once(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    region = fake.add_region(0, *[node.words()] * 4)
    fake.add_region(1, node.words(), [0x123456, 1, 2], node.words())
    region.allocated = region.committed = region.start + 0x100000
    heap = opened(fake)
    assert len(addresses(heap)) == 6
    (lack,) = (problem.message for problem in heap.problems)
    assert lack == "of 1,048,648 bytes of the heap 168 are in the dump: one of type Heap or Full has all"


def test_of_a_heap_that_is_there_by_half_damage_alone_is_told(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    region = fake.add_region(0, *[node.words()] * 4)
    region.allocated = region.committed = region.start + 192
    fake.add_region(1, *[node.words()] * 40)
    heap = opened(fake)
    assert len(addresses(heap)) == 44
    assert [problem.message.partition(": ")[2] for problem in heap.problems] == [
        "its memory is not in the dump in 96 bytes"
    ]


def test_what_threads_may_still_allocate_from_is_no_damage_whatever_was_there_before(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    region = fake.add_region(0, node.words(), [0x1234567] * 9, node.words())
    runtime = ClrRuntime.of(fake.target())
    hole = (region.start + 24, region.start + 24 + 9 * 8 - 24)
    heap = ClrHeap(runtime.access, runtime.type_at, thread_contexts=lambda: [hole, (0, 0)])
    assert addresses(heap) == [region.start, region.start + 96]
    assert heap.problems == ()


@pytest.mark.parametrize("there", [2, 4])
def test_a_walk_passes_over_an_object_of_which_a_part_is_not_in_the_dump(fake: FakeHeap, there: int) -> None:
    node, text = fake.add_type(24), fake.add_type(24, 1)
    region = fake.add_region(0, text.words(0x800), *[node.words()] * 4)
    target = fake.target()
    last, whole = region.start + 24 + 0x800, target.chunks[region.start]
    target.chunks[region.start] = whole[: 8 * there]
    target.chunks[last] = whole[last - region.start :]
    heap = ClrRuntime.of(target).heap
    assert addresses(heap) == [last + 24 * index for index in range(4)]
    assert "are in the dump" in heap.problems[-1].message


def test_objects_of_a_type_or_with_a_header_are_found_in_one_walk(fake: FakeHeap) -> None:
    node, text = fake.add_type(24), fake.add_type(22, 2)
    objects = [node.words(), text.words(3), *[node.words() for _ in range(3)]]
    objects[2][-1] = 0x12 << 32
    region = fake.add_region(0, *objects)
    heap = opened(fake)
    spans = [span for segment in heap.segments for span in segment.spans]
    rule = HeaderRule(unset=0x08000000, marked=0xFFFF)
    found = heap.matching(spans, lambda shape: shape.component_size == 2, header=rule)
    assert [each.address - region.start for each in found] == [24, 80]


def test_a_list_of_segments_that_leads_back_ends(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    fake.loop = True
    fake.add_region(2, node.words())
    fake.add_region(2, node.words())
    heap = opened(fake)
    assert len(addresses(heap)) == 2
    assert any("does not end" in problem.message for problem in heap.problems)


def test_of_two_segments_in_one_place_one_is_read(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    region = fake.add_region(2, *[node.words()] * 4)
    fake.regions.append(FakeRegion(region.start + 24, 1, [*node.words(), *node.words()]))
    heap = opened(fake)
    assert len(heap.segments) == 1
    assert "overlaps" in heap.problems[0].message


def test_objects_are_asked_for_by_address(fake: FakeHeap) -> None:
    text = fake.add_type(22, 2)
    region = fake.add_region(1, text.words(3), text.words(100))
    heap = opened(fake)
    assert heap.object(region.start).size == 32
    assert heap.object(region.start + 32).generation == 1


@pytest.mark.parametrize(("offset", "reason"), [(1 << 30, "not in the heap"), (4, "aligned"), (16, "no MethodTable")])
def test_what_is_no_object_is_refused_with_a_reason(fake: FakeHeap, offset: int, reason: str) -> None:
    text = fake.add_type(22, 2)
    region = fake.add_region(1, text.words(9))
    with pytest.raises(InvalidObject, match=reason):
        opened(fake).object(region.start + offset)


def test_an_address_in_an_object_is_told_the_object(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    region = fake.add_region(1, node.words(), node.words())
    heap = opened(fake)
    inside = heap.no_object(region.start + 24 + 8, "it is in one")
    assert (inside.address, inside.reason) == (region.start + 32, "it is in one")
    assert inside.hint is not None
    assert re.fullmatch(rf"it points 0x8 bytes into the .+ at {region.start + 24:#x}", inside.hint)
    assert heap.no_object(region.start - 8, "it is in none").hint == "'dotdump address' says what is there"


def test_an_object_larger_than_its_segment_is_refused(fake: FakeHeap) -> None:
    text = fake.add_type(22, 2)
    region = fake.add_region(1, text.words(9))
    region.words[1] = 50_000
    with pytest.raises(InvalidObject, match="do not end"):
        opened(fake).object(region.start)


def test_more_objects_than_fit_a_batch_come_once_each(fake: FakeHeap) -> None:
    node = fake.add_type(24)
    region = fake.add_region(0, *[node.words()] * 9001)
    assert addresses(opened(fake)) == [region.start + 24 * index for index in range(9001)]


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bits_never_end_a_walk_and_lose_little(fake: FakeHeap, seed: int) -> None:
    chance = random.Random(seed)
    kinds = [fake.add_type(24), fake.add_type(48), fake.add_type(22, 2), fake.add_type(24, 8)]
    objects = [chance.choice(kinds).words(chance.randrange(12), fill=chance.randrange(9)) for _ in range(2000)]
    region = fake.add_region(0, *objects)
    starts, position = set(), region.start
    for words in objects:
        starts.add(position)
        position += 8 * len(words)
    for _ in range(20):
        word = chance.randrange(len(region.words))
        if region.start + 8 * word - 8 not in starts:  # a length can hide objects: it has tests of its own
            region.words[word] ^= 1 << chance.randrange(64)
    heap = opened(fake)
    found = set(addresses(heap))
    assert len(starts - found) <= 20 * 8
    assert len(found - starts) <= 20 * 2


def test_damage_is_told_of_every_span_that_was_looked_through_and_before_the_last_object_is_asked_for() -> None:
    fake = FakeHeap()
    kind = fake.add_type(24)
    fake.add_region(2, kind.words(), [0x1234560, 1, 1, 1], *(kind.words() for _ in range(6)))
    fake.add_region(2, kind.words())
    heap = ClrRuntime.of(fake.target()).heap
    spans = [span for segment in heap.segments for span in segment.spans]
    for span in spans:
        assert next(heap.matching([span], lambda _shape: True)).address == span.start
    assert [problem.message for problem in heap.problems] == [f"{spans[0].start + 24:#x}: no objects in 32 bytes"]
