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
    return load("traversal", request.param)


def columns(graph: Graph) -> tuple[array[int], array[int]]:
    offsets, targets = array("I", [0]), array("I")
    for edges in graph:
        targets.extend(edges)
        offsets.append(len(targets))
    return offsets, targets


def distances(graph: Graph, roots: list[int]) -> dict[int, int]:
    found, level, distance = {}, set(roots), 0
    while level:
        found.update(dict.fromkeys(level, distance))
        level = {target for node in level for target in graph[node]} - set(found)
        distance += 1
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    st.integers(1, 20).flatmap(lambda n: st.lists(st.lists(st.integers(0, n - 1), max_size=3), min_size=n, max_size=n))
)
def test_parents_lead_to_a_root_on_a_shortest_way(kernel: ModuleType, graph: Graph) -> None:
    parents, queue = (array("I", [0] * len(graph)) for _ in range(2))
    reached = kernel.find_parents(array("I", [0, 0]), *columns(graph), parents, queue)
    expected = distances(graph, [0])
    assert set(queue[:reached]) == set(expected)
    for node in range(len(graph)):
        if node not in expected:
            assert parents[node] == kernel.UNREACHED
        elif parents[node] == 1:
            assert node == 0
        else:
            assert node in graph[parents[node] - 2]
            assert expected[parents[node] - 2] == expected[node] - 1


def test_a_root_that_is_no_row_is_passed_over(kernel: ModuleType) -> None:
    parents, queue = array("I", [0, 0]), array("I", [0, 0])
    assert kernel.find_parents(array("I", [7, 1]), *columns([[], []]), parents, queue) == 1
    assert list(parents) == [0, 1]


def test_referrers_are_found_from_any_edge_on(kernel: ModuleType) -> None:
    offsets, targets = columns([[1, 2], [2, 2], []])
    found = array("Q", [0, 0])
    assert kernel.find_referrers(2, 0, targets, offsets, found) == 2
    assert list(found) == [1, 2]
    assert kernel.find_referrers(2, 3, targets, offsets, found) == 1
    assert found[0] == 3
