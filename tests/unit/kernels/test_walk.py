from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.objects import FakeType, type_table
from kernel_variants import VARIANTS, load

if TYPE_CHECKING:
    from types import ModuleType

NODE, TEXT, BYTES = FakeType(0x7F0000001000, 24), FakeType(0x7F0000002008, 22, 2), FakeType(0x7F0000003010, 24, 1)
TYPES = [NODE, TEXT, BYTES]
LOW, HIGH = 0x7F0000000000, 0x7F0000010000
BROKEN = 0x7F0000004000


@pytest.fixture(params=VARIANTS)
def walk(request: pytest.FixtureRequest) -> ModuleType:
    return load("walk", request.param)


class Walked:
    """What ``count_objects`` said of some words."""

    def __init__(self, walk: ModuleType, words: list[int], slots: int = 64) -> None:
        self.counts, self.sizes, self.stop = (array("Q", [0] * 3) for _ in range(3))
        table = type_table(TYPES, slots, [BROKEN])
        self.total = walk.count_objects(array("Q", words), 0, len(words), table, self.counts, self.sizes, self.stop)


def test_objects_and_bytes_are_counted_by_type(walk: ModuleType) -> None:
    found = Walked(walk, [*NODE.words(), *TEXT.words(5), *NODE.words(), *BYTES.words(1)])
    assert found.total == 4
    assert list(found.counts) == [2, 1, 1]
    assert list(found.sizes) == [48, 32, 32]
    assert list(found.stop) == [14, walk.DONE, 10]


def test_marks_in_the_three_low_bits_are_no_part_of_the_type(walk: ModuleType) -> None:
    found = Walked(walk, [*NODE.words(marks=1), *TEXT.words(marks=7), *NODE.words(marks=4)])
    assert list(found.counts) == [2, 1, 0]


def test_rubbish_above_a_length_is_not_part_of_it(walk: ModuleType) -> None:
    words = BYTES.words(8)
    words[1] |= 0xDEADBEEF << 32
    assert list(Walked(walk, words).sizes) == [0, 0, 32]


@pytest.mark.parametrize(
    ("word", "reason"), [(0, "UNKNOWN_TYPE"), (0x1234568, "UNKNOWN_TYPE"), (BROKEN, "INVALID_TYPE")]
)
def test_a_walk_stops_at_what_is_no_object_and_says_why(walk: ModuleType, word: int, reason: str) -> None:
    found = Walked(walk, [*NODE.words(), word, *NODE.words()])
    assert found.total == 1
    assert list(found.stop) == [3, getattr(walk, reason), 0]


@pytest.mark.parametrize("length", [9, 2**31, 2**32 - 1])
def test_an_object_that_ends_beyond_the_range_is_not_counted(walk: ModuleType, length: int) -> None:
    words = [*NODE.words(), *BYTES.words(8)]
    words[4] = length
    found = Walked(walk, words)
    assert found.total == 1
    assert list(found.stop[:2]) == [3, walk.TOO_LONG]


def test_a_length_that_lies_beyond_the_range_is_not_read(walk: ModuleType) -> None:
    assert list(Walked(walk, [BYTES.method_table]).stop[:2]) == [0, walk.TOO_LONG]


@pytest.mark.parametrize("base_size", [0, 8, 16])
def test_a_type_too_small_for_an_object_does_not_make_an_endless_loop(walk: ModuleType, base_size: int) -> None:
    kind = FakeType(0x7F0000005000, base_size)
    stop = array("Q", [0] * 3)
    walked = walk.count_objects(
        array("Q", [kind.method_table] * 9), 0, 9, type_table([kind], 8), array("Q", [0]), array("Q", [0]), stop
    )
    assert walked == 0
    assert stop[1] == walk.TOO_LONG


def test_a_full_neighbourhood_of_the_table_wraps_around(walk: ModuleType) -> None:
    found = Walked(walk, [*BYTES.words(3), *TEXT.words(2), *NODE.words()], slots=8)
    assert list(found.counts) == [1, 1, 1]


@pytest.mark.parametrize("size_code", ["I", "Q"])
def test_objects_are_listed_from_a_row_on(walk: ModuleType, size_code: str) -> None:
    words = [*NODE.words(), *TEXT.words(5), *BYTES.words(1)]
    addresses, types, stop = array("Q", [0] * 5), array("I", [9] * 5), array("Q", [0] * 3)
    sizes = array(size_code, [0] * 5)
    table = type_table(TYPES, 64)
    rows = walk.list_objects(array("Q", words), 0, len(words), table, 0x10000, 1, addresses, types, sizes, stop)
    assert rows == 3
    assert list(addresses) == [0, 0x10000, 0x10018, 0x10038, 0]
    assert list(types) == [9, 0, 1, 2, 9]
    assert list(sizes) == [0, 24, 32, 32, 0]


def test_a_listing_stops_where_the_columns_are_full(walk: ModuleType) -> None:
    words = NODE.words() * 4
    stop, sizes = array("Q", [0] * 3), array("I", [0] * 2)
    table = type_table(TYPES, 64)
    columns = array("Q", [0] * 2), array("I", [0] * 2), sizes
    assert walk.list_objects(array("Q", words), 0, 12, table, 0, 0, *columns, stop) == 2
    assert list(stop) == [6, walk.FULL, 3]


def find(walk: ModuleType, words: list[int], start: int = 0, chain: int = 3) -> tuple[int, int, int]:
    stop = array("Q", [0] * 3)
    table = type_table(TYPES, 64, [BROKEN])
    found = walk.find_object(array("Q", words), start, len(words), table, LOW, HIGH, chain, stop)
    return found, stop[0], stop[1]


def test_after_damage_the_next_chain_of_objects_is_found(walk: ModuleType) -> None:
    words = [0, 0x656C74746F62, BROKEN, 0, *NODE.words(), *TEXT.words(2), *NODE.words()]
    assert find(walk, words)[0] == 4


def test_a_type_handle_inside_an_object_is_not_taken_for_an_object(walk: ModuleType) -> None:
    words = [0, NODE.method_table, 0x1111, 0x2222, 0x3333, *NODE.words() * 3]
    assert find(walk, words)[0] == 5


def test_objects_that_end_exactly_at_the_end_are_enough(walk: ModuleType) -> None:
    assert find(walk, [7, 7, *NODE.words()])[0] == 2


def test_where_there_is_no_object_the_end_is_returned(walk: ModuleType) -> None:
    assert find(walk, [0, 1, LOW - 8, HIGH + 8, 5])[0] == 5


def test_a_possible_type_that_is_not_in_the_table_is_asked_for(walk: ModuleType) -> None:
    words = [0, *NODE.words(), 0x7F0000006000, 0, 0]
    assert find(walk, words) == (1, 4, walk.UNKNOWN_TYPE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([t.method_table for t in TYPES] + [BROKEN]),
            st.integers(0, 40),
            st.integers(0, 2**64 - 1),
        ),
        max_size=60,
    ),
    st.integers(0, 60),
)
def test_no_words_at_all_make_a_walk_leave_its_range(walk: ModuleType, words: list[int], start: int) -> None:
    end = len(words)
    found = Walked(walk, words)
    assert found.stop[0] <= end
    assert sum(found.sizes) == 8 * found.stop[0]
    position, _, reason = find(walk, words, min(start, end))
    assert position <= end
    assert reason in (walk.DONE, walk.UNKNOWN_TYPE)


class Selected:
    """What ``select_objects`` found in some words: positions, type indexes and sizes in bytes."""

    def __init__(
        self,
        walk: ModuleType,
        words: list[int],
        *,
        wanted: bytes = b"\0",
        before: int = 0,
        header: tuple[int, int] = (0, 0),
        rows: int = 8,
    ) -> None:
        addresses, sizes, self.stop = (array("Q", [0] * count) for count in (rows, rows, 3))
        types, table = array("I", [0] * rows), type_table(TYPES, 64, [BROKEN])
        columns = (0, addresses, types, sizes, self.stop)
        end = len(words)
        count = walk.select_objects(array("Q", words), 0, end, table, LOW, before, wanted, *header, *columns)
        self.rows = [((a - LOW) // 8, t, s) for a, t, s in zip(addresses, types, sizes, strict=True)][:count]


def test_objects_are_selected_by_type(walk: ModuleType) -> None:
    found = Selected(walk, [*NODE.words(), *TEXT.words(5), *NODE.words(), *BYTES.words(1)], wanted=b"\1\0\1")
    assert found.rows == [(0, 0, 24), (7, 0, 24), (10, 2, 32)]
    assert list(found.stop) == [14, walk.DONE, 10]


def test_objects_are_selected_by_the_header_before_them(walk: ModuleType) -> None:
    first, second, third = NODE.words(), NODE.words(), NODE.words()
    first[-1], second[-1] = 0x0800_0007 << 32, 0x0000_0007 << 32
    words = [*first, *second, *third]
    assert Selected(walk, words, header=(0x0800_0000, 0xFFFF)).rows == [(6, 0, 24)]
    assert Selected(walk, words, header=(0, 0xFFFF)).rows == [(3, 0, 24), (6, 0, 24)]
    assert Selected(walk, words, before=1 << 32, header=(0x0800_0000, 0xFFFF)).rows == [(0, 0, 24), (6, 0, 24)]


def test_a_selection_stops_where_its_columns_are_full_and_not_before(walk: ModuleType) -> None:
    words = [*NODE.words(), *TEXT.words(5), *NODE.words(), *TEXT.words(1)]
    full = Selected(walk, words, wanted=b"\1", rows=1)
    assert full.rows == [(0, 0, 24)]
    assert list(full.stop[:2]) == [7, walk.FULL]
    assert list(Selected(walk, words, wanted=b"\1", rows=2).stop[:2]) == [len(words), walk.DONE]
