"""Tasks: how far each is, and what goes on when it ends.

Source of truth: Task.cs, TaskContinuation.cs, AsyncTaskMethodBuilderT.cs, PoolingAsyncValueTaskMethodBuilderT.cs and
ManualResetValueTaskSourceCore.cs from 3.1 to 10.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.analysis.collection_items import array_of, number_of, values_of
from dotdump.analysis.delegates import read_delegate
from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.value import ClrStruct, Unreadable
from dotdump.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.type import ClrType
    from dotdump.clr.model.value import Value

TASK = "System.Threading.Tasks.Task"
_BOX = "StateMachineBox<"
_LIST = "System.Collections.Generic.List<"
_NEXT_TASK, _NEXT_ACTION = "m_task", "m_action"
_WRAPPED = "_continuation"
_SOURCES = ("_valueTaskSource", "<>v__promiseOfValueOrEnd")
"""What a pooled box has in place of a task, and an asynchronous iterator beside it."""


class TaskStatus(StrEnum):
    """``TaskStatus`` of .NET."""

    CREATED = "Created"
    WAITING_FOR_ACTIVATION = "WaitingForActivation"
    WAITING_TO_RUN = "WaitingToRun"
    RUNNING = "Running"
    WAITING_FOR_CHILDREN = "WaitingForChildrenToComplete"
    RAN_TO_COMPLETION = "RanToCompletion"
    CANCELED = "Canceled"
    FAULTED = "Faulted"

    @property
    def is_completed(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self in (TaskStatus.RAN_TO_COMPLETION, TaskStatus.CANCELED, TaskStatus.FAULTED)


_FLAGS = (
    (0x200000, TaskStatus.FAULTED),
    (0x400000, TaskStatus.CANCELED),
    (0x1000000, TaskStatus.RAN_TO_COMPLETION),
    (0x800000, TaskStatus.WAITING_FOR_CHILDREN),
    (0x20000, TaskStatus.RUNNING),
    (0x10000, TaskStatus.WAITING_TO_RUN),
    (0x2000000, TaskStatus.WAITING_FOR_ACTIVATION),
)
"""Flags of ``m_stateFlags`` in the order in which ``Task.Status`` asks for them."""


def is_task(kind: ClrType) -> bool:
    """Return whether a type is ``Task`` or derived from it."""
    return any(each.name == TASK for each in kind.hierarchy)


def is_async_box(kind: ClrType) -> bool:
    """Return whether objects of a type keep the state of an asynchronous method on the heap."""
    return _BOX in kind.name and kind.find_field("StateMachine") is not None


def task_status(task: ClrObject) -> TaskStatus:
    """Return how far a task is; raises ``MemoryFault`` where its flags are not there."""
    flags = number_of(task, "m_stateFlags")
    return next((status for flag, status in _FLAGS if flags & flag), TaskStatus.CREATED)


def continuations_of(runtime: ClrRuntime, found: ClrObject) -> list[ClrObject]:
    """Return what goes on when a task or an asynchronous method ends: boxes, tasks, else what is called.

    Raises ``MemoryFault``, ``ClrError`` and ``FormatError`` where that cannot be read.
    """
    ends: dict[int, ClrObject] = {}
    seen: set[int] = set()
    waiting = list(_registered(found))
    while waiting and len(seen) < limits.TASK_CONTINUATIONS:
        value = _readable(waiting.pop())
        if not isinstance(value, ClrObject) or value.address in seen:
            continue
        seen.add(value.address)
        through = _through(runtime, value)
        if through is None:
            ends[value.address] = value
        waiting.extend(through or ())
    return list(ends.values())


def awaited_by(found: ClrObject) -> ClrObject | None:
    """Return what an asynchronous method awaits at this moment; None where it runs or has not begun.

    Its awaiters are fields of the state machine, which the compiler clears as soon as one is done.
    """
    machine = state_machine(found)
    for field, value in machine.values() if machine is not None else ():
        if field.name.startswith("<>u__") and (awaited := _first_object(value)) is not None:
            return awaited
    return None


def state_machine(found: ClrObject) -> ClrStruct | ClrObject | None:
    """Return the state machine in a box: a struct, or an object where the program was built for debugging."""
    machine = found["StateMachine"]
    return machine if isinstance(machine, ClrStruct | ClrObject) else None


def _registered(found: ClrObject) -> Iterator[Value]:
    """Yield what was registered with an object to be called when it ends."""
    if is_task(found.type):
        yield found["m_continuationObject"]
    places: list[ClrObject | ClrStruct] = [found]
    if is_async_box(found.type) and (machine := state_machine(found)) is not None:
        places.append(machine)
    for place in places:
        for name in _SOURCES:
            if place.type.find_field(name) is not None and isinstance(source := place[name], ClrStruct):
                state = source["_continuationState"]
                yield state if isinstance(state, ClrObject) else source["_continuation"]


def _through(runtime: ClrRuntime, value: ClrObject) -> list[Value] | None:
    """Return where a registered object leads, nothing where it stands for nothing, None where it is an end itself."""
    kind = value.type
    if kind.name == "System.Object":  # a mark for "completed"
        return []
    if is_task(kind) or is_async_box(kind):
        return None
    if kind.name.startswith(_LIST):
        count = min(number_of(value, "_size"), limits.TASK_CONTINUATIONS)
        return list(values_of(array_of(value, "_items"), count))
    delegate = read_delegate(runtime, value)
    if delegate is not None:
        return _of_target(delegate.target)
    for name in (_NEXT_TASK, _NEXT_ACTION):
        if kind.find_field(name) is not None:
            return [value[name]]
    return None


def _of_target(target: ClrObject | None) -> list[Value] | None:
    """Return where a delegate leads by what it is called on: a box, or what wraps another delegate."""
    if target is None:
        return None
    if is_task(target.type) or is_async_box(target.type):
        return [target]
    return [target[_WRAPPED]] if target.type.find_field(_WRAPPED) is not None else None


def _readable(value: Value) -> Value:
    """Return ``value``; raises ``FormatError`` where it is a reference to no object."""
    if isinstance(value, Unreadable):
        raise FormatError(value.reason, source="task")
    return value


def _first_object(value: Value, depth: int = 0) -> ClrObject | None:
    """Return the first object that an awaiter refers to: in it, or in structs in it."""
    value = _readable(value)
    if isinstance(value, ClrObject):
        return value
    if isinstance(value, ClrStruct) and depth < limits.AWAITER_DEPTH:
        found = (_first_object(inner, depth + 1) for _, inner in value.values())
        return next((each for each in found if each is not None), None)
    return None
