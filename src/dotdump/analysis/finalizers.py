"""Objects with finalizers: those registered in each generation, and those whose finalizer is to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.held_object import held_object
from dotdump.analysis.managed_stacks import stack_of
from dotdump.clr.contracts.walk_step import StepKind
from dotdump.errors import MemoryFault
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.contracts.finalize_queue import Finalizable
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Problem

_FINALIZER_RUN = 0x40000000
"""``BIT_SBLK_FINALIZER_RUN`` of an object's header (syncblk.h): ``GC.SuppressFinalize`` sets it."""

_FINALIZE = ".Finalize()"
_MANAGED = str(StepKind.MANAGED)
_STATES = ("registered", "ready", "critical")


@record
class FinalizableRow:
    """An object in the queue of ``heap``. ``state``: ``registered`` in ``generation``, ``ready``, or ``critical``.

    Both latter wait for the finalizer thread, which runs critical ones after all others. ``suppressed``: its finalizer
    will not run, as ``GC.SuppressFinalize`` was asked.
    """

    state: str
    generation: int | None
    address: str
    method_table: str | None
    name: str
    size: int | None
    suppressed: bool
    heap: int


@record
class FinalizableTypeRow:
    """How many objects of the type ``name`` are in the queues: in each state, and suppressed ones among them."""

    name: str
    count: int
    size: int
    registered: int
    ready: int
    suppressed: int


@record
class RunningFinalizer:
    """The finalizer ``method`` that the finalizer thread ``os_id`` is in; ``frame`` is its innermost managed method.

    All that is ready waits behind it.
    """

    os_id: int
    method: str
    frame: str


@record
class FinalizerList:
    """All objects in the queues in order; the counts are of all, also where only some are shown."""

    runtime: str
    registered: int
    ready: int
    running: RunningFinalizer | None
    objects: tuple[FinalizableRow, ...]
    problems: tuple[Problem, ...]


@record
class FinalizerStatistics:
    """The same by type, those of most objects first."""

    runtime: str
    registered: int
    ready: int
    running: RunningFinalizer | None
    types: tuple[FinalizableTypeRow, ...]
    problems: tuple[Problem, ...]


def list_finalizers(runtime: ClrRuntime, *, ready_only: bool = False) -> FinalizerList:
    """Return the objects in the queues, or those only whose finalizer is to run."""
    found = runtime.finalizable_objects()
    rows = tuple(_row(runtime, entry) for entry in found if entry.is_ready or not ready_only)
    ready = sum(entry.is_ready for entry in found)
    running = running_finalizer(runtime)
    return FinalizerList(runtime.name, len(found) - ready, ready, running, rows, tuple(runtime.root_problems))


def running_finalizer(runtime: ClrRuntime) -> RunningFinalizer | None:
    """Return the finalizer that runs; None where none does, and where no frame of it can be named."""
    thread = next((thread for thread in runtime.threads if thread.is_finalizer and thread.os_id), None)
    if thread is None:
        return None
    frames = [frame for stack in stack_of(runtime, thread).threads for frame in stack.frames]
    methods = [method for frame in frames if (method := frame.location.method) and frame.location.kind == _MANAGED]
    outermost = next((method for method in reversed(methods) if method.endswith(_FINALIZE)), None)
    return RunningFinalizer(thread.os_id, outermost, methods[0]) if outermost is not None else None


def by_type(found: FinalizerList) -> FinalizerStatistics:
    """Return the same objects added up by type."""
    groups: dict[str, list[FinalizableRow]] = {}
    for row in found.objects:
        groups.setdefault(row.name, []).append(row)
    rows = [_type_row(name, group) for name, group in groups.items()]
    rows.sort(key=lambda row: (-row.count, -row.size, row.name))
    return FinalizerStatistics(found.runtime, found.registered, found.ready, found.running, tuple(rows), found.problems)


def _type_row(name: str, rows: list[FinalizableRow]) -> FinalizableTypeRow:
    registered = sum(row.state == _STATES[0] for row in rows)
    return FinalizableTypeRow(
        name=name,
        count=len(rows),
        size=sum(row.size or 0 for row in rows),
        registered=registered,
        ready=len(rows) - registered,
        suppressed=sum(row.suppressed for row in rows),
    )


def _row(runtime: ClrRuntime, entry: Finalizable) -> FinalizableRow:
    held = held_object(runtime.heap, entry.target)
    return FinalizableRow(
        state=_STATES[0 if entry.generation is not None else 2 if entry.critical else 1],
        generation=entry.generation,
        address=f"{entry.target:#x}",
        method_table=held.method_table,
        name=held.name,
        size=held.size,
        suppressed=_is_suppressed(runtime, entry.target),
        heap=entry.heap,
    )


def _is_suppressed(runtime: ClrRuntime, address: int) -> bool:
    try:
        return bool(runtime.access.reader.u32(address - 4) & _FINALIZER_RUN)
    except MemoryFault:
        return False
