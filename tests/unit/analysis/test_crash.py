"""Why a process died whose exception is damaged."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from builders.managed import NamedObject, NamedType, exception
from dotdump.analysis import core_information, crash, crash_report
from dotdump.analysis.crash import Crash, explain_crash
from dotdump.analysis.crash_cause import Cause
from dotdump.analysis.fail_fast import LastWords
from dotdump.analysis.stacks import FrameLocation
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.formats.core_notes import Siginfo
from dotdump.target.core import CoreTarget
from dotdump.target.model import Thread

if TYPE_CHECKING:
    from dotdump.analysis.core_information import RuntimeInformation
    from dotdump.clr.model.object import ClrObject


SI_TKILL = -6
CLONE, WAIT4, FUTEX = 56, 61, 202


def summary_of(thrown: ClrObject, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what is said of a process that aborted while a thread threw this."""
    monkeypatch.setattr(crash, "stack_of", lambda *_, **__: SimpleNamespace(threads=()))
    report = aborted(SimpleNamespace(exceptions=(thrown,), current_exception=thrown))
    assert report.cause is Cause.UNHANDLED_EXCEPTION
    return report.summary


def aborted(thread: SimpleNamespace) -> Crash:
    """Return what is said of a process that this thread, its main one, aborted."""
    thread.os_id, thread.managed_id, thread.name = 42, 1, "main"
    target = SimpleNamespace(
        signal=Siginfo(signal.SIGABRT, SI_TKILL),
        threads=[Thread(42, {}, signal.SIGABRT, 0)],
        process=SimpleNamespace(pid=42, name="shop"),
    )
    runtime = SimpleNamespace(threads=[thread], thread_problems=())
    return explain_crash(cast("CoreTarget", target), cast("ClrRuntime", runtime))


def test_the_exception_and_what_led_to_it_are_in_the_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = exception(0x2000, "Inner", _message="no room")
    assert "The exception was Outer, caused by Inner: no room." in summary_of(
        exception(0x1000, "Outer", _innerException=inner), monkeypatch
    )


def test_what_was_thrown_and_is_no_exception_does_not_hide_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    said = summary_of(NamedObject(0x1000, NamedType("<type at 0x5000>")), monkeypatch)
    assert said.startswith('process 42 shop died because thread 42 "main" threw an exception that nobody handled.')
    assert "The exception was one that cannot be read." in said


FAIL_FAST = ["System.Environment.FailFast(System.String, System.Exception)", "Shop.Orders.Ship()"]
OF_AOT = "System.RuntimeExceptionHelpers."
FAULT = [f"{OF_AOT}FailFast(System.String)", f"{OF_AOT}GetRuntimeException(System.Runtime.ExceptionIDs)"]
UNHANDLED = [
    f"{OF_AOT}FailFast(System.String)",
    f"{OF_AOT}RuntimeFailFast(System.Object)",
    "System.Runtime.EH.RhThrow()",
]


@pytest.mark.parametrize(
    ("methods", "cause", "said"),
    [
        (FAIL_FAST, Cause.FAIL_FAST, "It was given Inner: why. It was in Shop.Orders.Ship()."),
        (FAULT, Cause.ACCESS_VIOLATION, "It has no managed frames of the program"),
        (UNHANDLED, Cause.UNHANDLED_EXCEPTION, "The exception was Handled."),
    ],
    ids=["by the program", "for a fault", "for an exception"],
)
def test_a_fail_fast_is_told_by_who_called_it_also_where_an_exception_is_being_handled(
    monkeypatch: pytest.MonkeyPatch, methods: list[str], cause: Cause, said: str
) -> None:
    places = [FrameLocation("native", "wait4"), *(FrameLocation("managed", method) for method in methods)]
    stack = SimpleNamespace(frames=[SimpleNamespace(location=place) for place in places], end="end of stack")
    monkeypatch.setattr(crash, "stack_of", lambda *_, **__: SimpleNamespace(threads=(stack,)))
    monkeypatch.setattr(crash, "last_words", lambda *_: LastWords())
    fatal = exception(
        0x2000, "System.ExecutionEngineException", _innerException=exception(0x3000, "Inner", _message="why")
    )
    handled = exception(0x1000, "Handled")
    found = aborted(SimpleNamespace(exceptions=(handled,), current_exception=fatal))
    assert found.cause is cause
    assert said in found.summary


def cause_of(
    monkeypatch: pytest.MonkeyPatch, told: Siginfo | None, major: int, calls: dict[int, int], started: int = 0
) -> Crash:
    """Return what is said of a process whose threads are in these system calls; 42 and 43 are those of the program.

    ``started`` is what was returned to each.
    """
    monkeypatch.setattr(crash, "stack_of", lambda *_, **__: SimpleNamespace(threads=()))
    thrown = exception(0x1000, "Oops")
    threads = [
        SimpleNamespace(os_id=42, managed_id=1, name="main", exceptions=(), current_exception=None),
        SimpleNamespace(os_id=43, managed_id=2, name="worker", exceptions=(thrown,), current_exception=thrown),
    ]
    target = SimpleNamespace(
        signal=told,
        origin=object(),
        threads=[Thread(tid, {"orig_rax": call, "rax": started}, 0, 0) for tid, call in calls.items()],
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


@pytest.mark.parametrize(("started", "cause"), [(99, Cause.UNHANDLED_EXCEPTION), (44, Cause.NONE)])
def test_before_6_the_thread_that_died_may_have_forked_and_not_come_to_wait(
    monkeypatch: pytest.MonkeyPatch, started: int, cause: Cause
) -> None:
    found = cause_of(monkeypatch, None, 3, {42: FUTEX, 43: CLONE, 44: FUTEX}, started)
    assert found.cause is cause


def test_later_runtimes_say_themselves_what_they_died_of(monkeypatch: pytest.MonkeyPatch) -> None:
    found = cause_of(monkeypatch, None, 8, {42: FUTEX, 43: WAIT4})
    assert (found.cause, found.os_id) == (Cause.NONE, 42)


@pytest.mark.parametrize(("calls", "died"), [({42: FUTEX, 43: WAIT4}, 43), ({42: FUTEX, 43: FUTEX}, None)])
def test_info_and_the_crash_report_know_it_too(
    monkeypatch: pytest.MonkeyPatch, calls: dict[int, int], died: int | None
) -> None:
    threads = [SimpleNamespace(os_id=42), SimpleNamespace(os_id=43)]
    runtime = SimpleNamespace(threads=threads, access=SimpleNamespace(major=3))
    monkeypatch.setattr(ClrRuntime, "of", lambda _: runtime)
    target = object.__new__(CoreTarget)
    target.signal, target.threads = (
        Siginfo(signal.SIGABRT),
        tuple(Thread(tid, {"orig_rax": call}, 0, 0, signal=signal.SIGABRT) for tid, call in calls.items()),
    )
    death = core_information._death(target, [cast("RuntimeInformation", SimpleNamespace(version="3.1.23"))])
    assert (death and death.thread) == died
    assert crash_report._crashed(target, cast("ClrRuntime", runtime)) == (died or 0)
