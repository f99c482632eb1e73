"""Ways from the innermost outwards: every node is on one, and forks, meetings and circles end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdump.analysis.outward_ways import outward_ways


def ways(edges: dict[str, str], nodes: str) -> list[str]:
    return ["".join(way) for way in outward_ways(nodes, lambda node: edges.get(node, ""))]


@pytest.mark.parametrize(
    ("edges", "nodes", "found"),
    [
        ({}, "a", ["a"]),
        ({"a": "b", "b": "c"}, "cba", ["abc"]),
        ({"a": "x", "b": "x", "x": "c"}, "abc", ["axc", "bxc"]),
        ({"a": "bc"}, "abc", ["ab", "ac"]),
        ({"a": "bc", "b": "d", "c": "d"}, "abcd", ["abd", "ac"]),
        ({"a": "b", "b": "a"}, "ab", ["ab"]),
        ({"a": "a"}, "a", ["a"]),
        ({"a": "b", "b": "c", "c": "b"}, "abc", ["abc"]),
    ],
    ids=["alone", "chain", "two for one", "one for two", "two meet", "circle", "itself", "circle behind"],
)
def test_ways_begin_where_nothing_leads_to_and_end_where_nothing_follows(
    edges: dict[str, str], nodes: str, found: list[str]
) -> None:
    assert ways(edges, nodes) == found


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.text("abcdefgh", max_size=3)))
def test_every_node_is_on_a_way_and_no_way_meets_itself(edges: dict[str, str]) -> None:
    found = ways(edges, "abcdefgh")
    assert set("".join(found)) == set("abcdefgh")
    for way in found:
        assert len(set(way)) == len(way)
        assert all(after in edges.get(node, "") for node, after in pairwise(way))


def test_a_chain_of_any_length_is_followed() -> None:
    (way,) = outward_ways(range(100_000), lambda node: [node + 1] if node < 99_999 else [])
    assert way == list(range(100_000))
