"""Tables: what is shortened where a terminal is narrow, and what never is."""

from __future__ import annotations

import ctypes
import fcntl
import locale
import os
import pty
import struct
import termios
from typing import TYPE_CHECKING

import pytest

from dotdump.cli.console import Console
from dotdump.report.table import fitted, printable, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = ("ADDRESS", "BYTES", "HELD BY", "TYPE")
ROWS = [
    ("0x7f3a5c001000", "1,234,567,890", "0x7f3a5c002000", "System.Collections.Generic.Dictionary<System.String>"),
    ("0x7f3a5c001018", "24", "(roots)", "System.String"),
]


@pytest.mark.parametrize("width", [1, 40, 60, 80])
def test_texts_are_shortened_and_numbers_and_addresses_never(width: int) -> None:
    lines = render_table(HEADER, ROWS, right=frozenset({1}), width=width).splitlines()
    for row, line in zip(ROWS, lines[1:], strict=True):
        assert line.split()[:3] == list(row[:3])
    assert "…" in lines[1]
    assert max(map(len, lines)) == max(width, 14 + 13 + 14 + 8 + 6)


def test_a_text_of_the_letters_of_numbers_is_no_number() -> None:
    line = render_table(("NAME",), [("cafe-babe" * 9,)], width=20).splitlines()[1]
    assert len(line) == 20


def test_nothing_is_shortened_where_it_fits_or_there_is_no_terminal() -> None:
    whole = render_table(HEADER, ROWS)
    assert "…" not in whole
    assert render_table(HEADER, ROWS, width=max(map(len, whole.splitlines()))) == whole


@pytest.mark.parametrize(("columns", "width"), [(0, None), (1, 1), (120, 120)])
def test_a_terminal_of_0_columns_has_not_been_told_its_width(columns: int, width: int | None) -> None:
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 0, columns, 0, 0))
        with open(theirs, "w", closefd=False) as terminal:
            assert Console(stdout=terminal).width == width
    finally:
        os.close(ours)
        os.close(theirs)


NAMES = ["plain", "数据库服务", "cafe\u0301", "\uff57\uff49\uff44\uff45", "हिन्दी", "👩 emoji"]


def columns(text: str) -> int:
    return sum(map(terminal_columns, text))


def terminal_columns(character: str) -> int:
    """Return what a terminal says; the C library asks its own tables."""
    return ctypes.CDLL(None).wcwidth(ctypes.c_wchar(character))  # type: ignore[no-any-return] # ctypes returns an int


@pytest.fixture
def wide_characters() -> Iterator[None]:
    """Have the C library know all characters."""
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    yield
    locale.setlocale(locale.LC_CTYPE, before)


@pytest.mark.usefixtures("wide_characters")
@pytest.mark.parametrize("width", [None, 12])
def test_columns_stand_below_each_other_whatever_the_script(width: int | None) -> None:
    table = render_table(("NAME", "BYTES"), [(name, 7) for name in NAMES], right=frozenset({1}), width=width)
    assert {columns(line) for line in table.splitlines()} == {columns(table.splitlines()[0])}


@pytest.mark.parametrize("width", range(12))
def test_what_is_shortened_fits(width: int) -> None:
    for name in NAMES:
        assert columns(fitted(name * 3, width or None)) <= width or not width


def test_a_mark_stays_with_what_it_combines_with() -> None:
    assert fitted("e\u0301" * 9, 5) == "e\u0301e\u0301…e\u0301e\u0301"


def test_a_byte_of_a_name_that_is_no_text_is_escaped_as_that_byte_where_a_terminal_could_obey_it() -> None:
    assert printable(b"sh\x9b2J\xff\x1b".decode("utf-8", "surrogateescape")) == "sh\\x9b2J\udcff\\x1b"
