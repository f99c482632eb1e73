from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_variants import VARIANTS, load

if TYPE_CHECKING:
    from types import ModuleType

ROWS = st.dictionaries(st.integers(0, 30), st.tuples(st.integers(0, 2), st.sampled_from([24, 32])), max_size=20)


@pytest.fixture(params=VARIANTS)
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    return load("tally", request.param)


@pytest.mark.parametrize("wide", ["I", "Q"])
def test_all_rows_before_one_are_counted_by_type(kernel: ModuleType, wide: str) -> None:
    counts, totals = array("Q", [0, 1]), array("Q", [0, 8])
    kernel.count_types(3, array("I", [1, 0, 1, 1]), array(wide, [16, 16, 32, 64]), counts, totals)
    assert (list(counts), list(totals)) == ([1, 3], [16, 56])


@pytest.mark.parametrize("wide", ["I", "Q"])
@pytest.mark.parametrize(("marked", "expected"), [(1, ([0, 2], [0, 48])), (0, ([1, 0], [16, 0]))])
def test_rows_are_counted_by_type_with_marks_or_without(
    kernel: ModuleType, wide: str, marked: int, expected: tuple[list[int], list[int]]
) -> None:
    counts, totals = array("Q", [0, 0]), array("Q", [0, 0])
    columns = (array("I", [1, 0, 1, 1]), array(wide, [16, 16, 32, 64]), array("I", [1, 0, 5, 9]))
    kernel.count_rows(0, 3, *columns, marked, counts, totals)
    assert (list(counts), list(totals)) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(ROWS, ROWS)
def test_rows_are_the_same_that_have_one_address_type_and_size(
    kernel: ModuleType, rows: dict[int, tuple[int, int]], others: dict[int, tuple[int, int]]
) -> None:
    rows, others = dict(sorted(rows.items())), dict(sorted(others.items()))
    swapped = array("I", [2, kernel.NO_TYPE, 0])
    ours = (array("Q", rows), array("I", [k for k, _ in rows.values()]), array("I", [s for _, s in rows.values()]))
    theirs = (
        array("Q", others),
        array("I", [k for k, _ in others.values()]),
        array("Q", [s for _, s in others.values()]),
    )
    marks, counts = bytearray(len(rows)), array("Q", [0] * 3)
    same = kernel.match_rows(*ours, swapped, *theirs, marks, counts)
    expected = [others.get(address) == (swapped[kind], size) for address, (kind, size) in rows.items()]
    assert list(marks) == [not answer for answer in expected]
    assert same == sum(expected) == sum(counts)
