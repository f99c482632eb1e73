from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dotdump.analysis.cycles import find_cycles


def cycles(edges: dict[str, str]) -> list[str]:
    return ["".join(cycle) for cycle in find_cycles({node: list(targets) for node, targets in edges.items()})]


def test_two_that_wait_for_each_other_are_a_circle_and_who_waits_for_them_is_not_in_it() -> None:
    assert cycles({"x": "a", "a": "b", "b": "a", "c": "d"}) == ["ab"]


def test_one_that_waits_for_itself_is_a_circle() -> None:
    assert cycles({"a": "a"}) == ["a"]


def test_a_way_without_an_end_is_no_circle() -> None:
    assert cycles({"a": "b", "b": "c", "c": "d"}) == []


def test_of_several_owners_one_is_enough() -> None:
    assert cycles({"a": "xyb", "b": "zc", "c": "a"}) == ["abc"]


def test_circles_that_have_a_node_in_common_are_told_once() -> None:
    assert cycles({"a": "bc", "b": "a", "c": "a"}) == ["ab"]


@given(st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=4), max_size=12))
def test_what_is_found_is_a_circle_and_no_circle_is_left(edges: dict[int, list[int]]) -> None:
    used: set[int] = set()
    for cycle in find_cycles(edges):
        assert len(set(cycle)) == len(cycle)
        assert not used & set(cycle)
        used |= set(cycle)
        assert all(after in edges[node] for node, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    left = {node: {each for each in targets if each not in used} for node, targets in edges.items() if node not in used}
    while any(not targets & left.keys() for targets in left.values()):
        left = {node: targets for node, targets in left.items() if targets & left.keys()}
    assert not left
