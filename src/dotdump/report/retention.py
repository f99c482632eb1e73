"""Retained sizes and leak suspects: chosen, as tables for people, and as CSV."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dotdump.analysis.root_paths import group_text
from dotdump.analysis.rooted_heap import RootGroup
from dotdump.records import replace
from dotdump.report.counting import counted
from dotdump.report.listing import as_csv, choose, csv_text
from dotdump.report.root_paths import path_lines
from dotdump.report.table import printable, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.retention import LiveTotals, RetainedObjects, RetainedRoot, RetainedRoots, RetainedTypes
    from dotdump.analysis.suspects import LeakSuspect, LeakSuspects
    from dotdump.report.listing import Choice

_KEYS: dict[str, Any] = {
    "retained": lambda row: (-row.retained, row.name),
    "size": lambda row: (-row.size, row.name),
    "count": lambda row: (-row.count, row.name),
    "name": lambda row: row.name,
}


def select_types(found: RetainedTypes, choice: Choice) -> RetainedTypes:
    """Return the rows only that ``choice`` wants; totals stay."""
    return replace(found, types=choose(found.types, choice, lambda row: row.name, _KEYS))


def select_roots(found: RetainedRoots, choice: Choice) -> RetainedRoots:
    """Return the rows only that ``choice`` wants, by their names or by what their rows read; totals stay."""
    search = re.compile(choice.pattern or "").search
    rows = (row for row in found.roots if search(row.name or row.kind) or search(_root_text(row)))
    return replace(found, roots=choose(rows, replace(choice, pattern=None), _root_text, _KEYS))


def select_suspects(found: LeakSuspects, choice: Choice) -> LeakSuspects:
    """Return the suspects only that ``choice`` wants; totals stay."""
    return replace(found, suspects=choose(found.suspects, choice, lambda row: row.name, _KEYS))


def render_objects(found: RetainedObjects, width: int | None) -> str:
    """Return a table of objects, and what lives."""
    header = ("ADDRESS", "BYTES", "RETAINED", "SHARE", "DOMINATOR", "TYPE")
    rows = [
        (r.address, f"{r.size:,}", f"{r.retained:,}", f"{r.share:.1%}", r.dominator or "(roots)", r.name)
        for r in found.objects
    ]
    table = render_table(header, rows, right=frozenset((1, 2, 3)), width=width)
    return f"{table}\n\n{live_text(found.live)}"


def render_types(found: RetainedTypes, width: int | None) -> str:
    """Return a table of types, and what lives."""
    header = ("METHODTABLE", "COUNT", "BYTES", "RETAINED", "SHARE", "TYPE")
    rows = [
        (r.method_table, f"{r.count:,}", f"{r.size:,}", f"{r.retained:,}", f"{r.share:.1%}", r.name)
        for r in found.types
    ]
    table = render_table(header, rows, right=frozenset((1, 2, 3, 4)), width=width)
    return f"{table}\n\n{live_text(found.live)}"


def render_roots(found: RetainedRoots, width: int | None) -> str:
    """Return a table of roots, and what lives."""
    header = ("COUNT", "RETAINED", "SHARE", "ROOT")
    rows = [(f"{r.count:,}", f"{r.retained:,}", f"{r.share:.1%}", _root_text(r)) for r in found.roots]
    table = render_table(header, rows, right=frozenset((0, 1, 2)), width=width)
    return f"{table}\n\n{live_text(found.live)}"


def render_suspects(found: LeakSuspects, width: int | None, *, of: int = 0, before: int = 0) -> str:
    """Return each suspect with its reason, the way to it and what it holds; they are those chosen ``of`` so many.

    ``before`` of them are left out.
    """
    del width
    parts = ["\n".join(_suspect(number, suspect)) for number, suspect in enumerate(found.suspects, before + 1)]
    if not parts:
        retains = f"retains {found.threshold:.0%} of what lives"
        parts = [f"none of {of:,} suspects is of that kind: each {retains}" if of else f"nothing {retains}"]
    return "\n\n".join([*parts, live_text(found.live)])


def objects_csv(found: RetainedObjects) -> str:
    """Return the objects as CSV."""
    from dotdump.analysis.retention import RetainedObject

    return as_csv(RetainedObject, found.objects)


def types_csv(found: RetainedTypes) -> str:
    """Return the types as CSV."""
    from dotdump.analysis.retention import RetainedType

    return as_csv(RetainedType, found.types)


def roots_csv(found: RetainedRoots) -> str:
    """Return the roots as CSV."""
    from dotdump.analysis.retention import RetainedRoot

    return as_csv(RetainedRoot, found.roots)


def suspects_csv(found: LeakSuspects) -> str:
    """Return the suspects as CSV, without what they hold."""
    header = ("name", "count", "retained", "share", "address", "point", "point_name", "reason")
    rows = (
        (
            s.name,
            s.count,
            s.retained,
            s.share,
            s.object.address if s.object else "",
            s.point.address if s.point else "",
            s.point.name if s.point else "",
            s.reason,
        )
        for s in found.suspects
    )
    return csv_text(header, rows)


def live_text(live: LiveTotals) -> str:
    """Return what lives and what does not, as a line."""
    garbage = f"{counted(live.garbage_count, 'object')}, {live.garbage_size:,} bytes of garbage"
    shared = f"{live.shared:,} bytes held by several roots"
    return f"{counted(live.count, 'object')}, {live.size:,} bytes live ({shared}); {garbage}"


def _root_text(row: RetainedRoot) -> str:
    return group_text(RootGroup(row.kind, row.name))


def _suspect(number: int, suspect: LeakSuspect) -> Iterator[str]:
    yield printable(f"{number}. {suspect.share:.0%}, {suspect.retained:,} bytes: {suspect.reason}")
    if suspect.path is not None:
        yield from (printable(line) for line in path_lines(suspect.path, "   "))
    point = suspect.point
    if point is not None and suspect.object is not None and point.address != suspect.object.address:
        yield printable(f"   comes together in {point.address}  {point.name}, {point.retained:,} bytes")
    for held in suspect.holds:
        yield printable(f"   holds {held.count:,} {held.name}, {held.retained:,} bytes")
