"""Which threads' stacks are told of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.analysis import managed_stacks
from dotdump.analysis.managed_stacks import list_stacks, stack_of
from dotdump.clr.runtime_module import RuntimeKind

if TYPE_CHECKING:
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.thread import ClrThread


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A runtime in a container, where ids of the system are small: 7 is also the managed id of the thread before."""
    monkeypatch.setattr(managed_stacks, "NativeStacks", lambda *_: None)
    monkeypatch.setattr(managed_stacks._ManagedStacks, "_stack_of", lambda _self, thread, _walked: thread)
    monkeypatch.setattr(managed_stacks._ManagedStacks, "_walk", lambda *_: ((), ""))
    return SimpleNamespace(
        kind=RuntimeKind.CORECLR,
        stack_walker=SimpleNamespace(native=None),
        target=SimpleNamespace(process=SimpleNamespace(pid=1, name="shop"), threads=()),
        threads=[SimpleNamespace(os_id=12, managed_id=7), SimpleNamespace(os_id=7, managed_id=2)],
        version="10.0",
        thread_problems=(),
    )


def test_the_stack_of_a_thread_is_not_that_of_one_with_its_number_as_managed_id(runtime: SimpleNamespace) -> None:
    clr, thread = cast("ClrRuntime", runtime), cast("ClrThread", runtime.threads[1])
    (found,) = stack_of(clr, thread).threads
    assert found.managed_id == 2


def test_who_asks_by_number_is_told_of_all_that_have_it(runtime: SimpleNamespace) -> None:
    assert list_stacks(cast("ClrRuntime", runtime), threads=[7]).threads == tuple(runtime.threads)
