"""Heap statistics as a table for people and as CSV."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from dotdump.report.table import render_table

if TYPE_CHECKING:
    from dotdump.analysis.statistics import HeapStatistics, TypeRow

SORTS = ("size", "count", "name")


def select(statistics: HeapStatistics, pattern: str | None, sort: str, limit: int | None) -> HeapStatistics:
    """Return the statistics with those rows only whose name matches, sorted, at most ``limit``; totals stay."""
    wanted = re.compile(pattern) if pattern else None
    rows = [row for row in statistics.types if wanted is None or wanted.search(row.name)]
    rows.sort(key=lambda row: _key(row, sort))
    return replace(statistics, types=tuple(rows[:limit]))


def _key(row: TypeRow, sort: str) -> tuple[int, str]:
    return {"size": -row.size, "count": -row.count, "name": 0}[sort], row.name


def render_heap(statistics: HeapStatistics, width: int | None) -> str:
    """Return a table of the rows and a line of totals."""
    rows = [(row.method_table, f"{row.count:,}", f"{row.size:,}", row.name) for row in statistics.types]
    table = render_table(("METHODTABLE", "COUNT", "BYTES", "TYPE"), rows, right=frozenset({1, 2}), width=width)
    totals = f"{statistics.objects:,} objects, {statistics.bytes:,} bytes, {statistics.free_bytes:,} bytes free"
    return f"{table}\n\n{totals} ({statistics.runtime}, {'server' if statistics.server else 'workstation'} GC)"


def heap_csv(statistics: HeapStatistics) -> str:
    """Return the rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("method_table", "name", "count", "size"))
    writer.writerows((row.method_table, row.name, row.count, row.size) for row in statistics.types)
    return text.getvalue()
