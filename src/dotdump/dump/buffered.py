"""Copy what a core will hold into our own memory, so that the process can run on before the first byte is written.

The memory is taken and touched before the process stops (``Arena``): a page fault costs more than the copy into it.
"""

from __future__ import annotations

import mmap
from bisect import bisect_right
from contextlib import suppress

from dotdump.errors import MemoryFault
from dotdump.linux.headroom import headroom
from dotdump.memory.space import MemoryRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from dotdump.dump.plan import DumpPlan
    from dotdump.memory.region import Region
    from dotdump.target.model import Module, Platform, ProcessFacts, Thread
    from dotdump.target.process import ProcessTarget

_CHUNK = 1 << 20
_MADV_POPULATE_WRITE = 23


class Arena:
    """Anonymous memory of ours, in large pages where the kernel has them, touched already. ``room`` in bytes."""

    def __init__(self, size: int) -> None:
        self.room = size
        self._map = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with suppress(OSError):
            self._map.madvise(mmap.MADV_HUGEPAGE)
        with suppress(OSError):  # before Linux 5.14 the copy touches it
            self._map.madvise(_MADV_POPULATE_WRITE)
        self.view = memoryview(self._map)


class BufferedMemory:
    """An ``AddressSpace`` over pieces of an arena: (start, end, where in ``content``), sorted.

    ``present`` are the runs they were copied from: the rest was never touched, so zero.
    """

    def __init__(
        self, pieces: Sequence[tuple[int, int, int]], content: memoryview, present: Sequence[MemoryRange]
    ) -> None:
        self._pieces = pieces
        self._starts = [start for start, _, _ in pieces]
        self._content = content
        self._present = present
        self._present_starts = [run.start for run in present]

    def read(self, address: int, size: int) -> bytes:
        data = self.read_available(address, size)
        if len(data) < size:
            raise MemoryFault(address + len(data), size - len(data))
        return data

    def read_available(self, address: int, size: int) -> bytes:
        parts = []
        while size > 0 and len(part := self._contiguous(address, size)):
            parts.append(part)
            address += len(part)
            size -= len(part)
        return b"".join(parts)

    def read_into(self, address: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``address`` on and return the length of the readable prefix."""
        filled = 0
        while filled < len(buffer) and len(part := self._contiguous(address + filled, len(buffer) - filled)):
            buffer[filled : filled + len(part)] = part
            filled += len(part)
        return filled

    def view(self, address: int, size: int) -> memoryview | None:
        part = self._contiguous(address, size)
        return part if len(part) == size else None

    def ranges(self) -> list[MemoryRange]:
        return [MemoryRange(start, end) for start, end, _ in self._pieces]

    def present_runs(self, start: int, end: int) -> Iterator[MemoryRange]:
        """Yield the parts of a range that were copied, in order."""
        index = max(bisect_right(self._present_starts, start) - 1, 0)
        for position in range(index, len(self._present)):
            run = self._present[position]
            if run.start >= end:
                return
            if run.end > start:
                yield MemoryRange(max(run.start, start), min(run.end, end))

    def _contiguous(self, address: int, size: int) -> memoryview:
        index = bisect_right(self._starts, address) - 1
        start, end, where = self._pieces[index] if index >= 0 else (0, 0, 0)
        size = min(size, end - address)
        return self._content[where + address - start :][:size] if size > 0 else memoryview(b"")


class BufferedTarget:
    """A ``Target`` in our own memory."""

    def __init__(self, target: ProcessTarget, memory: BufferedMemory) -> None:
        self.platform: Platform = target.platform
        self.process: ProcessFacts = target.process
        self.regions: Sequence[Region] = target.regions
        self.threads: Sequence[Thread] = target.threads
        self.auxv: bytes = target.auxv
        self.modules: Sequence[Module] = ()
        self.memory = memory

    def close(self) -> None:
        """Do nothing: it is memory of ours."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def prepared(expected: int | None, limit: int) -> Arena | None:
    """Return an arena for ``expected`` bytes, or None where that is unknown or more than may be taken."""
    room = _room(limit)
    return Arena(expected) if expected and expected <= room else None


def buffered(target: ProcessTarget, plan: DumpPlan, limit: int, arena: Arena | None = None) -> BufferedTarget | None:
    """Return a copy of all that ``plan`` keeps, or None where that is more than ``limit`` or than half of what is free.

    It lies in ``arena`` where that is large enough. Nothing is copied before it is known to fit.
    """
    limit = max(_room(limit), arena.room if arena else 0)
    runs: list[MemoryRange] = []
    total = 0
    for segment in plan.segments:
        for run in target.memory.present_runs(segment.start, segment.start + segment.stored):
            total += run.size
            runs.append(run)
        if total > limit:
            return None
    if not total:
        return None
    if arena is None or arena.room < total:
        arena = Arena(total)
    return BufferedTarget(target, BufferedMemory(_copy(target, runs, arena.view), arena.view, runs))


def _copy(target: ProcessTarget, runs: Sequence[MemoryRange], content: memoryview) -> list[tuple[int, int, int]]:
    """Copy the runs one behind the other; return the pieces that could be read."""
    page, where = target.platform.page_size, 0
    pieces: list[tuple[int, int, int]] = []
    for run in runs:
        position = run.start
        while position < run.end:
            size = min(_CHUNK, run.end - position)
            count = target.memory.read_into(position, content[where : where + size])
            if count:
                pieces.append((position, position + count, where))
            where += count
            position = position + count if count else (position + page) & -page
    return pieces


def _room(limit: int) -> int:
    return max(min(limit, headroom([]) // 2), 0)
