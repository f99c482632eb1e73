import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from dotdump.linux.job_control import hold_stops, let_stops
from dotdump.linux.uninterrupted import can_hold_back, uninterrupted


@pytest.fixture(params=["alone", "beside another thread"])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    done = threading.Event()
    other = threading.Thread(target=done.wait, args=(30,))
    if request.param != "alone":
        other.start()
    yield
    done.set()
    if other.ident is not None:
        other.join()


@pytest.mark.usefixtures("threads")
def test_ctrl_c_waits_for_the_end_whichever_thread_the_kernel_gives_it_to() -> None:
    steps: list[str] = []

    def window() -> None:
        with uninterrupted(), uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            steps.append("done")
        steps.append("behind")

    before = signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with pytest.raises(KeyboardInterrupt):
        window()
    assert steps == ["done"]
    assert before == (signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, ()))


@pytest.mark.usefixtures("threads")
def test_a_signal_that_ends_programs_waits_and_one_that_is_ignored_stays_so() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.05)
            assert came == []
        assert came == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGHUP, hangup)


def test_another_thread_may_be_the_one_that_is_not_interrupted() -> None:
    done: list[bool] = []

    def work() -> None:
        with uninterrupted():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


@pytest.mark.parametrize("call", ["signal", "pthread_sigmask"])
def test_a_sandbox_that_refuses_to_hold_signals_back_is_seen(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    assert can_hold_back()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with monkeypatch.context() as refused:
        refused.setattr(signal, call, refuse)
        assert not can_hold_back()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_stops_that_cannot_be_held_back_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(signal, "pthread_sigmask", refuse)
    let_stops(hold_stops())
