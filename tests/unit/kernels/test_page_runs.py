from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_variants import VARIANTS, load

if TYPE_CHECKING:
    from types import ModuleType

PRESENT, SWAPPED, OF_FILE, GUARD, SOFT_DIRTY = 1 << 63, 1 << 62, 1 << 61, 1 << 58, 1 << 55


@pytest.fixture(params=VARIANTS)
def page_runs(request: pytest.FixtureRequest) -> ModuleType:
    return load("page_runs", request.param)


def runs_of(page_runs: ModuleType, entries: list[int], *, files: bool = True) -> list[int]:
    runs = array("Q", bytes(8 * (len(entries) + 1)))
    unwanted = page_runs.GUARD if files else page_runs.GUARD | page_runs.FILE
    return list(runs[: page_runs.find_runs(array("Q", entries), runs, unwanted)])


def test_present_and_swapped_pages_are_runs_and_other_bits_are_nothing(page_runs: ModuleType) -> None:
    assert runs_of(page_runs, [0, PRESENT | 7, SWAPPED, SOFT_DIRTY, 0, PRESENT]) == [1, 3, 5, 6]


def test_a_guard_is_no_data_though_it_looks_swapped_out(page_runs: ModuleType) -> None:
    assert runs_of(page_runs, [PRESENT, SWAPPED | GUARD, SWAPPED | GUARD | 7, SWAPPED]) == [0, 1, 3, 4]


def test_pages_of_files_are_data_unless_they_are_unwanted(page_runs: ModuleType) -> None:
    entries = [PRESENT, PRESENT | OF_FILE, SWAPPED | OF_FILE, SWAPPED, SWAPPED | GUARD]
    assert runs_of(page_runs, entries) == [0, 4]
    assert runs_of(page_runs, entries, files=False) == [0, 1, 3, 4]


def test_no_entries_are_no_runs(page_runs: ModuleType) -> None:
    assert runs_of(page_runs, []) == []


@given(st.lists(st.booleans(), max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_runs_cover_exactly_the_pages_with_data(page_runs: ModuleType, pages: list[bool]) -> None:
    edges = runs_of(page_runs, [PRESENT if page else 0 for page in pages])
    covered = {index for first, end in zip(edges[::2], edges[1::2], strict=True) for index in range(first, end)}
    assert covered == {index for index, page in enumerate(pages) if page}
    assert edges == sorted(set(edges))
