"""Why a process died whose exception is damaged."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from builders.managed import NamedObject, NamedType, exception
from dotdump.analysis import crash
from dotdump.analysis.crash import Cause, Crash, explain_crash
from dotdump.formats.core_notes import Siginfo
from dotdump.target.model import Thread

if TYPE_CHECKING:
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.core import CoreTarget


SI_TKILL = -6
WAIT4, FUTEX = 61, 202


def summary_of(thrown: ClrObject, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what is said of a process that aborted while a thread threw this."""
    monkeypatch.setattr(crash, "list_stacks", lambda *_, **__: SimpleNamespace(threads=()))
    thread = SimpleNamespace(os_id=42, managed_id=1, name="main", exceptions=(thrown,), current_exception=thrown)
    target = SimpleNamespace(
        signal=Siginfo(signal.SIGABRT, SI_TKILL),
        threads=[Thread(42, {}, signal.SIGABRT, 0)],
        process=SimpleNamespace(pid=42, name="shop"),
    )
    runtime = SimpleNamespace(threads=[thread], thread_problems=())
    report = explain_crash(cast("CoreTarget", target), cast("ClrRuntime", runtime))
    assert report.cause is Cause.UNHANDLED_EXCEPTION
    return report.summary


def test_the_exception_and_what_led_to_it_are_in_the_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = exception(0x2000, "Inner", _message="no room")
    assert "The exception was Outer, caused by Inner: no room." in summary_of(
        exception(0x1000, "Outer", _innerException=inner), monkeypatch
    )


def test_what_was_thrown_and_is_no_exception_does_not_hide_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    said = summary_of(NamedObject(0x1000, NamedType("<type at 0x5000>")), monkeypatch)
    assert said.startswith('process 42 shop died because thread 42 "main" threw an exception that nobody handled.')
    assert "The exception was one that cannot be read." in said


def cause_of(monkeypatch: pytest.MonkeyPatch, told: Siginfo | None, major: int, calls: dict[int, int]) -> Crash:
    """Return what is said of a process whose threads are in these system calls; 42 and 43 are those of the program."""
    monkeypatch.setattr(crash, "list_stacks", lambda *_, **__: SimpleNamespace(threads=()))
    thrown = exception(0x1000, "Oops")
    threads = [
        SimpleNamespace(os_id=42, managed_id=1, name="main", exceptions=(), current_exception=None),
        SimpleNamespace(os_id=43, managed_id=2, name="worker", exceptions=(thrown,), current_exception=thrown),
    ]
    target = SimpleNamespace(
        signal=told,
        origin=object(),
        threads=[Thread(tid, {"orig_rax": call}, 0, 0) for tid, call in calls.items()],
        process=SimpleNamespace(pid=42, name="shop"),
    )
    runtime = SimpleNamespace(threads=threads, thread_problems=(), access=SimpleNamespace(major=major))
    return explain_crash(cast("CoreTarget", target), cast("ClrRuntime", runtime))


@pytest.mark.parametrize("told", [None, Siginfo(signal.SIGABRT)], ids=["ours", "theirs"])
def test_before_6_the_thread_that_waits_for_createdump_is_the_one_that_died(
    monkeypatch: pytest.MonkeyPatch, told: Siginfo | None
) -> None:
    found = cause_of(monkeypatch, told, 3, {42: FUTEX, 43: WAIT4, 44: WAIT4})
    assert (found.cause, found.os_id, found.exceptions[0].type) == (Cause.UNHANDLED_EXCEPTION, 43, "Oops")


@pytest.mark.parametrize("told", [None, Siginfo(signal.SIGABRT)], ids=["ours", "theirs"])
def test_before_6_a_process_that_a_client_had_dumped_did_not_crash(
    monkeypatch: pytest.MonkeyPatch, told: Siginfo | None
) -> None:
    found = cause_of(monkeypatch, told, 3, {42: FUTEX, 43: FUTEX, 44: WAIT4})
    assert (found.cause, found.signal) == (Cause.NONE, None)
    assert ("SIGABRT in it is in every core" in found.summary) == (told is not None)


def test_later_runtimes_say_themselves_what_they_died_of(monkeypatch: pytest.MonkeyPatch) -> None:
    found = cause_of(monkeypatch, None, 8, {42: FUTEX, 43: WAIT4})
    assert (found.cause, found.os_id) == (Cause.NONE, 42)
