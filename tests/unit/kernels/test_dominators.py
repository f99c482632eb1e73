from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_variants import VARIANTS, load

if TYPE_CHECKING:
    from types import ModuleType

Graph = list[list[int]]


@pytest.fixture(params=VARIANTS)
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    return load("dominators", request.param)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, list[int]]:
    """Graphs of up to 25 nodes, dense and sparse, with roots that may also be reached from each other."""
    nodes = draw(st.integers(1, 25))
    node = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.lists(node, max_size=4), min_size=nodes, max_size=nodes))
    return edges, draw(st.lists(node, min_size=1, max_size=4))


def columns(graph: Graph, wide: str = "I") -> tuple[array[int], array[int]]:
    offsets, targets = array(wide, [0]), array("I")
    for edges in graph:
        targets.extend(edges)
        offsets.append(len(targets))
    return offsets, targets


def solve(kernel: ModuleType, graph: Graph, roots: list[int], wide: str = "I") -> tuple[list[int], list[int]]:
    """Return dominators and retained sizes, node i being 2**i bytes or, in large graphs, one."""
    nodes = len(graph)
    offsets, targets = columns(graph, wide)
    numbers, order, parents, label, found = (array("I", [0] * (nodes + 1)) for _ in range(5))
    starts, places = array("I", roots), array(wide, [0] * (nodes + 1))
    scratch = array(wide, [0] * (nodes + 1))
    highest = kernel.number_depth_first(starts, offsets, targets, numbers, order, parents, scratch)
    total = kernel.count_predecessors(highest, offsets, targets, numbers, order, parents, places)
    predecessors = array("I", [0] * total)
    kernel.list_predecessors(highest, offsets, targets, numbers, order, parents, places, predecessors)
    semi = array("I", parents)
    for root in roots:
        semi[numbers[root]] = 0
    kernel.find_dominators(highest, total, parents, places, predecessors, semi, label, found)
    result, retained = array("I", [kernel.NONE] * nodes), array("Q", [0] * nodes)
    kernel.by_node(highest, order, found, result)
    sizes = array("Q", [1 << node if nodes < 60 else 1 for node in range(nodes)])
    kernel.retain(highest, order, found, sizes, retained)
    return list(result), list(retained)


def reachable(graph: Graph, roots: list[int], without: int = -1) -> set[int]:
    seen: set[int] = set()
    waiting = [root for root in roots if root != without]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += [target for target in graph[node] if target != without]
    return seen


def retained_naively(graph: Graph, roots: list[int]) -> dict[int, set[int]]:
    """Return for each node what cannot be reached without it: the definition, one search for each node."""
    everything = reachable(graph, roots)
    return {node: everything - reachable(graph, roots, node) for node in everything}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(graphs())
def test_dominators_are_what_the_definition_says(kernel: ModuleType, given_graph: tuple[Graph, list[int]]) -> None:
    graph, roots = given_graph
    retained = retained_naively(graph, roots)
    dominators, sizes = solve(kernel, graph, roots)
    for node in range(len(graph)):
        above = [other for other, kept in retained.items() if node in kept and other != node]
        if node not in retained:
            assert (dominators[node], sizes[node]) == (kernel.NONE, 0)
        else:
            nearest = min(above, key=lambda other: len(retained[other]), default=kernel.ROOT)
            assert dominators[node] == nearest
            assert sizes[node] == sum(1 << kept for kept in retained[node])


@pytest.mark.parametrize("wide", ["I", "Q"])
def test_columns_of_either_width_give_the_same(kernel: ModuleType, wide: str) -> None:
    assert solve(kernel, [[1, 2], [3], [3], [0]], [0], wide)[0] == [kernel.ROOT, 0, 0, 0]


def test_a_chain_of_a_hundred_thousand_needs_no_stack(kernel: ModuleType) -> None:
    length = 100_000
    graph = [[node + 1] for node in range(length - 1)] + [[]]
    dominators, sizes = solve(kernel, graph, [0])
    assert dominators[1:] == list(range(length - 1))
    assert sizes[0] == length


def test_many_values_shared_along_a_chain_do_not_make_it_quadratic(kernel: ModuleType) -> None:
    length, shared = 20_000, 2_000
    chain = [[node + 1, length + node % shared] for node in range(length - 1)] + [[length]]
    dominators, sizes = solve(kernel, chain + [[] for _ in range(shared)], [0])
    assert dominators[length:] == list(range(shared - 0))[:1] + list(range(1, shared))
    assert sizes[0] == length + shared


def test_an_object_held_by_two_roots_is_held_by_neither(kernel: ModuleType) -> None:
    assert solve(kernel, [[2], [2], []], [0, 1])[0] == [kernel.ROOT, kernel.ROOT, kernel.ROOT]
