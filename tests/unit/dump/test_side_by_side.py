import os
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
