"""Growth between two dumps: chosen, as tables for people, and as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dotdump.analysis.root_paths import group_text
from dotdump.analysis.rooted_heap import RootGroup
from dotdump.records import replace
from dotdump.report.counting import counted
from dotdump.report.listing import choose, csv_text
from dotdump.report.retention import live_text
from dotdump.report.table import printable, render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.analysis.growth import HeapGrowth, TypeGrowth
    from dotdump.report.listing import Choice

_SHOWN_ROOTS = 10
_KEYS: dict[str, Any] = {
    "size": lambda row: (-row.size.growth, row.name),
    "count": lambda row: (-row.count.growth, row.name),
    "retained": lambda row: (-row.retained.growth, row.name),
    "name": lambda row: row.name,
}


def select_types(found: HeapGrowth, choice: Choice) -> HeapGrowth:
    """Return the types only that ``choice`` wants, and of the ways those to matching types."""
    types = choose(found.types, choice, lambda row: row.name, _KEYS)
    names = replace(choice, limit=None, offset=0, sort="")
    return replace(found, types=types, paths=choose(found.paths, names, lambda row: row.type, {}))


def render_growth(found: HeapGrowth, width: int | None) -> str:
    """Return types, roots and ways that grew, and what lives in each dump."""
    parts = [_type_table(found, width), _root_table(found, width), *_paths(found)]
    same = f"; {counted(found.same, 'object')} in both" if found.same is not None else "; not two dumps of one process"
    foot = (f"before: {live_text(found.live_before)}", f"after:  {live_text(found.live_after)}{same}")
    return "\n\n".join([*parts, "\n".join(foot)])


def types_csv(found: HeapGrowth) -> str:
    """Return the types as CSV."""
    numbers = ("count", "size", "retained")
    header = (
        "name",
        "module",
        *(f"{n}{end}" for n in numbers for end in ("_before", "_after", "_growth")),
        "new",
        "gone",
    )
    return csv_text(header, (_cells(row) for row in found.types))


def _cells(row: TypeGrowth) -> Sequence[object]:
    changes = [number for c in (row.count, row.size, row.retained) for number in (c.before, c.after, c.growth)]
    return (row.name, row.module, *changes, row.new, row.gone)


def _type_table(found: HeapGrowth, width: int | None) -> str:
    header = ("COUNT", "GROWTH", "BYTES", "GROWTH", "RETAINED", "GROWTH", "NEW", "GONE", "TYPE")
    rows = [
        (
            *(
                cell
                for change in (r.count, r.size, r.retained)
                for cell in (f"{change.after:,}", f"{change.growth:+,}")
            ),
            "" if r.new is None else f"{r.new:,}",
            "" if r.gone is None else f"{r.gone:,}",
            r.name,
        )
        for r in found.types
    ]
    return render_table(header, rows, right=frozenset(range(8)), width=width)


def _root_table(found: HeapGrowth, width: int | None) -> str:
    header = ("COUNT", "GROWTH", "RETAINED", "GROWTH", "ROOT")
    rows = [
        (
            *(cell for change in (r.count, r.retained) for cell in (f"{change.after:,}", f"{change.growth:+,}")),
            group_text(RootGroup(r.kind, r.name)),
        )
        for r in found.roots[:_SHOWN_ROOTS]
    ]
    return render_table(header, rows, right=frozenset(range(4)), width=width)


def _paths(found: HeapGrowth) -> list[str]:
    lines = [f"  {row.count.growth:+,} objects, {row.size.growth:+,} bytes: {row.name}" for row in found.paths]
    return [_text("ways that lead to more than before:", *lines)] if lines else []


def _text(*lines: str) -> str:
    return "\n".join(printable(line) for line in lines)
