from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_variants import VARIANTS, load

if TYPE_CHECKING:
    from types import ModuleType

Graph = list[list[int]]
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)


@pytest.fixture(params=VARIANTS)
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    return load("paths", request.param)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    nodes = draw(st.integers(1, 15))
    return draw(st.lists(st.lists(st.integers(0, nodes - 1), max_size=3), min_size=nodes, max_size=nodes))


def columns(graph: Graph, wide: str = "I") -> tuple[array[int], array[int]]:
    offsets, targets = array(wide, [0]), array("I")
    for edges in graph:
        targets.extend(edges)
        offsets.append(len(targets))
    return offsets, targets


def zeros(count: int, code: str = "I") -> array[int]:
    return array(code, [0] * count)


def turned(kernel: ModuleType, graph: Graph, wide: str = "I") -> tuple[array[int], array[int]]:
    forward = columns(graph, wide)
    offsets = zeros(len(graph) + 1, wide)
    referrers = zeros(kernel.count_referrers(forward[1], offsets))
    kernel.list_referrers(*forward, offsets, referrers)
    return offsets, referrers


def parents_of(graph: Graph, roots: list[int]) -> array[int]:
    parents, queue = zeros(len(graph)), list(dict.fromkeys(roots))
    for root in queue:
        parents[root] = 1
    for node in queue:
        for target in graph[node]:
            if not parents[target]:
                parents[target] = node + 2
                queue.append(target)
    return parents


def reachable(graph: Graph, roots: list[int], blocked: frozenset[int] = frozenset()) -> set[int]:
    seen: set[int] = set()
    waiting = [root for root in roots if root not in blocked]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += [target for target in graph[node] if target not in blocked]
    return seen


@pytest.mark.parametrize("wide", ["I", "Q"])
@RELAXED
@given(graphs())
def test_references_turned_round_are_the_same_references(kernel: ModuleType, wide: str, graph: Graph) -> None:
    offsets, referrers = turned(kernel, graph, wide)
    for node in range(len(graph)):
        expected = [source for source, targets in enumerate(graph) for target in targets if target == node]
        assert list(referrers[offsets[node] : offsets[node + 1]]) == expected


@RELAXED
@given(graphs(), st.data())
def test_there_is_a_way_from_every_root_that_leads_there_by_itself(
    kernel: ModuleType, graph: Graph, data: st.DataObject
) -> None:
    node = st.integers(0, len(graph) - 1)
    roots, target = data.draw(st.lists(node, min_size=1, max_size=4)), data.draw(node)
    following, queue, found = zeros(len(graph)), zeros(len(graph)), zeros(10)
    count = kernel.find_ways(target, parents_of(graph, roots), *turned(kernel, graph), following, queue, found)
    expected = {root for root in roots if target in reachable(graph, [root], frozenset(roots) - {root, target})}
    assert set(found[:count]) == expected
    assert len(set(found[:count])) == count
    for root in found[:count]:
        step = root
        while following[step] != 1:
            assert following[step] - 2 in graph[step]
            step = following[step] - 2
        assert step == target


def test_no_more_ways_are_looked_for_than_wanted(kernel: ModuleType) -> None:
    graph = [[3], [3], [3], []]
    following, queue, found = zeros(4), zeros(4), zeros(2)
    ways = turned(kernel, graph)
    assert kernel.find_ways(3, parents_of(graph, [0, 1, 2]), *ways, following, queue, found) == 2


@RELAXED
@given(graphs(), st.data())
def test_a_colour_says_which_group_alone_reaches_a_node(kernel: ModuleType, graph: Graph, data: st.DataObject) -> None:
    node = st.integers(0, len(graph) - 1)
    groups = data.draw(st.lists(st.lists(node, min_size=1, max_size=3), min_size=1, max_size=4))
    certain = data.draw(st.integers(0, len(groups)))
    colours, queue = zeros(len(graph)), zeros(len(graph))
    for number, roots in enumerate(groups):
        lowest = 2 if number < certain else certain + 2
        kernel.colour(array("I", roots), number, lowest, *columns(graph), colours, queue)
    reached = [reachable(graph, roots) for roots in groups]
    for row, colour in enumerate(colours):
        sure = [number for number in range(certain) if row in reached[number]]
        others = [number for number in range(certain, len(groups)) if row in reached[number]]
        who = sure or others
        assert colour == (0 if not who else who[0] + 2 if len(who) == 1 else kernel.SHARED)


@pytest.mark.parametrize("wide", ["I", "Q"])
def test_colours_are_added_up(kernel: ModuleType, wide: str) -> None:
    counts, totals = zeros(4, "Q"), zeros(4, "Q")
    kernel.add_colours(array("I", [0, 2, 2, 3]), array(wide, [8, 16, 32, 64]), counts, totals)
    assert (list(counts), list(totals)) == ([1, 0, 2, 1], [8, 0, 48, 64])


class Ways:
    """The shapes of ways in a graph whose nodes have the types that ``kinds`` says."""

    def __init__(self, kernel: ModuleType, graph: Graph, kinds: list[int], roots: list[int], room: int = 64) -> None:
        self._kernel = kernel
        count = len(graph)
        parents = parents_of(graph, roots)
        shapes = zeros(count)
        for number, root in enumerate(dict.fromkeys(roots)):
            shapes[root] = (kernel.ROOT_BIT | number) + 1
        self.above, self.kinds, self.examples = zeros(room), zeros(room), zeros(room)
        self.counts, totals, self.state = zeros(room, "Q"), zeros(room, "Q"), array("Q", [1])
        self.found = kernel.group_ways(
            0, count, bytearray([1] * 10), parents, array("I", kinds), array("I", [24] * count),
            shapes, zeros(count), zeros(256), self.above, self.kinds, self.counts, totals, self.examples, self.state,
        )  # fmt: skip

    def told(self) -> Counter[tuple[int, ...]]:
        """Return how many nodes each shape has: the number of a root's group, then types."""
        return Counter({self._chain(shape): self.counts[shape] for shape in range(self.state[0]) if self.counts[shape]})

    def _chain(self, shape: int) -> tuple[int, ...]:
        kinds: list[int] = []
        while shape and not shape & self._kernel.ROOT_BIT:
            kinds.append(self.kinds[shape])
            shape = self.above[shape]
        return (shape & ~self._kernel.ROOT_BIT, *kinds[::-1]) if shape else ()


def test_ways_of_one_shape_are_counted_together(kernel: ModuleType) -> None:
    ways = Ways(kernel, [[1, 2], [3], [4], [], [], []], [0, 1, 1, 2, 2, 3], [0])
    assert ways.told() == {(0, 0): 1, (0, 0, 1): 2, (0, 0, 1, 2): 2}
    assert ways.found == 5


def test_a_list_of_any_length_has_one_shape(kernel: ModuleType) -> None:
    length = 5000
    ways = Ways(kernel, [[node + 1] for node in range(length - 1)] + [[]], [0] + [1] * (length - 1), [0])
    assert ways.told() == {(0, 0): 1, (0, 0, 1): length - 1}


def test_types_that_take_turns_have_few_shapes(kernel: ModuleType) -> None:
    length = 1000
    graph = [[node + 1] for node in range(length - 1)] + [[]]
    assert set(Ways(kernel, graph, [node % 2 for node in range(length)], [0]).told()) == {
        (0, 0),
        (0, 0, 1),
        (0, 0, 1, 0),
    }


def test_roots_of_different_groups_begin_different_shapes(kernel: ModuleType) -> None:
    assert Ways(kernel, [[2], [3], [], []], [0, 0, 1, 1], [0, 1]).told() == {
        (0, 0): 1,
        (1, 0): 1,
        (0, 0, 1): 1,
        (1, 0, 1): 1,
    }


def test_shapes_for_which_there_is_no_room_are_counted_as_others(kernel: ModuleType) -> None:
    ways = Ways(kernel, [[1], [2], [3], []], [0, 1, 2, 3], [0], room=3)
    assert ways.told() == {(0, 0): 1, (0, 0, 1): 1, (): 2}
    assert ways.found == 4
