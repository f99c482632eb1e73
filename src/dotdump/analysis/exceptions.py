"""Exceptions of a heap: what each says, where it has been, what led to it, and which thread or task has it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from dotdump import limits
from dotdump.analysis.method_frames import MethodFrame, MethodFrames
from dotdump.analysis.statistics import generation_at, generation_names
from dotdump.clr.contracts.native_aot_types import NO_FIELDS
from dotdump.clr.contracts.progress import BytesDone
from dotdump.clr.model.exception import ClrException
from dotdump.clr.model.object import ClrObject
from dotdump.errors import UNREADABLE
from dotdump.records import record
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.model.rooted_graph import RootedGraph
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.value import Value

_TASK_HOLDER = "System.Threading.Tasks.TaskExceptionHolder"
_MESSAGE_LIMIT = 1 << 16
_Answer = TypeVar("_Answer")


class Holding(StrEnum):
    """How a thread or a task has an exception."""

    CURRENT = "current"
    """A thread throws or handles it at this moment."""
    NESTED = "nested"
    """A thread was handling it when another was thrown."""
    LAST_THROWN = "last thrown"
    """A thread has handled it, and threw no other since."""
    FAULTED = "faulted"
    """A task failed with it."""


@record
class Holder:
    """Who has an exception: a thread by ``os_id``, ``managed_id`` and ``name``, or the task at ``address``."""

    kind: str
    how: Holding
    address: str
    os_id: int | None = None
    managed_id: int | None = None
    name: str = ""


@record
class ExceptionRow:
    """An exception. ``message`` is None where the object has none and its type gives the text.

    ``hresult`` is None where it cannot be read.
    ``inner`` is the address of the one that led to it, ``inners`` of all that an ``AggregateException`` has.
    ``stack`` are the frames it passed since it was thrown, the newest first; ``remote_stack`` the lines of those before
    it was thrown again. ``problem`` says what of it could not be read.
    """

    address: str
    type: str
    method_table: str
    message: str | None
    hresult: int | None
    generation: str
    inner: str | None
    inner_type: str | None
    inners: tuple[str, ...]
    stack: tuple[MethodFrame, ...]
    remote_stack: tuple[str, ...]
    held_by: tuple[Holder, ...]
    problem: str | None = None


@record
class ExceptionList:
    """The exceptions of a heap by address; ``count`` is of all, also where only some are shown."""

    runtime: str
    count: int
    exceptions: tuple[ExceptionRow, ...]
    problems: tuple[Problem, ...]


def list_exceptions(runtime: ClrRuntime, progress: Progress | None = None) -> ExceptionList:
    """Return every exception of the heap."""
    found, holders = _objects(runtime, progress)
    reader = ExceptionReader(runtime)
    held = holders_of_threads(runtime)
    for address, holder in (pair for each in holders for pair in _faults(each)):
        held.setdefault(address, []).append(holder)
    walked = [reader.row(each, generation, tuple(held.get(each.address, ()))) for each, generation in found]
    rows = tuple(sorted((*walked, *_not_walked(runtime, reader, walked, held)), key=lambda row: int(row.address, 16)))
    problems = (*runtime.heap.problems, *runtime.thread_list.problems, *_damage(rows))
    return ExceptionList(runtime.name, len(rows), rows, problems)


def held_only(found: ExceptionList) -> ExceptionList:
    """Return those that a thread or a task has, with what led to them."""
    rows = {row.address: row for row in found.exceptions}
    waiting = [row.address for row in found.exceptions if row.held_by]
    kept: set[str] = set()
    while waiting:
        row = rows.get(waiting.pop())
        if row is None or row.address in kept:
            continue
        kept.add(row.address)
        waiting.extend(row.inners)
    chosen = tuple(row for row in found.exceptions if row.address in kept)
    return ExceptionList(found.runtime, len(chosen), chosen, found.problems)


def live_only(found: ExceptionList, rooted: RootedGraph) -> ExceptionList:
    """Return those that a root leads to; what could not be read of roots is a problem, too."""
    graph = rooted.graph
    rows = ((row, graph.find(int(row.address, 16))) for row in found.exceptions)
    chosen = tuple(row for row, index in rows if index is not None and graph.is_reachable(index))
    problems = tuple(dict.fromkeys((*found.problems, *graph.problems, *rooted.problems)))
    return ExceptionList(found.runtime, len(chosen), chosen, problems)


def holders_of_threads(runtime: ClrRuntime) -> dict[int, list[Holder]]:
    """Return which threads have an exception, by the address of the exception."""
    held: dict[int, list[Holder]] = {}
    for thread in runtime.threads:
        seen: set[int] = set()
        under_way = [
            (address, Holding.NESTED if n else Holding.CURRENT) for n, address in enumerate(thread.record.exceptions)
        ]
        for address, how in [*under_way, (thread.record.last_thrown, Holding.LAST_THROWN)]:
            if address and address not in seen:
                seen.add(address)
                where = (thread.os_id, thread.managed_id, thread.name)
                held.setdefault(address, []).append(Holder("thread", how, f"{thread.address:#x}", *where))
    return held


class ExceptionReader:
    """Makes rows of exceptions of one runtime."""

    def __init__(self, runtime: ClrRuntime) -> None:
        self._frames = MethodFrames(runtime)

    def row(self, found: ClrObject, generation: str = "", held_by: tuple[Holder, ...] = ()) -> ExceptionRow:
        """Return what there is to say of an exception; what cannot be read of it, the row says."""
        one, problems = ClrException(found), list[str]()

        def read(what: str, ask: Callable[[], _Answer]) -> _Answer | None:
            try:
                return ask() if found.type.keeps_fields else None
            except UNREADABLE as error:
                problems.append(f"{what}: {error}")
                return None

        inners, inner = read("inner exceptions", lambda: (one.inners, one.inner)) or ((), None)
        stack = read("stack trace", lambda: self._stack(one)) or ()
        texts = read("message", lambda: (one.message, one.hresult, one.remote_stack_trace))
        message, hresult, remote = texts or (None, None, None)
        return ExceptionRow(
            address=f"{found.address:#x}",
            type=found.type.name,
            method_table=f"{found.method_table:#x}",
            message=message[:_MESSAGE_LIMIT] if message is not None else None,
            hresult=hresult,
            generation=generation,
            inner=f"{inner.address:#x}" if inner is not None else None,
            inner_type=inner.type_name if inner is not None else None,
            inners=tuple(f"{each.address:#x}" for each in inners),
            stack=stack,
            remote_stack=tuple(line.strip() for line in (remote or "").splitlines() if line.strip()),
            held_by=held_by,
            problem="; ".join(problems) or (None if found.type.keeps_fields else NO_FIELDS),
        )

    def _stack(self, one: ClrException) -> tuple[MethodFrame, ...]:
        return tuple(self._frames.frame(each.method_desc, each.ip, each.sp) for each in one.stack_trace)


def _objects(runtime: ClrRuntime, progress: Progress | None) -> tuple[list[tuple[ClrObject, str]], list[ClrObject]]:
    """Return the exceptions of a heap with their generations, and what tasks keep theirs in."""
    heap = runtime.heap
    spans = list(generation_names(heap.segments))
    advance = BytesDone(progress, "objects", sum(span.end - span.start for span, _ in spans))
    exceptions: list[tuple[ClrObject, str]] = []
    holders: list[ClrObject] = []

    def wanted(shape: ObjectShape) -> bool:
        if shape.is_free:
            return False
        kind = runtime.type_at(shape.method_table)
        return kind.name == _TASK_HOLDER or kind.is_exception

    for span, name in spans:
        for found in heap.matching([span], wanted, advance):
            if found.type.name == _TASK_HOLDER:
                holders.append(found)
            else:
                exceptions.append((found, name))
    return exceptions, holders


def _not_walked(
    runtime: ClrRuntime, reader: ExceptionReader, walked: Iterable[ExceptionRow], held: dict[int, list[Holder]]
) -> Iterator[ExceptionRow]:
    """Yield what a walk has not found, as in a small dump: what threads and tasks have, and what led to any."""
    known = {int(row.address, 16) for row in walked}
    waiting = [*held, *(int(inner, 16) for row in walked for inner in row.inners)]
    while waiting:
        address = waiting.pop()
        if address in known:
            continue
        known.add(address)
        try:
            found = runtime.heap.object(address)
            if not found.type.is_exception:
                continue
            generation = generation_at(runtime.heap, address)
        except UNREADABLE:
            continue
        row = reader.row(found, generation, tuple(held.get(address, ())))
        waiting.extend(int(inner, 16) for inner in row.inners)
        yield row


def _faults(holder: ClrObject) -> Iterator[tuple[int, Holder]]:
    """Yield what a task keeps: the address of an exception, and the task."""
    try:
        task = holder["m_task"]
        if not isinstance(task, ClrObject):
            return
        held = Holder("task", Holding.FAULTED, f"{task.address:#x}", name=task.type.name)
        for info in _dispatched(holder):
            exception = _first_field(info, "_exception", "m_Exception")
            if isinstance(exception, ClrObject):
                yield exception.address, held
    except UNREADABLE:
        return


def _dispatched(holder: ClrObject) -> Iterator[ClrObject]:
    faults, cancelled = holder["m_faultExceptions"], holder["m_cancellationException"]
    items = _first_field(faults, "_items") if isinstance(faults, ClrObject) else None
    array = items.array if isinstance(items, ClrObject) else None
    for value in (*(array.elements(0, limits.INNER_EXCEPTIONS) if array is not None else ()), cancelled):
        if isinstance(value, ClrObject):
            yield value


def _first_field(of: ClrObject, *names: str) -> Value:
    return next((of[name] for name in names if of.type.find_field(name) is not None), None)


def _damage(rows: tuple[ExceptionRow, ...]) -> Iterator[Problem]:
    """Yield what could not be read: what is so of all of them is said once."""
    if any(row.problem == NO_FIELDS for row in rows):
        yield Problem("exceptions", f"what exceptions say, and where they were thrown, is not known: {NO_FIELDS}")
        return
    for row in rows:
        if row.problem is not None:
            yield Problem("exceptions", f"the {row.type} at {row.address}: {row.problem}")
