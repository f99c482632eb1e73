"""Objects with finalizers as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.records import replace
from dotdump.report.counting import counted
from dotdump.report.listing import Choice, as_csv, choose
from dotdump.report.table import render_table

if TYPE_CHECKING:
    from dotdump.analysis.finalizers import FinalizableRow, FinalizerList, FinalizerStatistics

_HEADER = ("STATE", "OBJECT", "BYTES", "TYPE")
_TYPES_HEADER = ("OBJECTS", "REGISTERED", "READY", "SUPPRESSED", "BYTES", "TYPE")


def select(found: FinalizerList, choice: Choice) -> FinalizerList:
    """Return those objects only that ``choice`` wants; its pattern is searched in the name of the type."""
    keys = {"size": lambda row: -(row.size or 0), "name": lambda row: (row.name, int(row.address, 16))}
    return replace(found, objects=choose(found.objects, choice, lambda row: row.name, keys))


def select_types(found: FinalizerStatistics, choice: Choice) -> FinalizerStatistics:
    """Return those types only that ``choice`` wants."""
    keys = {"size": lambda row: -row.size, "name": lambda row: row.name}
    return replace(found, types=choose(found.types, choice, lambda row: row.name, keys))


def render_objects(found: FinalizerList, width: int | None) -> str:
    """Return a table of objects and a line of totals."""
    rows = [(_state(o), o.address, "" if o.size is None else f"{o.size:,}", o.name) for o in found.objects]
    table = render_table(_HEADER, rows, right=frozenset({2}), width=width)
    return f"{table}\n\n{_totals(found)}"


def render_types(found: FinalizerStatistics, width: int | None) -> str:
    """Return a table of types and a line of totals."""
    rows = [
        (f"{t.count:,}", f"{t.registered:,}", f"{t.ready:,}", f"{t.suppressed:,}", f"{t.size:,}", t.name)
        for t in found.types
    ]
    table = render_table(_TYPES_HEADER, rows, right=frozenset(range(5)), width=width)
    return f"{table}\n\n{_totals(found)}"


def objects_csv(found: FinalizerList) -> str:
    """Return the objects as CSV."""
    from dotdump.analysis.finalizers import FinalizableRow

    return as_csv(FinalizableRow, found.objects)


def types_csv(found: FinalizerStatistics) -> str:
    """Return the types as CSV."""
    from dotdump.analysis.finalizers import FinalizableTypeRow

    return as_csv(FinalizableTypeRow, found.types)


def _state(row: FinalizableRow) -> str:
    state = row.state if row.generation is None else f"{row.state} in {row.generation}"
    return f"{state}, suppressed" if row.suppressed else state


def _totals(found: FinalizerList | FinalizerStatistics) -> str:
    objects = counted(found.registered, "object")
    totals = f"{objects} registered, {found.ready:,} ready to be finalized ({found.runtime})"
    if found.running is None:
        return totals
    within = "" if found.running.frame == found.running.method else f", at {found.running.frame}"
    return f"{totals}\nfinalizer thread {found.running.os_id} is in {found.running.method}{within}"
