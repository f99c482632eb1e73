from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_variants import VARIANTS, load

if TYPE_CHECKING:
    from types import ModuleType

LINE = b"7f0000001000-7f0000003000 r-xp 00002000 fe:01 4242                       /opt/a b/libcoreclr.so\n"
SMALL = b"1000-2000 rw-s 0 00:00 0"
USE = b"Size:                  8 kB\nRss:                   4 kB\nVmFlags: rd wr mr \n"
ANY_CASE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
Rows = list[tuple[int, ...]]


@pytest.fixture(params=VARIANTS)
def map_text(request: pytest.FixtureRequest) -> ModuleType:
    return load("map_text", request.param)


def parsed(map_text: ModuleType, text: bytes) -> tuple[int, Rows, list[int], Rows]:
    """Return what ``parse_lines`` returns, and the rows, their rights, and the paths that it fills."""
    most = text.count(b"\n") + 1
    filled, rights = array("Q", bytes(8 * (map_text.COLUMNS * most + 1))), bytearray(most)
    count = map_text.parse_lines(text, filled, rights)
    columns = [filled[column * most : (column + 1) * most] for column in range(map_text.COLUMNS)]
    rows = [tuple(column[row] for column in columns[:5]) for row in range(count)]
    paths = [tuple(column[row] for column in columns[5:]) for row in range(filled[-1])]
    return count, rows, list(rights[: max(count, 0)]), paths


def summed(map_text: ModuleType, text: bytes, room: int = 4) -> tuple[int, int, Rows]:
    state, rows = array("q", bytes(8 * 4)), array("q", bytes(8 * map_text.USE_WIDTH * room))
    end = map_text.sum_uses(text, 0, state, rows)
    numbers = iter(rows[: state[map_text.FILLED]])
    return end, state[map_text.RESIDENT], list(zip(*[numbers] * map_text.USE_WIDTH, strict=True))


def test_a_line_is_a_row(map_text: ModuleType) -> None:
    row = (0x7F0000001000, 0x7F0000003000, 0x2000, 1 << 32 | 0xFE, 4242)
    assert parsed(map_text, LINE) == (1, [row], [5], [(0, LINE.index(b"/opt"), len(LINE) - 1)])


def test_empty_lines_are_passed_over_and_a_path_may_be_missing(map_text: ModuleType) -> None:
    count, _, rights, paths = parsed(map_text, b"\n" + SMALL + b"\n\n" + LINE + SMALL + b" ")
    assert (count, rights) == (3, [14, 5, 14])
    assert [path[0] for path in paths] == [1]


def test_the_greatest_numbers_are_read(map_text: ModuleType) -> None:
    line = b"0-ffffffffffffffff ---p ffffffffffffffff ffffffff:ffffffff 18446744073709551615"
    most = (1 << 64) - 1
    assert parsed(map_text, line) == (1, [(0, most, most, most, most)], [0], [])


@pytest.mark.parametrize(
    "line",
    [
        *(b"x", b"1000-2000", b"1000-2000 rw-p", b"1000-2000 rw-p 0 00:00", b"1000-2000 rw-p 0 0000 0"),
        *(b"1000-2000 zzzz 0 00:00 0", b"1000-2000 rw-x 0 00:00 0", b"1000-2000 wr-p 0 00:00 0"),
        *(b"2000-1000 rw-p 0 00:00 0", b"1000-1000 rw-p 0 00:00 0", b"1000  2000 rw-p 0 00:00 0"),
        *(b"-1000 rw-p 0 00:00 0", b"1000-2000 rw-p 0 00:00 a", b"1000-2000 rw-p 0 00:00 0/a"),
        *(
            b"0-10000000000000000 rw-p 0 00:00 0",
            b"1000-2000 rw-p 0 100000000:00 0",
            b"1000-2000 rw-p 0 00:100000000 0",
        ),
        *(b"1000-2000 rw-p 0 00:00 18446744073709551616", b"1000-2000 rw-p 0 00:00 99999999999999999999"),
        *(b"A000-B000 rw-p 0 00:00 0", b"0x10-0x20 rw-p 0 00:00 0", b"1000-2000 rw-p  0 00:00 0"),
    ],
)
def test_where_a_line_begins_that_is_none_is_told(map_text: ModuleType, line: bytes) -> None:
    assert parsed(map_text, LINE + line + b"\n" + LINE)[0] == -1 - len(LINE)


def test_what_is_resident_is_summed_up(map_text: ModuleType) -> None:
    text = (LINE + USE) * 3
    assert summed(map_text, text) == (len(text), 12, [])


def test_an_entry_that_is_not_whole_is_left(map_text: ModuleType) -> None:
    text = LINE + USE
    for size in range(len(text)):
        assert summed(map_text, text + text[:size]) == (len(text), 4, [])


@pytest.mark.parametrize("flag", [b"ht", b"ui", b"um", b"uw", b"wf", b"r", b"r d"])
def test_flags_that_matter_and_ones_that_are_none_are_left_to_the_caller(map_text: ModuleType, flag: bytes) -> None:
    text = LINE + USE.replace(b"wr", flag)
    row = (0, len(LINE) - 1, text.index(b"\nRss:"), text.index(b"\nVmFlags:"), len(text) - 1)
    assert summed(map_text, text) == (len(text), 0, [row])


@pytest.mark.parametrize("number", [b"4", b"x kB", b" kB", b"4 MB", b"4  kB", b"-4 kB", b"9999999999999999 kB"])
def test_numbers_that_are_none_are_left_to_the_caller(map_text: ModuleType, number: bytes) -> None:
    text = LINE + USE.replace(b"4 kB", number)
    assert [row[0] for row in summed(map_text, text)[2]] == [0]


def test_shared_memory_is_left_to_the_caller_as_far_as_there_is_room(map_text: ModuleType) -> None:
    one = SMALL + b"\n" + USE
    end, resident, rows = summed(map_text, one * 5, room=3)
    assert (end, resident, [row[0] for row in rows]) == (3 * len(one), 0, [0, len(one), 2 * len(one)])


@given(st.binary(max_size=120), st.integers(0, 200), st.integers(0, 40))
@ANY_CASE
def test_any_bytes_are_answered_alike(inserted: bytes, at: int, cut: int) -> None:
    text = (LINE + USE) * 2 + SMALL + b"\n" + USE
    text = text[:at] + inserted + text[at + cut :]
    answers = [(parsed(one, text), summed(one, text)) for one in (load("map_text", name) for name in VARIANTS)]
    assert answers[0] == answers[1]
