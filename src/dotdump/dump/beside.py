"""``written_beside``: a sink whose long writes are done in another thread, while the next memory is read."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from queue import SimpleQueue

from dotdump.dump.helper import Helper, wait_for_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.dump.sink import Sink

LEAST = 1 << 16
"""Bytes of a write that another thread is worth."""


@contextmanager
def written_beside(sink: Sink) -> Iterator[Sink]:
    """Give the block a sink that returns from a write of ``LEAST`` bytes or more before it is done.

    Errors are raised by one of the next calls, ``finish`` the last.
    When the block ends, nothing is being written any more. Where no thread can be had, it is ``sink`` itself.
    """
    beside = _BesideSink(sink)
    thread = Helper(beside.serve, "write")
    try:
        with suppress(RuntimeError):
            thread.start()
        yield beside if thread.is_alive() else sink
    finally:
        beside.end()
        wait_for_end([thread])


class _BesideSink:
    """Calls in order: here while none is under way and this one is short, else in the other thread, behind those.

    Reading and writing are quick by turns: with a few calls under way neither waits for the other at once.
    """

    lag = 3

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._calls: SimpleQueue[bytes | memoryview | int | None] = SimpleQueue()
        self._answers: SimpleQueue[BaseException | None] = SimpleQueue()
        self._under_way = 0

    def write(self, data: bytes | memoryview) -> None:
        if self._under_way or len(data) >= LEAST:
            self._hand_over(data)
        else:
            self._sink.write(data)

    def hole(self, size: int) -> None:
        if self._under_way:
            self._hand_over(size)
        else:
            self._sink.hole(size)

    def finish(self) -> int:
        self._wait(0)
        return self._sink.finish()

    def give_up(self) -> None:
        """Do nothing: what was handed over is done, or failed, when the block has ended."""

    def serve(self) -> None:
        """Do what is handed over, until ``end``; behind an error nothing more."""
        error: BaseException | None = None
        while (call := self._calls.get()) is not None:
            try:
                if error is None:
                    self._sink.hole(call) if isinstance(call, int) else self._sink.write(call)
            except BaseException as raised:  # noqa: BLE001 - it is raised where it is waited for
                error = raised
            self._answers.put(error)

    def end(self) -> None:
        """Have the other thread end, behind what it has been given."""
        self._calls.put(None)

    def _hand_over(self, call: bytes | memoryview | int) -> None:
        self._calls.put(call)
        self._under_way += 1
        self._wait(self.lag)

    def _wait(self, most: int) -> None:
        """Wait until at most so many calls are under way."""
        while self._under_way > most:
            error = self._answers.get()
            self._under_way -= 1
            if error is not None:
                raise error
