"""Which of the fit threads runs our system calls, and with which options: processes and their filters are made up."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.linux.ptrace import Option
from dotdump.linux.stop import TracedThread
from dotdump.linux.thread_state import GENERAL, ThreadState
from dotdump.target import injecting
from dotdump.target.injecting import injection_of

if TYPE_CHECKING:
    from dotdump.linux.gadgets import Gadgets
    from dotdump.linux.process_memory import ProcessMemory
    from dotdump.target.stopping import StoppedProcess

STOPPED = cast("StoppedProcess", SimpleNamespace(world=SimpleNamespace(pid=1, stopped=[]), states=[]))
MEMORY = cast("ProcessMemory", None)


CODE = cast("Gadgets", SimpleNamespace(still_there=lambda _: True))
NO_CODE = cast("Gadgets", SimpleNamespace(still_there=lambda _: False))


WITH_TILES = bytes(11_008)
"""An XSAVE area that has room for AMX's tiles, none of them in use."""


def state(tid: int) -> ThreadState:
    return ThreadState(tid, bytes(GENERAL.size), b"", WITH_TILES, b"", 0)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> dict[int, bool]:
    """Return the fit threads, best first, and whether they have a filter; to be filled."""
    filtered: dict[int, bool] = {}
    monkeypatch.setattr(injecting, "fit_threads", lambda *_: [(TracedThread(tid), state(tid)) for tid in filtered])
    monkeypatch.setattr(injecting, "Injection", lambda thread, state, _: (thread, state))
    monkeypatch.setattr(injecting, "_is_filtered", lambda _, tid: filtered[tid])
    return filtered


def made(code: "Gadgets" = CODE, *, forks: bool = False) -> tuple[tuple[TracedThread, ThreadState], Option] | None:
    found = injection_of(STOPPED, [], MEMORY, code, forks=forks)
    return cast("tuple[tuple[TracedThread, ThreadState], Option] | None", found)


def chosen(code: "Gadgets" = CODE) -> tuple[int, Option] | None:
    found = made(code)
    return None if found is None else (found[0][0].tid, found[1])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({7: False, 8: True}, (7, Option.NONE)),
        ({7: True, 8: False}, (8, Option.NONE)),
        ({7: True, 8: True}, (7, Option.SUSPEND_SECCOMP)),
        (dict.fromkeys(range(7, 500), True) | {500: False}, (7, Option.SUSPEND_SECCOMP)),
        ({}, None),
    ],
)
def test_a_thread_without_a_filter_is_preferred_and_filters_are_suspended(
    process: dict[int, bool], filters: dict[int, bool], expected: tuple[int, Option] | None
) -> None:
    process.update(filters)
    assert chosen() == expected


def test_without_the_code_to_run_there_is_no_injection(process: dict[int, bool]) -> None:
    process[7] = False
    assert chosen(NO_CODE) is None


def test_the_state_to_go_back_to_has_no_tiles_that_are_not_in_use(process: dict[int, bool]) -> None:
    """The kernel takes no room for them from a thread that may not use them, and then nothing but SSE's registers."""
    process[7] = False
    found = made()
    assert found is not None
    assert len(found[0][1].extended) == 2696


def test_a_thread_whose_child_would_be_init_of_a_namespace_does_not_fork(
    process: dict[int, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    process.update({7: False, 8: False})
    monkeypatch.setattr(injecting, "_keeps_children", lambda _, tid: tid == 8)
    forking, other = made(forks=True), made()
    assert forking is not None
    assert forking[0][0].tid == 8
    assert other is not None
    assert other[0][0].tid == 7
