"""Tables: what is shortened where a terminal is narrow, and what never is."""

import fcntl
import os
import pty
import struct
import termios

import pytest

from dotdump.cli.console import Console
from dotdump.report.table import render_table

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
