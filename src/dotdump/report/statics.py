"""Static fields as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.records import replace
from dotdump.report.counting import counted
from dotdump.report.listing import Choice, as_csv, choose
from dotdump.report.table import render_table

if TYPE_CHECKING:
    from dotdump.analysis.statics import StaticList, StaticRow

_HEADER = ("THREAD", "FIELD", "TYPE", "OBJECT", "VALUE")
_SHOWN = 100


def select(found: StaticList, choice: Choice) -> StaticList:
    """Return those statics only that ``choice`` wants, totals stay; its pattern was searched before, in full names."""
    keys = {
        "name": lambda row: (row.name, row.thread or 0),
        "size": lambda row: -(row.size or 0),
        "address": lambda row: int(row.address, 16),
    }
    return replace(found, statics=choose(found.statics, replace(choice, pattern=None), lambda row: row.name, keys))


def render_statics(found: StaticList, width: int | None) -> str:
    """Return a table of the rows and a line of totals."""
    rows = [(s.thread or "", s.name, s.type, s.object or "", _value(s)) for s in found.statics]
    table = render_table(_HEADER, rows, right=frozenset({0}), width=width)
    return f"{table}\n\n{counted(found.count, 'static field')} ({found.runtime})"


def statics_csv(found: StaticList) -> str:
    """Return the rows as CSV."""
    from dotdump.analysis.statics import StaticRow

    return as_csv(StaticRow, found.statics)


def _value(row: StaticRow) -> str:
    text = row.value if len(row.value) <= _SHOWN else row.value[:_SHOWN] + "…"
    return text if row.initialized else f"{text} (not initialized)"
