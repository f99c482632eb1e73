"""Heap statistics by type and by module: chosen, as tables for people, and as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dotdump.analysis.statistics import FREE, GENERATIONS
from dotdump.records import replace
from dotdump.report.counting import counted
from dotdump.report.listing import choose, csv_text
from dotdump.report.table import render_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dotdump.analysis.statistics import Amount, GenerationRow, HeapStatistics, ModuleStatistics
    from dotdump.report.listing import Choice

_KEYS: dict[str, Any] = {
    "size": lambda row: (-row.size, row.name),
    "count": lambda row: (-row.count, row.name),
    "name": lambda row: row.name,
}


def select_types(statistics: HeapStatistics, choice: Choice) -> HeapStatistics:
    """Return the statistics with the rows only that ``choice`` wants; totals stay."""
    return replace(statistics, types=choose(statistics.types, choice, lambda row: row.name, _KEYS))


def select_modules(statistics: ModuleStatistics, choice: Choice) -> ModuleStatistics:
    """Return the statistics with the rows only that ``choice`` wants; totals stay."""
    return replace(statistics, modules=choose(statistics.modules, choice, lambda row: row.name, _KEYS))


def render_types(statistics: HeapStatistics, width: int | None, *, wide: bool = False) -> str:
    """Return a table of the types, with ``wide`` a column for each generation, one of generations, and totals."""
    columns = [row.name for row in statistics.generations] if wide else []
    header = ("METHODTABLE", "COUNT", "BYTES", *(name.upper() for name in columns), "TYPE")
    rows = [
        (row.method_table, f"{row.count:,}", f"{row.size:,}", *_parts(row.generations, columns), row.name)
        for row in statistics.types
    ]
    table = render_table(header, rows, right=frozenset(range(1, 3 + len(columns))), width=width)
    return f"{table}\n\n{_foot(statistics, width)}"


def render_modules(statistics: ModuleStatistics, width: int | None, *, wide: bool = False) -> str:
    """Return a table of the modules, with ``wide`` a column for each generation, one of generations, and totals."""
    columns = [row.name for row in statistics.generations] if wide else []
    header = ("TYPES", "COUNT", "BYTES", *(name.upper() for name in columns), "MODULE")
    rows = [
        (
            f"{row.types:,}",
            f"{row.count:,}",
            f"{row.size:,}",
            *_parts(row.generations, columns),
            row.name or "(unknown)",
        )
        for row in statistics.modules
    ]
    table = render_table(header, rows, right=frozenset(range(3 + len(columns))), width=width)
    return f"{table}\n\n{_foot(statistics, width)}"


def types_csv(statistics: HeapStatistics) -> str:
    """Return the types as CSV: bytes by generation in the last columns."""
    header = ("method_table", "name", "module", "count", "size", *GENERATIONS)
    rows = ((r.method_table, r.name, r.module, r.count, r.size, *_bytes(r.generations)) for r in statistics.types)
    return csv_text(header, rows)


def modules_csv(statistics: ModuleStatistics) -> str:
    """Return the modules as CSV: bytes by generation in the last columns."""
    header = ("name", "types", "count", "size", *GENERATIONS)
    return csv_text(header, ((r.name, r.types, r.count, r.size, *_bytes(r.generations)) for r in statistics.modules))


def _foot(statistics: HeapStatistics | ModuleStatistics, width: int | None) -> str:
    table = _generation_table(statistics.generations, width)
    objects = counted(statistics.objects, "object")
    totals = f"{objects}, {statistics.bytes:,} bytes, {statistics.free_bytes:,} bytes free"
    server = "server" if statistics.server else "workstation"
    return f"{table}\n\n{totals} ({statistics.runtime}, {server} GC)"


def _generation_table(generations: Sequence[GenerationRow], width: int | None) -> str:
    header = ("GENERATION", "USED", "OBJECTS", "BYTES", FREE.upper(), "HOLES", "FRAGMENTED")
    rows = [
        (g.name, *(f"{n:,}" for n in (g.used, g.count, g.size, g.free, g.holes)), f"{g.fragmentation:.0%}")
        for g in generations
    ]
    return render_table(header, rows, right=frozenset(range(1, 7)), width=width)


def _parts(generations: Mapping[str, Amount], columns: Sequence[str]) -> list[str]:
    return [f"{generations[name].size:,}" if name in generations else "" for name in columns]


def _bytes(generations: Mapping[str, Amount]) -> list[int]:
    return [generations[name].size if name in generations else 0 for name in GENERATIONS]
