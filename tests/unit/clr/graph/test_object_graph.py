from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from builders.heaps import FakeHeap
from dotdump.clr.graph import build, columns
from dotdump.clr.graph.object_graph import NONE, ROOT
from dotdump.clr.model.runtime import ClrRuntime

if TYPE_CHECKING:
    from dotdump.clr.graph.object_graph import ObjectGraph


class Web:
    """A region of nodes with two references each; rows are numbered as they are added."""

    def __init__(self) -> None:
        self.heap = FakeHeap()
        self.node = self.heap.add_type(32, gc_desc=(1, 8, 16 - 32))
        self.leaf = self.heap.add_type(24)
        self.region = self.heap.add_region(2)

    def add(self, *rows: int) -> int:
        """Add a node that refers to ``rows``; return its own."""
        references = [self.address(row) for row in rows] + [0] * (2 - len(rows))
        self.region.words += [self.node.method_table, *references, 0]
        return len(self.region.words) // 4 - 1

    def address(self, row: int) -> int:
        return self.region.start + 32 * row

    def graph(self, *roots: int) -> ObjectGraph:
        built = ClrRuntime.of(self.heap.target()).heap.graph()
        return built.with_roots(self.address(row) for row in roots)


@pytest.fixture
def web() -> Web:
    return Web()


def test_columns_tell_all_about_objects_and_references(web: Web) -> None:
    for references in ([1, 2], [2], []):
        web.add(*references)
    graph = web.graph()
    assert graph.addresses.tolist() == [web.address(row) for row in range(3)]
    assert graph.sizes.tolist() == [32] * 3
    assert graph.generations.tolist() == [2] * 3
    assert [graph.types[kind].method_table for kind in graph.type_ids] == [web.node.method_table] * 3
    assert [list(graph.references(row)) for row in range(3)] == [[1, 2], [2], []]
    assert [list(graph.referrers(row)) for row in range(3)] == [[], [0], [0, 1]]
    assert graph.problems == ()


def test_columns_are_buffers_of_the_type_they_say(web: Web) -> None:
    web.add()
    graph = web.graph()
    formats = [memoryview(c).format for c in (graph.addresses, graph.type_ids, graph.sizes, graph.edge_targets)]
    assert formats == ["Q", "I", "I", "I"]


def test_a_heap_without_objects_is_a_graph_without_rows(web: Web) -> None:
    graph = web.graph()
    assert (len(graph), graph.edge_count) == (0, 0)
    assert graph.retained_sizes().tolist() == []


def test_the_shortest_way_to_an_object_starts_at_a_root(web: Web) -> None:
    for references in ([1], [2, 3], [4], [4], []):
        web.add(*references)
    graph = web.graph(0, 3)
    assert graph.path_to_root(4) == [3, 4]
    assert graph.path_to_root(2) == [0, 1, 2]


def test_what_no_root_reaches_has_no_way_and_retains_nothing(web: Web) -> None:
    web.add()
    web.add(0)
    graph = web.graph(0)
    assert graph.path_to_root(1) == []
    assert not graph.is_reachable(1)
    assert graph.dominators().tolist() == [ROOT, NONE]
    assert graph.retained_sizes().tolist() == [32, 0]


def test_retained_sizes_are_those_of_the_dominator_tree(web: Web) -> None:
    for references in ([1, 2], [3], [3], [4], []):
        web.add(*references)
    graph = web.graph(0)
    assert graph.dominators().tolist() == [ROOT, 0, 0, 0, 3]
    assert graph.retained_sizes().tolist() == [160, 32, 32, 64, 32]


def test_a_reference_to_no_object_is_told_with_its_place(web: Web) -> None:
    web.add()
    web.region.words[1] = web.address(0) + 8
    graph = web.graph()
    assert graph.dangling == 1
    assert f"{web.address(0) + 8:#x} in the object at {web.address(0):#x}" in graph.problems[0].message


def test_references_cross_regions(web: Web) -> None:
    web.add(1)
    second = web.heap.add_region(0, [web.node.method_table, web.address(0), 0, 0])
    web.region.words[1] = second.start
    graph = web.graph()
    assert [list(graph.references(row)) for row in range(2)] == [[1], [0]]
    assert graph.generations.tolist() == [2, 0]


@pytest.mark.parametrize(
    "description",
    [
        (0,),
        (40000,),
        (1, 8, 3),
        (1, 0, -16),
        (1, 4, -16),
        (1, 8, 0),
        (2, 8, -24, 8, -24),
        (-1, 16, 8 << 32),
        (-1, 16, 0),
    ],
)
def test_a_type_whose_description_is_damaged_has_no_references_and_says_so(
    web: Web, description: tuple[int, ...]
) -> None:
    count, *numbers = description
    pairs = [n for pair in zip(numbers[::2], numbers[1::2], strict=True) for n in pair]
    kind = web.heap.add_type(32, gc_desc=(count, *pairs))
    web.region.words += [kind.method_table, web.address(0), 0, 0]
    graph = web.graph()
    assert graph.edge_count == 0
    assert "left out" in graph.problems[0].message


def test_arrays_of_structures_refer_by_pattern(web: Web) -> None:
    kind = web.heap.add_type(24, 16, gc_desc=(-1, 16, 1 | 8 << 32))
    web.region.words += [kind.method_table, 2, 0, 77, 0, 78, 0]
    web.region.words[2] = web.region.words[4] = web.address(0)
    graph = web.graph()
    assert list(graph.references(0)) == [0, 0]
    assert graph.problems == ()


def test_where_room_for_what_could_be_is_refused_objects_are_counted_first(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        web.add(web.add())
    expected = ClrRuntime.of(web.heap.target()).heap.graph()
    asked: list[int] = []

    def allocate(code: columns.Code, count: int) -> memoryview[int]:
        asked.append(count)
        if len(asked) == 1:
            raise OSError(errno.ENOMEM, "no")
        return columns.allocate(code, count)

    monkeypatch.setattr(build, "allocate", allocate)
    seen: list[str] = []
    graph = ClrRuntime.of(web.heap.target()).heap.graph(progress=lambda phase, *_: seen.append(phase))
    assert asked == [8, 6, 6, 6, 6]
    assert seen[0] == "counting"
    assert list(graph.addresses) == list(expected.addresses)
    assert list(graph.edge_targets) == list(expected.edge_targets)


def test_progress_is_told(web: Web) -> None:
    web.add()
    seen: list[tuple[str, int, int]] = []
    ClrRuntime.of(web.heap.target()).heap.graph(progress=lambda *step: seen.append(step))
    assert [phase for phase, _, _ in seen] == ["listing objects"] * 2 + ["following references"]
    assert {(done, total) for _, done, total in seen[1:]} == {(32, 32)}
