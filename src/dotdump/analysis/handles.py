"""Handles: slots outside the heap that hold objects, one by one or added up by kind and type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.held_object import held_object
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.contracts.handles import Handle
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Problem


@record
class HandleRow:
    """The handle of ``kind`` at ``address``, which holds ``object``: its MethodTable, type name, size in bytes.

    ``dependent``: what a dependent handle keeps alive as long as the object lives. ``heap``: whose table it is in.
    """

    kind: str
    address: str
    object: str
    method_table: str | None
    name: str
    size: int | None
    dependent: str | None
    heap: int


@record
class HandleTypeRow:
    """How many handles of ``kind`` hold objects of the type ``name``, and the bytes of those, each time counted."""

    kind: str
    name: str
    count: int
    size: int


@record
class HandleList:
    """All handles by table, kind and address; ``kinds`` counts all of each kind, also where only some are shown."""

    runtime: str
    count: int
    kinds: dict[str, int]
    handles: tuple[HandleRow, ...]
    problems: tuple[Problem, ...]


@record
class HandleStatistics:
    """Handles by kind and type, those of most objects first."""

    runtime: str
    count: int
    kinds: dict[str, int]
    types: tuple[HandleTypeRow, ...]
    problems: tuple[Problem, ...]


def list_handles(runtime: ClrRuntime, kinds: frozenset[str] = frozenset()) -> HandleList:
    """Return the handles of ``kinds``, of all kinds by default."""
    counts: dict[str, int] = {}
    rows = []
    for handle in runtime.handles():
        counts[handle.kind.title] = counts.get(handle.kind.title, 0) + 1
        if not kinds or handle.kind.title in kinds:
            rows.append(_row(runtime, handle))
    problems = tuple(runtime.root_problems)
    return HandleList(runtime.name, sum(counts.values()), counts, tuple(rows), problems)


def by_type(found: HandleList) -> HandleStatistics:
    """Return the same handles added up by kind and type."""
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for row in found.handles:
        count, size = totals.get((row.kind, row.name), (0, 0))
        totals[row.kind, row.name] = count + 1, size + (row.size or 0)
    rows = [HandleTypeRow(kind, name, count, size) for (kind, name), (count, size) in totals.items()]
    rows.sort(key=lambda row: (-row.count, -row.size, row.kind, row.name))
    return HandleStatistics(found.runtime, found.count, found.kinds, tuple(rows), found.problems)


def _row(runtime: ClrRuntime, handle: Handle) -> HandleRow:
    held = held_object(runtime.heap, handle.target)
    return HandleRow(
        kind=handle.kind.title,
        address=f"{handle.address:#x}",
        object=f"{handle.target:#x}",
        method_table=held.method_table,
        name=held.name,
        size=held.size,
        dependent=f"{handle.secondary:#x}" if handle.secondary else None,
        heap=handle.heap,
    )
