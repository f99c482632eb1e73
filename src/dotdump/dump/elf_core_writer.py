"""``ElfCoreWriter``: a core from a ``Target`` and a ``DumpPlan``, as a forward-only stream.

Head first, then memory by ascending address, then our trailer; nothing is ever gone back to, so the same writer feeds
a file, a pipe, a compressor. Pages of zeros and pages that were never there become holes. What cannot be read becomes
a hole too, and is named in the trailer: see docs/formats/core-writing.md.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import cycle
from zlib import crc32

from dotdump.dump.core_head import build_head
from dotdump.dump.segments import Segment, Why
from dotdump.dump.zero_pages import page_runs, present_parts
from dotdump.errors import MemoryFault
from dotdump.formats.diagnostics_page import (
    DIAGNOSTICS_PAGE_ADDRESS,
    DIAGNOSTICS_PAGE_SIZE,
    DiagnosticsPage,
    build_diagnostics_page,
)
from dotdump.formats.dotdump_notes import Gap, Trailer, build_trailer
from dotdump.memory.region import Protection
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dotdump.dump.segments import DumpPlan
    from dotdump.dump.sink import Sink
    from dotdump.dump.zero_pages import Data
    from dotdump.formats.dotdump_notes import Origin
    from dotdump.memory.space import AddressSpace
    from dotdump.target.model import Target

    Progress = Callable[[int, int], None]

CHUNK = 1 << 20
"""Bytes asked of the target at once: process_vm_readv is at its best from 64 KiB to 4 MiB."""


@record
class WrittenCore:
    """What was written: ``size`` of the ELF stream, ``stored`` bytes that the sink stored for it, and the trailer."""

    size: int
    stored: int
    segments: int
    threads: int
    trailer: Trailer

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Memory that could not be read."""
        return self.trailer.gaps


class ElfCoreWriter:
    """Writes one core. ``diagnostics_page`` adds the page that .NET's tools look for, unless memory is there already.

    ``progress`` is called with (bytes of memory done, bytes in all) about once a chunk.
    """

    def __init__(
        self,
        target: Target,
        plan: DumpPlan,
        origin: Origin,
        *,
        diagnostics_page: DiagnosticsPage | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._target = target
        self._page_size = target.platform.page_size
        self._diagnostics = b"" if diagnostics_page is None else build_diagnostics_page(diagnostics_page)
        self._plan = self._with_diagnostics(plan)
        self._progress = progress
        self._head, self._offsets = build_head(target, self._plan, origin)
        self._total = self._plan.total
        self._read: Callable[[int, int], Data]

    def _with_diagnostics(self, plan: DumpPlan) -> DumpPlan:
        start, end = DIAGNOSTICS_PAGE_ADDRESS, DIAGNOSTICS_PAGE_ADDRESS + DIAGNOSTICS_PAGE_SIZE
        row = bisect_left(plan.starts, end)
        if not self._diagnostics or (row and plan.starts[row - 1] + plan.sizes[row - 1] > start):
            self._diagnostics = b""
            return plan
        return plan.with_segment(row, Segment(start, end, Protection.READ, DIAGNOSTICS_PAGE_SIZE, Why.KEPT))

    def write(self, sink: Sink) -> WrittenCore:
        """Write everything and finish the sink. Whatever the target or the sink raises leaves a prefix of a core."""
        try:
            return self._write(sink)
        except BaseException:
            sink.give_up()
            raise

    def _write(self, sink: Sink) -> WrittenCore:
        content = _Content(sink, self._page_size)
        self._read = _reader(self._target.memory, sink.lag + 1)
        for part in self._head:
            sink.write(part)
        position, done = sum(map(len, self._head)), 0
        if zeros := self._plan.zero_block:
            sink.hole(zeros)
            position += zeros
        apart = DIAGNOSTICS_PAGE_ADDRESS if self._diagnostics else 0
        for start, end, offset in self._plan.extents(self._offsets, apart):
            if offset > position:
                sink.hole(offset - position)
            for size in self._write_extent(start, end, content):
                done += size
                if self._progress is not None:
                    self._progress(done, self._total)
            position = offset + end - start
        trailer = content.trailer(self._head, self._total)
        note = build_trailer(trailer)
        padding = -position % 4
        sink.write(bytes(padding) + note)
        size = position + padding + len(note)
        return WrittenCore(size, sink.finish(), len(self._plan), len(self._target.threads), trailer)

    def _write_extent(self, position: int, end: int, content: _Content) -> Iterator[int]:
        """Write memory from ``position`` to ``end``; yields the bytes done in each step."""
        if self._diagnostics and position == DIAGNOSTICS_PAGE_ADDRESS:
            content.data(self._diagnostics)
            yield end - position
            return
        for start, stop in present_parts(self._target.memory, position, end):
            if start > position:
                content.zeros(start - position)
                yield start - position
            yield from self._write_run(start, stop, content)
            position = stop
        if position < end:
            content.zeros(end - position)
            yield end - position

    def _write_run(self, start: int, stop: int, content: _Content) -> Iterator[int]:
        while start < stop:
            size = min(CHUNK, stop - start)
            data = self._read(start, size)
            if len(data) == size:
                content.data(data)
            else:
                size = self._write_up_to_gap(start, stop, data, content)
            start += size
            yield size

    def _write_up_to_gap(self, start: int, stop: int, data: Data, content: _Content) -> int:
        """Write ``data``, the readable prefix at ``start``, and the gap from there to the end of its page."""
        fault = start + len(data)
        end = min(fault - fault % self._page_size + self._page_size, stop)
        whole = len(data) // self._page_size * self._page_size
        content.data(data[:whole])
        content.gap(start + whole, fault, end, bytes(data[whole:]), _reason(self._target.memory, fault))
        return end - start


class _Content:
    """Memory on its way into a sink: finds zero pages, counts them, remembers gaps."""

    def __init__(self, sink: Sink, page_size: int) -> None:
        self._sink = sink
        self._zero_page = bytes(page_size)
        self._zero = 0
        self._gaps: list[Gap] = []

    def data(self, data: Data) -> None:
        view = memoryview(data)
        for start, end, is_zero in page_runs(data, self._zero_page):
            if is_zero:
                self.zeros(end - start)
            else:
                self._sink.write(view[start:end])

    def zeros(self, size: int) -> None:
        self._zero += size
        self._sink.hole(size)

    def gap(self, page: int, start: int, end: int, before: bytes, reason: str) -> None:
        """Note the gap from ``start`` to ``end``; ``before`` is what could be read of its page, from ``page`` on."""
        if before.strip(b"\0"):
            self.data(before.ljust(end - page, b"\0"))
        else:
            self._sink.hole(end - page)
        last = self._gaps[-1] if self._gaps else None
        if last is not None and last.end == start and last.reason == reason:
            self._gaps[-1] = Gap(last.start, end, reason)
        else:
            self._gaps.append(Gap(start, end, reason))

    def trailer(self, head: Sequence[Data], memory: int) -> Trailer:
        checksum = 0
        for part in head:
            checksum = crc32(part, checksum)
        return Trailer(sum(map(len, head)), checksum, memory, self._zero, None, tuple(self._gaps))


def _reader(memory: AddressSpace, count: int) -> Callable[[int, int], Data]:
    """Return what reads a prefix of a range without a copy, or where it can into so many buffers, in turn.

    Buffers that stay in the CPU's cache from read to write save a copy of everything.
    """
    read_into = getattr(memory, "read_into", None)
    turns = cycle([bytearray(CHUNK) for _ in range(count if read_into else 0)])

    def read(start: int, size: int) -> Data:
        there = memory.view(start, size)
        if there is not None:
            return there
        if read_into is None:
            return memory.read_available(start, size)
        buffer = next(turns)
        view = memoryview(buffer)
        found = read_into(start, view[:size])
        return buffer if found == CHUNK else bytes(view[:found])

    return read


def _reason(memory: AddressSpace, address: int) -> str:
    try:
        memory.read(address, 1)
    except MemoryFault as fault:
        return fault.reason
    return "read in part only"
