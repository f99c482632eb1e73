from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_variants import VARIANTS, load

if TYPE_CHECKING:
    from types import ModuleType

RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
ROOT, NONE = 0xFFFFFFFE, 0xFFFFFFFF


@pytest.fixture(params=VARIANTS)
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    return load("retention", request.param)


@st.composite
def trees(draw: st.DrawFn) -> list[int]:
    """Dominators of up to 20 nodes, some of them unreached; rows are in no order of the tree."""
    count = draw(st.integers(1, 20))
    order = draw(st.permutations(range(count)))
    dominators = [NONE] * count
    for place, row in enumerate(order):
        above = draw(st.integers(-2, place - 1))
        if above == -1:
            dominators[row] = ROOT
        elif above >= 0 and dominators[order[above]] != NONE:
            dominators[row] = order[above]
    return dominators


def links(kernel: ModuleType, dominators: list[int]) -> tuple[array[int], array[int]]:
    first, following = (array("I", [0] * (len(dominators) + extra)) for extra in (1, 0))
    kernel.link_children(array("I", dominators), first, following)
    return first, following


def children(first: array[int], following: array[int], row: int) -> list[int]:
    found, current = [], first[row]
    while current:
        found.append(current - 1)
        current = following[current - 1]
    return found


def below(dominators: list[int], row: int) -> set[int]:
    found = {row}
    while True:
        more = {each for each, above in enumerate(dominators) if above in found} | found
        if more == found:
            return found
        found = more


@RELAXED
@given(trees())
def test_children_are_those_whose_dominator_it_is(kernel: ModuleType, dominators: list[int]) -> None:
    first, following = links(kernel, dominators)
    for row in range(len(dominators)):
        assert children(first, following, row) == [r for r, above in enumerate(dominators) if above == row]
    assert children(first, following, len(dominators)) == [r for r, above in enumerate(dominators) if above == ROOT]


@RELAXED
@given(trees(), st.randoms())
def test_a_type_retains_what__one_of_its_objects_does(
    kernel: ModuleType, dominators: list[int], chance: object
) -> None:
    del chance
    rows = range(len(dominators))
    kinds = [row * 7 % 3 for row in rows]
    retained = [sum(1 << each for each in below(dominators, row)) for row in rows]
    counts, totals, opened = array("Q", [0] * 3), array("Q", [0] * 3), array("I", [0] * 3)
    columns = (array("I", dominators), *links(kernel, dominators), array("I", kinds), array("Q", retained))
    kernel.retained_by_type(*columns, opened, counts, totals)
    for kind in range(3):
        own = [row for row in rows if kinds[row] == kind and dominators[row] != NONE]
        assert counts[kind] == len(own)
        kept: set[int] = set().union(*(below(dominators, row) for row in own))
        assert totals[kind] == sum(1 << row for row in kept)
    assert list(opened) == [0, 0, 0]


@RELAXED
@given(st.lists(st.integers(0, 50), max_size=60), st.integers(0, 12))
def test_the_largest_are_found_in_one_pass(kernel: ModuleType, values: list[int], room: int) -> None:
    kinds, wanted = array("I", [row % 2 for row in range(len(values))]), bytearray([0, 1])
    rows, state = array("I", [0] * room), array("Q", [0])
    found = kernel.find_largest(array("Q", values), kinds, wanted, rows, state)
    candidates = sorted((value for row, value in enumerate(values) if row % 2 and value), reverse=True)
    assert sorted((values[row] for row in rows[:found]), reverse=True) == candidates[:room]
    assert state[0] == len(candidates)


def test_the_largest_children_are_found_among_them_only(kernel: ModuleType) -> None:
    dominators = [ROOT, 0, 0, 0, 1, ROOT]
    first, following = links(kernel, dominators)
    rows, state = array("I", [0, 0]), array("Q", [0])
    values, kinds = array("Q", [9, 5, 7, 6, 99, 99]), array("I", [0] * 6)
    found = kernel.find_largest_children(first[0], following, values, kinds, bytearray([1]), rows, state)
    assert (found, sorted(rows), state[0]) == (2, [2, 3], 3)


def test_children_are_added_up_by_type(kernel: ModuleType) -> None:
    first, following = links(kernel, [ROOT, 0, 0, 0])
    counts, totals = array("Q", [0, 0]), array("Q", [0, 0])
    kinds, values = array("I", [0, 1, 1, 0]), array("Q", [9, 1, 2, 4])
    assert kernel.add_children(first[0], following, kinds, values, counts, totals) == 3
    assert (list(counts), list(totals)) == ([1, 2], [4, 3])


@pytest.mark.parametrize(
    ("dominators", "kinds", "expected"),
    [
        pytest.param([ROOT, 0, 1, 2, 2, 2], [0, 1, 2, 3, 3, 3], (2, 1), id="down to an array of many"),
        pytest.param([ROOT, 0, 0], [0, 1, 1], (0, 1), id="two of the same size"),
        pytest.param([ROOT, 0, 1, 2, 3], [0, 1, 1, 1, 1], (1, 3), id="a list is not followed"),
        pytest.param([ROOT], [0], (0, 1), id="alone"),
    ],
)
def test_what_is_retained_comes_together_where_no_child_has_most_of_it(
    kernel: ModuleType, dominators: list[int], kinds: list[int], expected: tuple[int, int]
) -> None:
    retained = array("Q", [len(below(dominators, row)) * 100 for row in range(len(dominators))])
    chain = array("Q", [0])
    links_of = links(kernel, dominators)
    point = kernel.accumulation_point(0, *links_of, array("I", kinds), retained, 60, chain)
    assert (point, chain[0]) == expected
