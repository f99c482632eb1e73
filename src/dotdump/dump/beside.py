"""``written_beside``: a sink whose long writes are done in another thread, while the next memory is read."""

from __future__ import annotations

from contextlib import contextmanager
from queue import SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.dump.sink import Sink

LEAST = 1 << 16
"""Bytes of a write that another thread is worth."""


@contextmanager
def written_beside(sink: Sink) -> Iterator[Sink]:
    """Give the block a sink that returns from a write of ``LEAST`` bytes or more before it is done.

    What it was given may change as soon as the next call returns, of whatever kind; errors are raised by that, too.
    When the block ends, nothing is being written any more. Where no thread can be had, it is ``sink`` itself.
    """
    import threading

    beside = _BesideSink(sink)
    thread = threading.Thread(target=beside.serve, name="write", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        yield sink
        return
    try:
        yield beside
    finally:
        beside.end()
        thread.join()


class _BesideSink:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._writes: SimpleQueue[bytes | memoryview | None] = SimpleQueue()
        self._answers: SimpleQueue[BaseException | None] = SimpleQueue()
        self._busy = False

    def write(self, data: bytes | memoryview) -> None:
        self._wait()
        if len(data) < LEAST:
            self._sink.write(data)
        else:
            self._busy = True
            self._writes.put(data)

    def hole(self, size: int) -> None:
        self._wait()
        self._sink.hole(size)

    def finish(self) -> int:
        self._wait()
        return self._sink.finish()

    def serve(self) -> None:
        """Write what comes, until ``end``."""
        while (data := self._writes.get()) is not None:
            try:
                self._sink.write(data)
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                self._answers.put(error)
            else:
                self._answers.put(None)

    def end(self) -> None:
        """Have the other thread end, behind what it is writing."""
        self._writes.put(None)

    def _wait(self) -> None:
        if self._busy:
            self._busy = False
            error = self._answers.get()
            if error is not None:
                raise error
