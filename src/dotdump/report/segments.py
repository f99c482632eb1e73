"""Segments of the managed heap as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.records import replace
from dotdump.report.listing import Choice, choose
from dotdump.report.table import render_table

if TYPE_CHECKING:
    from dotdump.analysis.segments import SegmentList, SegmentRow

_HEADER = ("HEAP", "KIND", "RECORD", "START", "END", "BYTES", "COMMITTED", "RESERVED", "GENERATIONS")


def select(found: SegmentList, choice: Choice) -> SegmentList:
    """Return those segments only that ``choice`` wants; its pattern is searched in their kind."""
    keys = {
        "address": lambda row: int(row.start, 16),
        "size": lambda row: -row.size,
        "committed": lambda row: -row.committed,
        "heap": lambda row: row.heap,
        "kind": lambda row: row.kind,
    }
    return replace(found, segments=choose(found.segments, choice, lambda row: row.kind, keys))


def render_segments(found: SegmentList, width: int | None) -> str:
    """Return a table of the rows and a line of totals."""
    rows = [
        (s.heap, s.kind, s.address, s.start, s.end, f"{s.size:,}", f"{s.committed:,}", f"{s.reserved:,}", _starts(s))
        for s in found.segments
    ]
    table = render_table(_HEADER, rows, right=frozenset({0, 5, 6, 7}), width=width)
    totals = f"{found.size:,} bytes, {found.committed:,} committed, {found.reserved:,} more reserved"
    heaps = f"{found.heaps} heaps" if found.server else "one heap"
    kind = f"{'server' if found.server else 'workstation'} GC with {'regions' if found.regions else 'segments'}"
    return f"{table}\n\n{totals} ({found.runtime}, {kind}, {heaps})"


def _starts(row: SegmentRow) -> str:
    """Return where each generation of a segment starts that holds more than one."""
    if len(row.generations) == 1:
        return next(iter(row.generations))
    return ", ".join(f"{number} from {start}" for number, start in row.generations.items())
