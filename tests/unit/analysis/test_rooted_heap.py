"""Answers from a graph with roots, on a heap whose every reference and root is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders.heaps import FakeHeap
from builders.roots import add_handles
from dotdump.analysis.liveness import live_statistics
from dotdump.analysis.retention import retained_objects, retained_roots, retained_types
from dotdump.analysis.root_paths import who_holds, who_holds_type
from dotdump.analysis.rooted_heap import RootedHeap
from dotdump.analysis.suspects import leak_suspects
from dotdump.clr.contracts.handles import HandleKind
from dotdump.clr.graph.index_folder import index_folder
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.errors import InvalidObject, NotFound
from dotdump.target.model import Thread

if TYPE_CHECKING:
    from pathlib import Path

    from builders.clr import FakeTarget

STACK = 0x7F00A0000000
ITEMS = 100


class World:
    """Row 0, a holder by a strong handle, leads to row 1, an array of a hundred items, the rows from 4 on.

    Row 2 is pinned and refers to the first item, too; 3 is garbage that refers to the array. A stack may keep the
    second item.
    """

    def __init__(self) -> None:
        heap = FakeHeap()
        self.holder = heap.add_type(32, gc_desc=(1, 8, 16 - 32))
        self.array = heap.add_type(24, 8, gc_desc=(1, 16, -24))
        self.item = heap.add_type(40)
        holder, array, item = (kind.method_table for kind in (self.holder, self.array, self.item))
        region = heap.add_region(2)
        self.rows = [region.start, region.start + 32, region.start + 56 + 8 * ITEMS]
        self.rows.append(self.rows[2] + 32)
        items = self.rows[3] + 32
        self.rows += [items + 40 * number for number in range(ITEMS)]
        region.words += [holder, self.rows[1], 0, 0]
        region.words += [array, ITEMS, *self.rows[4:], 0]
        region.words += [holder, self.rows[4], 0, 0]
        region.words += [holder, self.rows[1], 0, 0]
        region.words += [item, 0, 0, 0, 0] * ITEMS
        add_handles(heap, (HandleKind.STRONG, self.rows[:1], []), (HandleKind.PINNED, self.rows[2:3], []))
        self.target: FakeTarget = heap.target()
        self.target.words(STACK, self.rows[5])
        self.target.threads = [Thread(42, {"rsp": STACK}, 0, STACK, "main")]
        self.live = 32 + 24 + 8 + 8 * ITEMS - 8 + 32 + 40 * ITEMS

    def heap(self, core: Path | None = None) -> RootedHeap:
        return RootedHeap.of(ClrRuntime.of(self.target), None if core is None else index_folder(core))


@pytest.fixture
def world() -> World:
    return World()


def test_an_object_is_held_by_the_nearest_ways_from_different_roots(world: World) -> None:
    (held,) = who_holds(world.heap(), [world.rows[4]]).objects
    told = [[step.address for step in path.steps] for path in held.paths]
    assert told == [[hex(world.rows[2]), hex(world.rows[4])], [hex(world.rows[row]) for row in (0, 1, 4)]]
    assert [path.roots[0].kind for path in held.paths] == ["PinnedHandle", "StrongHandle"]
    assert held.paths[1].steps[1].field == "+0x10"  # of types without metadata only the place is known


def test_objects_of_a_class_that_is_called_as_free_space_are_no_free_space(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClrRuntime, "type_name", lambda _runtime, _method_table: "Free")
    assert len(retained_objects(world.heap(), limit=500).objects) == ITEMS + 3


def test_a_stack_that_may_be_stale_does_not_hide_what_surely_holds(world: World) -> None:
    (held,) = who_holds(world.heap(), [world.rows[5]]).objects
    assert [step.address for step in held.paths[0].steps] == [hex(world.rows[row]) for row in (0, 1, 5)]


def test_ways_from_more_roots_than_there_are_are_those_that_there_are(world: World) -> None:
    heap = world.heap()
    assert who_holds(heap, [world.rows[4]], 10**12) == who_holds(heap, [world.rows[4]], 5)


def test_garbage_has_no_ways_and_an_address_without_an_object_is_an_error(world: World) -> None:
    assert who_holds(world.heap(), [world.rows[3]]).objects[0].paths == ()
    with pytest.raises(InvalidObject):
        who_holds(world.heap(), [world.rows[3] + 8])


def test_ways_to_a_type_are_grouped_by_shape(world: World) -> None:
    heap = world.heap()
    name = heap.runtime.type_name(world.item.method_table)
    found = who_holds_type(heap, f"^{name}$")
    assert (found.count, found.size, found.garbage, found.shape_count) == (ITEMS, 40 * ITEMS, 0, 2)
    assert [(shape.count, shape.root.kind) for shape in found.shapes] == [
        (ITEMS - 1, "StrongHandle"),
        (1, "PinnedHandle"),
    ]
    assert found.shapes[0].name.startswith("strong handle -> ")
    assert found.shapes[0].types[-1] == name
    with pytest.raises(NotFound):
        who_holds_type(heap, "NoSuchType")


def test_objects_types_and_roots_retain_what_would_go_with_them(world: World) -> None:
    heap = world.heap()
    first = retained_objects(heap, limit=2).objects
    array = 24 + 8 * ITEMS + 40 * (ITEMS - 1)
    assert [(row.address, row.retained) for row in first] == [
        (hex(world.rows[0]), 32 + array),
        (hex(world.rows[1]), array),
    ]
    assert [row.dominator for row in first] == [None, hex(world.rows[0])]
    assert len(retained_objects(heap, limit=500, of=world.rows[1]).objects) == ITEMS - 1
    types = {row.method_table: row for row in retained_types(heap).types}
    holder = types[hex(world.holder.method_table)]
    assert (holder.count, holder.size, holder.retained) == (2, 64, 64 + array)
    roots = {row.kind: (row.count, row.retained) for row in retained_roots(heap).roots}
    assert roots == {"StrongHandle": (ITEMS + 1, 32 + array), "PinnedHandle": (1, 32)}


def test_live_and_dead_add_up_to_the_heap(world: World) -> None:
    heap = world.heap()
    live, dead = (live_statistics(heap, live=answer) for answer in (True, False))
    assert live.objects == ITEMS + 3
    assert (dead.objects, dead.bytes) == (1, 32)
    assert [row.count for row in dead.types] == [1]
    found = retained_types(heap).live
    assert (found.count, found.size, found.garbage_count) == (live.objects, live.bytes, 1)


def test_a_suspect_says_where_it_comes_together_and_of_what(world: World) -> None:
    (suspect,) = leak_suspects(world.heap(), 0.5).suspects
    assert suspect.point is not None
    assert suspect.point.address == hex(world.rows[1])
    assert [held.count for held in suspect.holds] == [ITEMS - 1]
    assert suspect.reason.startswith("strong handle leads to one ")
    assert f"holds {ITEMS - 1:,} " in suspect.reason


def test_a_suspect_of_many_objects_names_the_way_to_those_that_only_roots_hold() -> None:
    """A hundred items by one array, and two others by two pinned holders each: those two alone are the suspect."""
    heap = FakeHeap()
    array, holder = heap.add_type(24, 8, gc_desc=(1, 16, -24)), heap.add_type(32, gc_desc=(1, 8, 16 - 32))
    item = heap.add_type(4000)
    region, shared = heap.add_region(2), 2
    first = region.start + 24 + 8 * (ITEMS + 1)
    items = first + 2 * 32 * shared
    region.words += [array.method_table, ITEMS + 1, *(items + 4000 * (shared + n) for n in range(ITEMS)), 0, 0]
    for number in range(shared):
        region.words += [holder.method_table, items + 4000 * number, 0, 0] * 2
    region.words += [item.method_table, *[0] * 499] * (shared + ITEMS)
    pinned = [first + 32 * number for number in range(2 * shared)]
    add_handles(heap, (HandleKind.STRONG, [region.start], []), (HandleKind.PINNED, pinned, []))
    rooted = RootedHeap.of(ClrRuntime.of(heap.target()))
    of_items = [suspect for suspect in leak_suspects(rooted, 0.01).suspects if suspect.object is None]
    assert [(suspect.count, suspect.retained) for suspect in of_items] == [(shared, 4000 * shared)]
    assert f"; {shared} are reached by pinned handle -> " in of_items[0].reason
    assert of_items[0].path is not None
    assert of_items[0].path.steps[-1].address == hex(items)


def test_what_is_saved_beside_the_core_gives_the_same_answers(world: World, tmp_path: Path) -> None:
    core = tmp_path / "core"
    core.write_bytes(b"core")
    for _ in range(2):
        heap, plain = world.heap(core), world.heap()
        assert leak_suspects(heap, 0.1) == leak_suspects(plain, 0.1)
        assert retained_types(heap) == retained_types(plain)
        assert retained_roots(heap) == retained_roots(plain)
        assert who_holds(heap, [world.rows[4]]) == who_holds(plain, [world.rows[4]])
    assert len(list((tmp_path / "core.dotdump").iterdir())) >= 8


def test_what_two_stacks_may_keep_is_held_by_both_where_no_arrays_of_statics_are() -> None:
    heap = FakeHeap()
    holder, item = heap.add_type(32, gc_desc=(1, 8, 16 - 32)), heap.add_type(40)
    region = heap.add_region(2)
    shared = region.start + 2 * 32
    region.words += [holder.method_table, shared, 0, 0] * 2 + [item.method_table, 0, 0, 0, 0]
    target = heap.target()
    target.words(STACK, region.start)
    target.words(STACK + 0x1000, region.start + 32)
    target.threads = [Thread(42 + n, {"rsp": sp}, 0, sp, "") for n, sp in enumerate((STACK, STACK + 0x1000))]
    found = retained_roots(RootedHeap.of(ClrRuntime.of(target)))
    assert [(root.name, root.retained) for root in found.roots] == [("thread 42", 32), ("thread 43", 32)]
    assert found.live.shared == 40


def test_a_damaged_list_of_segments_is_a_problem_of_all_that_follows_from_the_heap() -> None:
    heap = FakeHeap(loop=True)
    heap.add_region(2, heap.add_type(24).words())
    found = RootedHeap.of(ClrRuntime.of(heap.target()))
    told = [problem for problem in found.problems if "list of segments does not end" in problem.message]
    assert len(told) == 1
    assert told[0] in retained_roots(found).problems
    assert live_statistics(found).problems == found.problems
