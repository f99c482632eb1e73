import os
import signal
import threading
import time

import pytest

from dotdump.dump.side_by_side import side_by_side


def test_every_item_is_done_once() -> None:
    done: list[int] = []
    side_by_side(done.append, (number for number in range(1000)))
    assert sorted(done) == list(range(1000))


def test_further_threads_help_where_there_are_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    both = threading.Barrier(3, timeout=10)
    side_by_side(lambda _: both.wait(), range(3))


def test_behind_an_error_nothing_is_begun_and_nobody_is_left_behind() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 3:
            raise OSError(5, "broken")
        time.sleep(0.001)
        done.append(number)

    before = threading.active_count()
    with pytest.raises(OSError, match="broken"):
        side_by_side(work, range(10_000))
    assert len(done) < 1000
    assert threading.active_count() == before


def test_without_further_threads_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done: list[int] = []
    side_by_side(done.append, range(5))
    assert done == list(range(5))


def test_ctrl_c_does_not_leave_work_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    both, done = threading.Barrier(2, timeout=10), []

    def work(number: int) -> None:
        both.wait()
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.05)  # till the main thread waits for us
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            done.append(number)

    with pytest.raises(KeyboardInterrupt):
        side_by_side(work, range(2))
    assert len(done) == 1


def test_ctrl_c_as_a_thread_is_started_does_not_leave_it_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    start, begun, done = threading.Thread.start, threading.Event(), []

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        assert begun.wait(10)
        raise KeyboardInterrupt

    def work(number: int) -> None:
        begun.set()
        time.sleep(0.05)
        done.append(number)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        side_by_side(work, range(100))
    assert len(done) == 1


def test_ctrl_c_is_not_lost_to_another_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    both = threading.Barrier(2, timeout=10)

    def work(_: int) -> None:
        both.wait()
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.05)
            raise KeyboardInterrupt
        raise OSError(5, "broken")

    with pytest.raises(KeyboardInterrupt):
        side_by_side(work, range(2))
