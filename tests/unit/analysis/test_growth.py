from __future__ import annotations

import pytest

from builders.heaps import FakeHeap
from builders.roots import add_handles
from dotdump.analysis.growth import HeapGrowth, heap_growth
from dotdump.analysis.rooted_heap import RootedHeap
from dotdump.clr.contracts.handles import HandleKind
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.report.growth import render_growth, select_types, types_csv
from dotdump.report.listing import Choice


def heap_of(items: int, *, moved: int = 0) -> RootedHeap:
    """An array of 50 slots by a strong handle, with ``items`` in it, after ``moved`` words of free space."""
    heap = FakeHeap()
    array, item = heap.add_type(24, 8, gc_desc=(1, 16, -24)), heap.add_type(40)
    region = heap.add_region(2)
    if moved:
        region.words += heap.free.words(moved)
    start = region.start + 8 * len(region.words)
    first = start + 24 + 8 * 50
    slots = [first + 40 * number for number in range(items)] + [0] * (50 - items)
    region.words += [array.method_table, 50, *slots, 0]
    region.words += [item.method_table, 0, 0, 0, 0] * items
    add_handles(heap, (HandleKind.STRONG, [start], []))
    return RootedHeap.of(ClrRuntime.of(heap.target()))


@pytest.fixture
def growth() -> HeapGrowth:
    return heap_growth(heap_of(10), heap_of(30))


def test_a_type_that_grew_says_by_how_much(growth: HeapGrowth) -> None:
    items, array = growth.types
    assert (items.count.before, items.count.after, items.count.growth) == (10, 30, 20)
    assert (items.size.growth, items.retained.growth) == (800, 800)
    assert (array.count.growth, array.size.growth, array.retained.growth) == (0, 0, 800)


def test_objects_at_one_address_are_the_same(growth: HeapGrowth) -> None:
    assert growth.same_process
    assert growth.same == 11
    assert [(row.new, row.gone) for row in growth.types] == [(20, 0), (0, 0)]


def test_what_the_collector_moved_counts_as_gone_and_new() -> None:
    found = heap_growth(heap_of(10), heap_of(10, moved=8))
    assert found.same == 0
    assert {(row.count.growth, row.new, row.gone) for row in found.types} == {(0, 10, 10), (0, 1, 1)}
    assert found.paths == ()


def test_free_space_that_both_have_is_no_object() -> None:
    assert heap_growth(heap_of(10, moved=8), heap_of(30, moved=8)).same == 11


def test_the_root_and_the_way_that_hold_the_growth_are_named(growth: HeapGrowth) -> None:
    assert [(row.kind, row.count.growth, row.retained.growth) for row in growth.roots] == [("StrongHandle", 20, 800)]
    (path,) = growth.paths
    assert (path.count.growth, path.size.growth) == (20, 800)
    assert path.name.startswith("strong handle -> ")
    assert path.type == growth.types[0].name


def test_nothing_is_said_of_what_did_not_change() -> None:
    found = heap_growth(heap_of(10), heap_of(10))
    assert (found.types, found.roots, found.paths) == ((), (), ())


def test_growth_is_told_as_text_and_csv(growth: HeapGrowth) -> None:
    text = render_growth(growth, 200)
    assert "+20 objects, +800 bytes: strong handle -> " in text
    assert "11 objects in both" in text
    shown = select_types(growth, Choice(pattern=f"^{growth.types[1].name}$", sort="retained"))
    assert [row.name for row in shown.types] == [growth.types[1].name]
    assert shown.paths == ()
    header, line = types_csv(shown).splitlines()
    assert header.startswith("name,module,count_before,count_after,count_growth")
    assert line.endswith(",0,0")
