"""Tasks: how far each is by its flags, and what goes on when it ends, through everything that may stand between."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from builders.managed import NamedObject, NamedType
from dotdump.analysis.tasks import TaskStatus, awaited_by, continuations_of, task_status
from dotdump.clr.model.value import Unreadable
from dotdump.errors import FormatError

if TYPE_CHECKING:
    from dotdump.clr.model.runtime import ClrRuntime

TASK, BOX = "System.Threading.Tasks.Task", "AsyncTaskMethodBuilder<A>+AsyncStateMachineBox<B>"


class NoMethods:
    """A runtime that knows no method."""

    def method_called(self, _entry: int) -> None:
        return None


def made(address: int, name: str, *bases: str, elements: list[object] | None = None, **fields: object) -> NamedObject:
    return NamedObject(address, NamedType(name, fields, bases=bases), elements)


def task(address: int, continuation: object = None, flags: int = 0) -> NamedObject:
    return made(address, TASK, m_stateFlags=flags, m_continuationObject=continuation, m_action=None)


def delegate(address: int, target: object) -> NamedObject:
    bases = ("System.MulticastDelegate", "System.Delegate")
    return made(address, "System.Action", *bases, _target=target, _methodPtr=8, _methodPtrAux=8)


def after(continuation: object) -> list[int]:
    """The addresses of what goes on after a task at 1."""
    found = continuations_of(cast("ClrRuntime", NoMethods()), task(1, continuation))
    return sorted(each.address for each in found)


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        (0, "Created"),
        (0x400, "Created"),
        (0x2000400, "WaitingForActivation"),
        (0x10000, "WaitingToRun"),
        (0x30000, "Running"),
        (0x830000, "WaitingForChildrenToComplete"),
        (0x1030000, "RanToCompletion"),
        (0x5000400, "RanToCompletion"),
        (0x6600000, "Faulted"),
        (0x6400000, "Canceled"),
    ],
)
def test_the_status_of_a_task_is_that_of_its_flags(flags: int, status: str) -> None:
    found = task_status(task(1, flags=flags))
    assert found == status
    assert found.is_completed is (status in ("RanToCompletion", "Faulted", "Canceled"))
    assert found in TaskStatus


def test_what_goes_on_after_a_task_is_found_through_what_stands_between() -> None:
    next_task, box = task(0x20), made(0x30, BOX, StateMachine=None)
    assert after(None) == []
    assert after(made(9, "System.Object")) == []
    assert after(next_task) == [0x20]
    assert after(delegate(9, box)) == [0x30]
    assert after(made(9, "StandardTaskContinuation", m_task=next_task)) == [0x20]
    assert after(made(9, "AwaitTaskContinuation", m_action=delegate(10, box))) == [0x30]
    assert after(delegate(9, made(10, "ContinuationWrapper", _continuation=delegate(11, box)))) == [0x30]


def test_a_list_of_continuations_and_circles_among_them_end() -> None:
    wrapper = made(10, "ContinuationWrapper", _continuation=None)
    wrapper.named.fields["_continuation"] = delegate(11, wrapper)
    items = made(0x60, "System.Object[]", elements=[task(0x20), task(0x40), None, delegate(9, wrapper), task(0x50)])
    assert after(made(8, "System.Collections.Generic.List<System.Object>", _items=items, _size=4)) == [0x20, 0x40]


def test_what_leads_no_further_is_an_end_itself() -> None:
    assert after(delegate(9, None)) == [9]
    assert after(delegate(9, made(10, "Program+<>c"))) == [9]
    assert after(made(9, "System.Threading.Tasks.Task+SetOnInvokeMres")) == [9]


def test_a_reference_to_no_object_is_no_end() -> None:
    with pytest.raises(FormatError, match="task: no object at 0x8"):
        after(Unreadable("no object at 0x8"))
    broken = made(9, "T[]", elements=[Unreadable("no object")])
    with pytest.raises(FormatError, match="no object"):
        after(made(8, "System.Collections.Generic.List<T>", _items=broken, _size=1))


def test_a_method_without_state_awaits_nothing() -> None:
    assert awaited_by(made(1, BOX, StateMachine=None)) is None
