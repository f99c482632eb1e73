"""Static fields with their values, thread statics once for each thread that has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dotdump.analysis.held_object import held_object
from dotdump.analysis.value_text import text_of
from dotdump.errors import MemoryFault
from dotdump.records import record
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.static import ClrStatic


@record
class StaticRow:
    """The static field ``name`` (``Type.Field``), declared as ``type``, which lies at ``address``.

    ``object`` is what it refers to, or the box of its value, of ``size`` bytes. ``thread``: whose it is.
    ``initialized``: whether the class constructor has run, or there is none.
    """

    name: str
    type: str
    value: str
    address: str
    object: str | None
    size: int | None
    thread: int | None
    initialized: bool
    method_table: str


@record
class StaticList:
    """Statics by module and type, ``count`` before any were left out.

    ``problems``: those of the heap too, whose types lead to all others.
    """

    runtime: str
    count: int
    statics: tuple[StaticRow, ...]
    problems: tuple[Problem, ...]


def list_statics(
    runtime: ClrRuntime, pattern: str | None = None, *, threads_only: bool = False, images: bool = False
) -> StaticList:
    """Return the statics whose full name ``pattern`` is found in.

    ``threads_only``: only those that each thread has one of. ``images``: also what lies in the image and never changes.
    """
    wanted = re.compile(pattern) if pattern else None
    found = (
        static
        for static in runtime.statics()
        if (images or not static.field.is_rva)
        and (static.thread is not None or not threads_only)
        and (wanted is None or wanted.search(static.name))
    )
    rows = tuple(_row(runtime, static) for static in found)
    problems = (*runtime.heap.problems, *runtime.static_finder.problems, *_unsupported(runtime))
    return StaticList(runtime.name, len(rows), rows, problems)


def _unsupported(runtime: ClrRuntime) -> list[Problem]:
    if runtime.static_finder.supported:
        return []
    text = f"where {runtime.kind} keeps statics, and what they are called, is not known"
    return [Problem("statics", text)]


def _row(runtime: ClrRuntime, static: ClrStatic) -> StaticRow:
    target = _object(static)
    return StaticRow(
        name=static.name,
        type=static.field.type_name,
        value=text_of(static.value),
        address=f"{static.address:#x}",
        object=f"{target:#x}" if target else None,
        size=held_object(runtime.heap, target).size if target else None,
        thread=static.thread.os_id if static.thread is not None else None,
        initialized=static.initialized,
        method_table=f"{static.type.method_table:#x}",
    )


def _object(static: ClrStatic) -> int:
    try:
        return static.object
    except MemoryFault:
        return 0
