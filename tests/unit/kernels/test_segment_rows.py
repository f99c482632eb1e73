from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_variants import VARIANTS, load

if TYPE_CHECKING:
    from types import ModuleType

MOST = (1 << 64) - 1


@pytest.fixture(params=VARIANTS)
def rows(request: pytest.FixtureRequest) -> ModuleType:
    return load("segment_rows", request.param)


def column(*values: int) -> array[int]:
    return array("Q", values)


def room(size: int) -> array[int]:
    return array("Q", bytes(8 * size))


def test_sizes_of_chosen_rows_are_summed_up(rows: ModuleType) -> None:
    assert rows.total_size(column(0x1000, 0x5000, 0x9000), column(0x2000, 0x8000, 0xB000), b"\1\0\4") == 0x3000
    assert rows.total_size(column(), column(), b"") == 0


def test_rows_are_measured(rows: ModuleType) -> None:
    sizes = room(3)
    assert rows.measure(column(0x1000, 0x5000, 7), column(0x2000, 0x8000, 5), sizes) == 3
    assert list(sizes) == [0x1000, 0x3000, MOST - 1]


def test_bits_of_all_numbers_are_gathered(rows: ModuleType) -> None:
    assert rows.all_bits(column(0x1000, 0x6400), column(0x1000, MOST - 0xFFF)) == MOST - 0xBFF
    assert rows.all_bits(column(), column()) == 0


def test_neighbours_are_joined_where_both_may_be(rows: ModuleType) -> None:
    starts = column(0x1000, 0x2000, 0x3000, 0x4000, 0x6000, 0x7000, 0x8000)
    ends = column(0x2000, 0x3000, 0x4000, 0x5000, 0x7000, 0x8000, 0x9000)
    kinds = bytes((rows.JOINED, rows.JOINED, rows.ALONE, rows.JOINED, rows.JOINED, rows.LEFT_OUT, rows.JOINED))
    spans = room(2 * len(starts))
    filled = rows.join(starts, ends, kinds, spans)
    assert list(spans[:filled]) == [0, 1, 2, 2, 3, 3, 4, 4, 6, 6]


def test_memory_has_its_place_congruent_to_its_address(rows: ModuleType) -> None:
    starts, sizes = column(0x1000, 0x2010, 0x4000, 0x5000), column(0x1000, 0x30, 0x1000, 0)
    offsets = room(4)
    assert rows.place(starts, sizes, b"\0\0\1\0", 0x2100, 0x2000, 0x1000, offsets) == 0x4040
    assert list(offsets) == [0x3000, 0x4010, 0x2000, 0x4040]


def test_extents_are_neighbours_in_memory_and_in_the_file(rows: ModuleType) -> None:
    starts, sizes = column(0x1000, 0x2000, 0x3000, 0x4000, 0x6000), column(0x1000, 0x1000, 0, 0x1000, 0x1000)
    offsets = column(0x10000, 0x11000, 0, 0x12000, 0x13000)

    def extents(apart: int) -> list[int]:
        found = room(15)
        return list(found[: rows.find_extents(starts, sizes, offsets, apart, found)])

    assert extents(0) == [0x1000, 0x3000, 0x10000, 0x4000, 0x5000, 0x12000, 0x6000, 0x7000, 0x13000]
    assert extents(0x2000)[:6] == [0x1000, 0x2000, 0x10000, 0x2000, 0x3000, 0x11000]
    assert extents(0x1000)[:6] == [0x1000, 0x2000, 0x10000, 0x2000, 0x3000, 0x11000]


def test_neighbours_in_memory_that_are_apart_in_the_file_are_two(rows: ModuleType) -> None:
    found = room(6)
    assert rows.find_extents(column(0x1000, 0x2000), column(0x1000, 0x1000), column(0, 0x9000), 0, found) == 6


def test_rows_of_a_kind_are_found_and_their_words_gathered(rows: ModuleType) -> None:
    table = column(1 | 7 << 32, 30, 2, 10, 1, 20)
    found = room(3)
    assert rows.find_kind(table, 2, 1, found) == 2
    assert list(found[:2]) == [0, 2]
    words = room(2)
    assert rows.gather(table, 2, 1, found[:2], words) == 1
    assert list(words) == [30, 20]


def test_totals_of_segments(rows: ModuleType) -> None:
    starts, sizes = column(0x1000, 0x2000, 0x2800), column(0x1000, 0x1000, 0x800)
    found = room(4)
    rows.add_up(starts, sizes, column(0x1000, 0x1001, 0), column(0x5000, 0x7000, 0x100), found)
    assert list(found) == [1, 1, 0x2001, 0x8001]


def test_totals_that_do_not_fit_are_the_greatest_number(rows: ModuleType) -> None:
    found = room(4)
    rows.add_up(column(MOST, 0), column(MOST, 0), column(MOST, MOST), column(MOST, 0), found)
    assert list(found) == [1, 1, MOST, MOST]


WORD = st.integers(0, MOST)


@given(st.lists(st.tuples(WORD, WORD, WORD, WORD), max_size=20), st.data())
def test_any_numbers_are_answered_alike(table: list[tuple[int, ...]], data: st.DataObject) -> None:
    columns = [column(*(row[place] for row in table)) for place in range(4)]
    kinds = data.draw(st.binary(min_size=len(table), max_size=len(table)))
    answers = []
    for name in VARIANTS:
        rows, totals, picked = load("segment_rows", name), room(4), room(len(table))
        rows.add_up(*columns, totals)
        flat = column(*(word for row in table for word in row))
        count = rows.find_kind(flat, 4, 1, picked)
        falls = rows.gather(flat, 4, 2, column(*range(len(table))), (words := room(len(table))))
        spans = room(2 * len(table))
        filled = rows.join(columns[0], columns[1], bytes(kind % 3 for kind in kinds), spans)
        rows.measure(columns[0], columns[1], (sizes := room(len(table))))
        bits = rows.all_bits(columns[0], columns[1])
        answers.append((totals, picked[:count], falls, words, spans[:filled], sizes, bits))
    assert answers[0] == answers[1]
