import os
import signal
import threading
import time

import pytest

from dotdump.dump.beside import LEAST, written_beside


class Recorder:
    """A sink that remembers what it was told, and by which thread."""

    lag = 0

    def __init__(self, error: Exception | None = None) -> None:
        self.told: list[tuple[str, int]] = []
        self.threads: list[str] = []
        self.content = b""
        self.error = error
        self.may_write = threading.Event()
        self.may_write.set()

    def write(self, data: bytes | memoryview) -> None:
        assert self.may_write.wait(10)
        if self.error is not None:
            raise self.error
        self.told.append(("write", len(data)))
        self.threads.append(threading.current_thread().name)
        self.content += data

    def hole(self, size: int) -> None:
        assert self.may_write.wait(10)
        self.told.append(("hole", size))

    def give_up(self) -> None:
        pass

    def finish(self) -> int:
        self.told.append(("finish", 0))
        return len(self.content)


def test_everything_is_written_in_order_and_long_writes_elsewhere() -> None:
    sink = Recorder()
    with written_beside(sink) as beside:
        beside.write(b"a")
        beside.hole(4096)
        beside.write(b"b" * LEAST)
        beside.hole(4096)
        beside.write(memoryview(b"c" * LEAST))
        beside.write(b"d")
        assert beside.finish() == 2 * LEAST + 2
    long, hole = ("write", LEAST), ("hole", 4096)
    assert sink.told == [("write", 1), hole, long, hole, long, ("write", 1), ("finish", 0)]
    assert sink.threads[:3] == [threading.current_thread().name, "write", "write"]


def test_so_many_calls_return_before_they_are_done_and_the_next_waits_for_the_first() -> None:
    sink = Recorder()
    sink.may_write.clear()
    with written_beside(sink) as beside:
        beside.write(b"a" * LEAST)
        for size in range(1, beside.lag):
            beside.hole(size)
        assert sink.told == []
        sink.may_write.set()
        beside.hole(1)
        assert sink.told[0] == ("write", LEAST)


def test_nothing_is_being_written_when_the_block_has_ended() -> None:
    sink = Recorder()
    with written_beside(sink) as beside:
        beside.write(b"a" * LEAST)
    assert sink.told == [("write", LEAST)]
    assert all(thread.name != "write" for thread in threading.enumerate())


def test_an_error_is_raised_by_the_next_calls_and_nothing_is_written_behind_it() -> None:
    sink = Recorder(OSError(28, "No space left on device"))
    with written_beside(sink) as beside:
        beside.write(b"a" * LEAST)
        beside.hole(1)
        with pytest.raises(OSError, match="No space"):
            beside.finish()
    assert sink.told == []


def test_without_a_thread_it_is_the_sink_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    sink = Recorder()
    with written_beside(sink) as beside:
        assert beside is sink


def test_ctrl_c_waits_for_what_is_being_written() -> None:
    class Slow(Recorder):
        def write(self, data: bytes | memoryview) -> None:
            time.sleep(0.05)  # till the main thread waits
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            super().write(data)

    sink = Slow()

    def write() -> None:
        with written_beside(sink) as beside:
            beside.write(b"a" * LEAST)

    with pytest.raises(KeyboardInterrupt):
        write()
    assert sink.told == [("write", LEAST)]
