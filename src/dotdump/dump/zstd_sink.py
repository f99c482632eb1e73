"""``ZstdSink``: compresses a stream into zstd frames that can be read one by one, and ends it with their table.

Frames are independent, so several threads compress while one reads and writes. They are handed over by the batch: a
frame alone is too little work to be worth the way to another thread. What is in flight is bounded by a few batches,
whatever the length of the stream. Runs of zeros get frames of their own, which are a few bytes long.
"""

from __future__ import annotations

import os
from collections import deque

from dotdump.dump.compression import DEFAULT_LEVEL
from dotdump.errors import CollectError
from dotdump.formats.zstd_seekable import FRAME_SIZE, build_seek_table
from dotdump.memory.zstd_library import zstd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future

    from dotdump.dump.sink import Sink

    Frame = tuple[bytearray | bytes, int]
    """A buffer whose front is to be compressed, or a frame that is compressed already; and the length of the content.
    """

MOST_THREADS = 4
"""One that reads and writes does not keep more of them at work."""
HOLE_FRAME = 4 << 20
_HOLE_LEAST = 32 << 10
_BATCH_BYTES = 512 << 10
_BATCH_FRAMES = 64
_IN_FLIGHT = 2 * MOST_THREADS
"""Batches: one that each thread compresses, and work for as long as their results take to be written."""
_ZEROS = bytes(_HOLE_LEAST)


class ZstdSink:
    """A sink that compresses into another. ``level`` as zstd's own, 1 to 22 or below zero for speed.

    ``threads`` compress: by default as many as there are CPUs for us, up to ``MOST_THREADS``.
    """

    lag = 0

    def __init__(self, sink: Sink, level: int = DEFAULT_LEVEL, threads: int = 0) -> None:
        from concurrent.futures import ThreadPoolExecutor

        threads = threads or min(len(os.sched_getaffinity(0)), MOST_THREADS)
        self._sink = sink
        self._compressors = _Compressors(level)
        self._pool = ThreadPoolExecutor(threads, "zstd")
        self._waiting: deque[Future[list[tuple[bytes, int]]]] = deque()
        self._sizes: list[tuple[int, int]] = []
        self._frame = self._compressors.buffer()
        self._held = 0
        self._batch: list[Frame] = []
        self._batched = 0
        self._zeros: dict[int, bytes] = {}

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data).cast("B")
        while len(view):
            part = view[: FRAME_SIZE - self._held]
            self._frame[self._held : self._held + len(part)] = part
            self._held += len(part)
            view = view[len(part) :]
            if self._held == FRAME_SIZE:
                self._end_frame()

    def hole(self, size: int) -> None:
        if size < _HOLE_LEAST:
            self.write(_ZEROS[:size])
            return
        self._end_frame()
        while size > 0:
            content = min(size, HOLE_FRAME)
            self._add((self._zero_frame(content), content), 0)
            size -= content

    def finish(self) -> int:
        try:
            self._end_frame()
            self._submit()
            while self._waiting:
                self._store_next()
        finally:
            self.give_up()
        self._sink.write(build_seek_table(self._sizes))
        return self._sink.finish()

    def give_up(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _end_frame(self) -> None:
        if self._held:
            self._add((self._frame, self._held), self._held)
            self._frame, self._held = self._compressors.buffer(), 0

    def _zero_frame(self, size: int) -> bytes:
        if size not in self._zeros:
            self._zeros[size] = self._compressors.compress(bytes(size))
        return self._zeros[size]

    def _add(self, frame: Frame, work: int) -> None:
        """Put a frame behind those before it; ``work`` is how many bytes are still to be compressed."""
        self._batch.append(frame)
        self._batched += work
        if self._batched >= _BATCH_BYTES or len(self._batch) >= _BATCH_FRAMES:
            self._submit()

    def _submit(self) -> None:
        if self._batch:
            self._waiting.append(self._begin(self._batch))
            self._batch, self._batched = [], 0
        while len(self._waiting) > _IN_FLIGHT:
            self._store_next()

    def _begin(self, batch: list[Frame]) -> Future[list[tuple[bytes, int]]]:
        try:
            return self._pool.submit(self._compressors.compress_batch, batch)
        except RuntimeError as error:
            raise CollectError(
                "no thread can be started to compress with", hint="a plain core is written without further threads"
            ) from error

    def _store_next(self) -> None:
        for frame, content in self._waiting.popleft().result():
            self._sink.write(frame)
            self._sizes.append((len(frame), content))


class _Compressors:
    """Compressors of one level, and buffers of a frame each, all used again: new memory costs as much as a copy.

    Any thread may ask.
    """

    def __init__(self, level: int) -> None:
        self._options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: level,
            zstd.CompressionParameter.checksum_flag: 1,
        }
        self._idle: list[zstd.ZstdCompressor] = []
        self._buffers: list[bytearray] = []

    def buffer(self) -> bytearray:
        """Return a buffer of ``FRAME_SIZE`` bytes, whatever is in it. It comes back when it is compressed."""
        try:
            return self._buffers.pop()
        except IndexError:
            return bytearray(FRAME_SIZE)

    def compress_batch(self, batch: list[Frame]) -> list[tuple[bytes, int]]:
        """Return each frame compressed, and the length of its content."""
        return [(self._compressed(frame, content), content) for frame, content in batch]

    def compress(self, content: bytes | memoryview) -> bytes:
        """Return one frame, whose header tells the length of its content; raises ``MemoryError``."""
        try:
            compressor = self._compressor()
            frame = compressor.compress(content, compressor.FLUSH_FRAME)
        except zstd.ZstdError as error:  # whatever the content, nothing but memory can be wanting
            raise MemoryError(str(error)) from error
        self._idle.append(compressor)
        return frame

    def _compressor(self) -> zstd.ZstdCompressor:
        try:
            return self._idle.pop()
        except IndexError:
            return zstd.ZstdCompressor(options=self._options)

    def _compressed(self, frame: bytearray | bytes, content: int) -> bytes:
        if isinstance(frame, bytes):
            return frame
        compressed = self.compress(memoryview(frame)[:content])
        self._buffers.append(frame)
        return compressed
