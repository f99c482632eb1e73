"""Threads that have no stack, where the runtime's own library is asked for stacks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Self, cast

from dotdump.analysis import dac_stacks as module
from dotdump.analysis.dac_stacks import dac_stacks
from dotdump.clr.contracts.threads import ThreadState
from dotdump.clr.dac.native_dac import DacThread
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import DacFailed

if TYPE_CHECKING:
    import pytest

    from dotdump.clr.dac.native_dac import DacFrame
    from dotdump.target.model import Target


class Dac:
    """Knows a thread that runs, one that has ended and one that has not started; it walks no other than the first."""

    def __init__(self, *_: object) -> None:
        self._states = {42: ThreadState.BACKGROUND, 0: ThreadState.DEAD, -1: ThreadState.UNSTARTED}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def threads(self) -> list[DacThread]:
        states = self._states.items()
        return [
            DacThread(0, n, max(tid, 0), state, cooperative=False, lock_count=0, allocation=(0, 0), frame=0)
            for n, (tid, state) in enumerate(states)
        ]

    def stack(self, os_id: int, _most: int) -> list[DacFrame]:
        if not os_id:
            raise DacFailed(f"the DAC cannot walk thread {os_id}")
        return []


def test_a_thread_that_has_ended_or_has_not_started_has_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NativeDac", Dac)
    monkeypatch.setattr(module, "find_dac", lambda *_: "")
    found = SimpleNamespace(kind=RuntimeKind.CORECLR, module=None)
    monkeypatch.setattr(module, "runtime_modules", lambda _: [found])
    target = cast("Target", SimpleNamespace(threads=(), modules=(), process=SimpleNamespace(pid=1, name="shop")))
    told = [(thread.managed_id, thread.end) for thread in dac_stacks(target).threads]
    assert told == [
        (0, "what the DAC told"),
        (1, "no stack: the thread has ended"),
        (2, "no stack: the thread has not started"),
    ]
