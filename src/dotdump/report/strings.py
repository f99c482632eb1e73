"""Strings of a heap as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.value_text import quoted
from dotdump.records import replace
from dotdump.report.counting import counted
from dotdump.report.listing import Choice, as_csv, choose
from dotdump.report.table import render_table

if TYPE_CHECKING:
    from dotdump.analysis.strings import StringRow, StringStatistics

_HEADER = ("COPIES", "LENGTH", "BYTES", "WASTED", "FIRST AT", "TEXT")
_SHOWN = 100


def select(found: StringStatistics, choice: Choice) -> StringStatistics:
    """Return those rows only that ``choice`` wants; its pattern was searched before, in whole texts."""
    keys = {
        "wasted": lambda row: (-row.wasted, -row.size, row.text),
        "count": lambda row: (-row.count, -row.size, row.text),
        "size": lambda row: (-row.size, row.text),
        "length": lambda row: (-row.length, row.text),
        "text": lambda row: row.text,
    }
    texts = choose(found.texts, replace(choice, pattern=None), lambda row: row.text, keys)
    return replace(found, texts=texts)


def render_strings(found: StringStatistics, width: int | None) -> str:
    """Return a table of the rows and a line of totals."""
    rows = [(f"{s.count:,}", f"{s.length:,}", f"{s.size:,}", f"{s.wasted:,}", s.address, _text(s)) for s in found.texts]
    table = render_table(_HEADER, rows, right=frozenset({0, 1, 2, 3}), width=width)
    share = f" ({found.wasted / found.bytes:.0%})" if found.bytes else ""
    totals = f"{counted(found.strings, 'string')}, {found.distinct:,} different, {found.bytes:,} bytes"
    return f"{table}\n\n{totals}, {found.wasted:,} wasted by copies{share} ({found.runtime})"


def strings_csv(found: StringStatistics) -> str:
    """Return the rows as CSV."""
    from dotdump.analysis.strings import StringRow

    return as_csv(StringRow, found.texts)


def _text(row: StringRow) -> str:
    cut = row.text[:_SHOWN]
    return quoted(cut + "…" if row.length > len(cut) else cut)
