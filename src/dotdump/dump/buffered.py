"""Copy what a core will hold into our own memory, so that the process can run on before the first byte is written."""

from __future__ import annotations

from bisect import bisect_right

from dotdump.linux.headroom import headroom
from dotdump.memory.space import BytesSpace, MemoryRange

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


class BufferedMemory(BytesSpace):
    """Copied chunks. ``present`` are the runs they were copied from: the rest was never touched, so zero."""

    def __init__(self, chunks: Sequence[tuple[int, bytes]], present: Sequence[MemoryRange]) -> None:
        super().__init__(chunks)
        self._present = present
        self._present_starts = [run.start for run in present]

    def present_runs(self, start: int, end: int) -> Iterator[MemoryRange]:
        """Yield the parts of a range that were copied, in order."""
        index = max(bisect_right(self._present_starts, start) - 1, 0)
        for run in self._present[index:]:
            if run.start >= end:
                return
            if run.end > start:
                yield MemoryRange(max(run.start, start), min(run.end, end))


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


def buffered(target: ProcessTarget, plan: DumpPlan, limit: int) -> BufferedTarget | None:
    """Return a copy of all that ``plan`` keeps, or None where that is more than ``limit`` or than half of what is free.

    Nothing is copied before it is known to fit.
    """
    limit = min(limit, headroom([]) // 2)
    if limit <= 0:
        return None
    runs: list[MemoryRange] = []
    total = 0
    for segment in plan.segments:
        for run in target.memory.present_runs(segment.start, segment.start + segment.stored):
            total += run.size
            runs.append(run)
        if total > limit:
            return None
    chunks = [chunk for run in runs for chunk in _copy(target, run)]
    return BufferedTarget(target, BufferedMemory(chunks, runs))


def _copy(target: ProcessTarget, run: MemoryRange) -> Iterator[tuple[int, bytes]]:
    page = target.platform.page_size
    position = run.start
    while position < run.end:
        data = target.memory.read_available(position, min(_CHUNK, run.end - position))
        if data:
            yield position, data
        position = position + len(data) if data else (position + page) & -page
