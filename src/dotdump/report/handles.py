"""Handles as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.records import replace
from dotdump.report.counting import counted
from dotdump.report.listing import Choice, as_csv, choose
from dotdump.report.table import render_table

if TYPE_CHECKING:
    from dotdump.analysis.handles import HandleList, HandleStatistics

_HEADER = ("KIND", "HANDLE", "OBJECT", "BYTES", "DEPENDENT", "TYPE")
_TYPES_HEADER = ("KIND", "HANDLES", "BYTES", "TYPE")


def select(found: HandleList, choice: Choice) -> HandleList:
    """Return those handles only that ``choice`` wants; its pattern is searched in the name of the object's type."""
    keys = {
        "address": lambda row: int(row.address, 16),
        "kind": lambda row: (row.kind, int(row.address, 16)),
        "name": lambda row: (row.name, int(row.address, 16)),
        "size": lambda row: -(row.size or 0),
    }
    return replace(found, handles=choose(found.handles, choice, lambda row: row.name, keys))


def select_types(found: HandleStatistics, choice: Choice) -> HandleStatistics:
    """Return those rows only that ``choice`` wants."""
    keys = {
        "kind": lambda row: (row.kind, -row.count),
        "name": lambda row: (row.name, row.kind),
        "size": lambda row: -row.size,
    }
    return replace(found, types=choose(found.types, choice, lambda row: row.name, keys))


def render_handles(found: HandleList, width: int | None) -> str:
    """Return a table of handles and a line of totals."""
    rows = [(h.kind, h.address, h.object, _number(h.size), h.dependent or "", h.name) for h in found.handles]
    table = render_table(_HEADER, rows, right=frozenset({3}), width=width)
    return f"{table}\n\n{_totals(found)}"


def render_types(found: HandleStatistics, width: int | None) -> str:
    """Return a table of kinds and types and a line of totals."""
    rows = [(t.kind, f"{t.count:,}", f"{t.size:,}", t.name) for t in found.types]
    table = render_table(_TYPES_HEADER, rows, right=frozenset({1, 2}), width=width)
    return f"{table}\n\n{_totals(found)}"


def handles_csv(found: HandleList) -> str:
    """Return the handles as CSV."""
    from dotdump.analysis.handles import HandleRow

    return as_csv(HandleRow, found.handles)


def types_csv(found: HandleStatistics) -> str:
    """Return the kinds and types as CSV."""
    from dotdump.analysis.handles import HandleTypeRow

    return as_csv(HandleTypeRow, found.types)


def _totals(found: HandleList | HandleStatistics) -> str:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.kinds.items(), key=lambda k: -k[1]))
    return f"{counted(found.count, 'handle')}: {kinds or 'none'} ({found.runtime})"


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
