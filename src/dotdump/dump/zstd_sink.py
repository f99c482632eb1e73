"""``ZstdSink``: compresses a stream into zstd frames that can be read one by one, and ends it with their table.

Frames are independent, so several threads compress while one writes; what is in flight is bounded by a few frames a
thread, whatever the length of the stream. Runs of zeros get frames of their own, which are a few bytes long.
"""

from __future__ import annotations

from collections import deque

from dotdump.formats.zstd_seekable import FRAME_SIZE, build_seek_table
from dotdump.memory.zstd_library import zstd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.dump.sink import Sink

DEFAULT_LEVEL = 1
HOLE_FRAME = 4 << 20
_HOLE_LEAST = 32 << 10
_IN_FLIGHT = 3


class ZstdSink:
    """A sink that compresses into another. ``level`` as zstd's own, 1 to 22 or below zero for speed."""

    keeps = True

    def __init__(self, sink: Sink, level: int = DEFAULT_LEVEL, threads: int = 1) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._sink = sink
        self._options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: level,
            zstd.CompressionParameter.checksum_flag: 1,
        }
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "zstd")
        self._waiting: deque[tuple[Callable[[], bytes], int]] = deque()
        self._sizes: list[tuple[int, int]] = []
        self._parts: list[memoryview] = []
        self._held = 0
        self._zeros: dict[int, bytes] = {}

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data).cast("B")
        while len(view):
            part = view[: FRAME_SIZE - self._held]
            self._parts.append(part)
            self._held += len(part)
            view = view[len(part) :]
            if self._held == FRAME_SIZE:
                self._submit()

    def hole(self, size: int) -> None:
        if size < _HOLE_LEAST:
            self.write(bytes(size))
            return
        self._submit()
        while size > 0:
            self._zero_frame(min(size, HOLE_FRAME))
            size -= HOLE_FRAME

    def finish(self) -> int:
        try:
            self._submit()
            while self._waiting:
                self._store_next()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._sink.write(build_seek_table(self._sizes))
        return self._sink.finish()

    def _submit(self) -> None:
        if not self._held:
            return
        content = b"".join(self._parts)
        self._parts, self._held = [], 0
        self._queue(self._pool.submit(zstd.compress, content, options=self._options).result, len(content))

    def _zero_frame(self, size: int) -> None:
        if size not in self._zeros:
            self._zeros[size] = zstd.compress(bytes(size), options=self._options)
        self._queue(self._zeros[size].__bytes__, size)

    def _queue(self, frame: Callable[[], bytes], content: int) -> None:
        self._waiting.append((frame, content))
        while len(self._waiting) > self._threads * _IN_FLIGHT:
            self._store_next()

    def _store_next(self) -> None:
        compressed, content = self._waiting.popleft()
        frame = compressed()
        self._sink.write(frame)
        self._sizes.append((len(frame), content))
