"""Asynchronous stacks: which methods stand at an ``await``, for what, and who awaits them; equal ones are one group.

A stack begins with a method that awaits no other and goes on with what continues when it ends, up to what nothing
awaits. Methods that wait for the same one have a stack each.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.analysis.collection_items import number_of
from dotdump.analysis.delegates import read_delegate
from dotdump.analysis.outward_ways import outward_ways
from dotdump.analysis.statistics import generation_names
from dotdump.analysis.tasks import (
    awaited_by,
    continuations_of,
    is_async_box,
    is_task,
    state_machine,
    task_status,
)
from dotdump.clr.contracts.progress import BytesDone
from dotdump.clr.model.object import ClrObject
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import UNREADABLE, UnsupportedRuntime
from dotdump.formats.source_names import source_name
from dotdump.records import record, replace
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.model.runtime import ClrRuntime


@record
class AsyncFrame:
    """What waits: an object of ``type`` at ``address``, and the ``method`` that it is, as its source calls that.

    ``state`` numbers the ``await`` at which an asynchronous method stands, from 0 in the order of its source; None of
    a task that is none. ``method`` is empty where no method belongs to it.
    """

    address: str
    type: str
    method: str
    state: int | None = None


@record
class AsyncStack:
    """``count`` stacks of the same methods in the same states, the innermost first; addresses are those of one.

    ``awaits`` is the type of what the innermost waits for, at ``awaits_address``, and ``awaits_status`` how far that is
    where it is a task; None where it runs, or where its awaiter does not say.
    """

    count: int
    awaits: str | None
    awaits_address: str | None
    awaits_status: str | None
    frames: tuple[AsyncFrame, ...]


@record
class AsyncStacks:
    """Groups of ``count`` stacks, the largest first; ``tasks`` counts all tasks of the heap by their status."""

    runtime: str
    count: int
    tasks: dict[str, int]
    stacks: tuple[AsyncStack, ...]
    problems: tuple[Problem, ...]


def list_async_stacks(runtime: ClrRuntime, progress: Progress | None = None) -> AsyncStacks:
    """Return what every asynchronous method that has not ended waits for, and who awaits it.

    Raises ``UnsupportedRuntime`` for NativeAOT, whose programs keep no record of fields.
    """
    if runtime.kind is RuntimeKind.NATIVE_AOT:
        raise UnsupportedRuntime(runtime.version, "the fields of tasks of NativeAOT")
    walk = _Walk(runtime)
    waiting, statuses = walk.find(progress)
    groups: dict[tuple[object, ...], AsyncStack] = {}
    for stack in walk.stacks(waiting):
        key = (stack.awaits, *((frame.type, frame.method, frame.state) for frame in stack.frames))
        known = groups.get(key)
        groups[key] = stack if known is None else replace(known, count=known.count + 1)
    rows = tuple(sorted(groups.values(), key=lambda stack: -stack.count))
    problems = (*runtime.heap.problems, *walk.problems)
    return AsyncStacks(runtime.name, sum(row.count for row in rows), dict(statuses.most_common()), rows, problems)


class _Walk:
    """What waits for what in one heap; what is damaged goes to ``problems``."""

    def __init__(self, runtime: ClrRuntime) -> None:
        self._runtime = runtime
        self._continuations: dict[int, list[ClrObject]] = {}
        self._frames: dict[int, AsyncFrame] = {}
        self.problems: list[Problem] = []

    def find(self, progress: Progress | None) -> tuple[list[ClrObject], Counter[str]]:
        """Return the asynchronous methods that have not ended, and how many tasks of each status there are."""
        waiting: list[ClrObject] = []
        statuses: Counter[str] = Counter()
        for found in self._tasks(progress):
            try:
                status = task_status(found) if is_task(found.type) else None
                if status is not None:
                    statuses[status.value] += 1
                is_over = status.is_completed if status is not None else awaited_by(found) is None
                if is_async_box(found.type) and not is_over:
                    waiting.append(found)
            except UNREADABLE as error:
                self._note(found, error)
        return waiting, statuses

    def _tasks(self, progress: Progress | None) -> Iterator[ClrObject]:
        runtime, heap = self._runtime, self._runtime.heap

        def wanted(shape: ObjectShape) -> bool:
            if shape.is_free:
                return False
            try:
                kind = runtime.type_at(shape.method_table)
                return is_task(kind) or is_async_box(kind)
            except UNREADABLE as error:
                self.problems.append(Problem("tasks", f"the type at {shape.method_table:#x}: {error}"))
                return False

        spans = [span for span, _ in generation_names(heap.segments)]
        return heap.matching(spans, wanted, BytesDone(progress, "tasks", sum(s.end - s.start for s in spans)))

    def stacks(self, waiting: Sequence[ClrObject]) -> Iterator[AsyncStack]:
        """Yield a stack for each way from a method that awaits no other to what nothing awaits."""
        left = limits.ASYNC_FRAMES
        for way in outward_ways(waiting, self._after):
            left -= len(way)
            if left < 0:
                self.problems.append(Problem("tasks", f"more than {limits.ASYNC_FRAMES:,} frames: not all are shown"))
                return
            yield self._stack(way)

    def _after(self, found: ClrObject) -> list[ClrObject]:
        known = self._continuations.get(found.address)
        if known is None:
            known = []
            try:
                known = continuations_of(self._runtime, found)
            except UNREADABLE as error:
                self._note(found, error)
            self._continuations[found.address] = known
        return known

    def _stack(self, way: Sequence[ClrObject]) -> AsyncStack:
        awaits = status = None
        try:
            awaits = awaited_by(way[0])
            status = task_status(awaits) if awaits is not None and is_task(awaits.type) else None
        except UNREADABLE as error:
            self._note(way[0], error)
        return AsyncStack(
            1,
            awaits.type.name if awaits is not None else None,
            f"{awaits.address:#x}" if awaits is not None else None,
            status.value if status is not None else None,
            tuple(map(self._frame, way)),
        )

    def _frame(self, found: ClrObject) -> AsyncFrame:
        if found.address not in self._frames:
            method, state = "", None
            try:
                method, state = self._method_of(found)
            except UNREADABLE as error:
                self._note(found, error)
            self._frames[found.address] = AsyncFrame(f"{found.address:#x}", found.type.name, method, state)
        return self._frames[found.address]

    def _method_of(self, found: ClrObject) -> tuple[str, int | None]:
        """Return the method that belongs to an object, and at which await it stands."""
        machine = state_machine(found) if is_async_box(found.type) else None
        if machine is not None:
            name = machine.type.name
            return source_name(name, "MoveNext") or name, number_of(machine, "<>1__state")
        action = found["m_action"] if is_task(found.type) else found
        delegate = read_delegate(self._runtime, action) if isinstance(action, ClrObject) else None
        method = delegate.method if delegate is not None else None
        return (method.source_name or method.signature if method is not None else ""), None

    def _note(self, found: ClrObject, error: Exception) -> None:
        self.problems.append(Problem("tasks", f"the {found.type.name} at {found.address:#x}: {error}"))
