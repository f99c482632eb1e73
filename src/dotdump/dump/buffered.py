"""Copy what a core will hold into our own memory, so that the process stands still for the copy alone.

The copy is as quick as several CPUs make it, and nothing is written before the process goes on.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from contextlib import suppress
from itertools import accumulate

from dotdump.dump.side_by_side import side_by_side
from dotdump.errors import Incomplete
from dotdump.linux.headroom import headroom
from dotdump.linux.own_memory import OwnMemory
from dotdump.memory.space import ExactReads, MemoryRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dotdump.dump.segments import DumpPlan
    from dotdump.linux.headroom import MemoryGroup
    from dotdump.target.process import ProcessTarget

CHUNK = 1 << 20
"""Bytes that are copied at once."""
_STEP = 32 << 20
_SLOW_STEP = 0.03
"""Seconds, a gigabyte in one: a tenth of what large pages take where memory is not first to be had from a host."""


def touched(size: int) -> OwnMemory:
    """Return memory whose pages are there.

    A page fault costs more than the copy into the page, so what the process would have to wait for is touched before,
    in large pages. Only where these are slow small ones are taken: a virtual machine that reports free memory to its
    host has given up the large pieces, and waits for each page of them, but seldom the small ones.
    """
    memory = OwnMemory(size)

    def touch(start: int) -> None:
        begun = time.monotonic()
        memory.populate(start, _STEP)
        if time.monotonic() - begun > _SLOW_STEP:
            memory.use_large_pages(large=False)

    with suppress(OSError):  # without large pages; before Linux 5.14 the copy touches it
        memory.use_large_pages(large=True)
        side_by_side(touch, range(0, size, _STEP))
    return memory


class CopiedMemory(ExactReads):
    """An ``AddressSpace`` of the ``runs``, sorted and disjoint, of another: nothing is there before ``fill``.

    What lies between them was never touched, so it is zero. ``room`` has room for all of them.
    """

    def __init__(self, runs: Sequence[MemoryRange], room: OwnMemory) -> None:
        self._runs = runs
        self._starts = [run.start for run in runs]
        self._places = list(accumulate((run.size for run in runs), initial=0))
        self._room = room.view
        self._gaps: list[tuple[int, int]] = [(run.start, run.end) for run in runs]
        self._why: Callable[[int], str] = super().reason

    def fill(self, target: ProcessTarget, deadline: float) -> None:
        """Copy all of it; what cannot be read is left out. ``Incomplete`` at ``deadline``: swapped memory is slow."""
        page = target.platform.page_size
        self._why = target.memory.reason
        gaps: list[tuple[int, int]] = []

        def copy(piece: tuple[int, int, int]) -> None:
            if time.monotonic() > deadline:
                raise Incomplete("no dump was written: copying the memory took longer than --timeout allows")
            start, end, place = piece
            while start < end:
                count = target.memory.read_into(start, self._room[place : place + end - start])
                start, place = start + count, place + count
                if start < end:
                    stop = min((start + page) & -page, end)
                    gaps.append((start, stop))
                    start, place = stop, place + stop - start

        side_by_side(copy, self._pieces())
        self._gaps = sorted(gaps)

    def read_available(self, address: int, size: int) -> bytes:
        buffer = bytearray(size)
        return bytes(buffer[: self.read_into(address, memoryview(buffer))])

    def read_into(self, address: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``address`` on and return the length of the readable prefix."""
        filled = 0
        while filled < len(buffer):
            part = self._contiguous(address + filled, len(buffer) - filled)
            if not len(part):
                break
            buffer[filled : filled + len(part)] = part
            filled += len(part)
        return filled

    def reason(self, address: int) -> str:
        return self._why(address)

    def view(self, address: int, size: int) -> memoryview | None:
        part = self._contiguous(address, size)
        return part if len(part) == size else None

    def ranges(self) -> Sequence[MemoryRange]:
        return self._runs

    def present_runs(self, start: int, end: int) -> Iterator[MemoryRange]:
        """Yield the parts of a range that are copied, in order."""
        for index in range(max(bisect_right(self._starts, start) - 1, 0), len(self._runs)):
            run = self._runs[index]
            if run.start >= end:
                return
            if run.end > start:
                yield MemoryRange(max(run.start, start), min(run.end, end))

    def _pieces(self) -> Iterator[tuple[int, int, int]]:
        """Yield (start, end, place in the room) of what is copied at once."""
        for run, place in zip(self._runs, self._places, strict=False):
            for start in range(run.start, run.end, CHUNK):
                yield start, min(start + CHUNK, run.end), place + start - run.start

    def _contiguous(self, address: int, size: int) -> memoryview:
        """Return what was copied from ``address`` on, up to ``size`` bytes of one run."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return self._room[:0]
        end = min(address + size, self._runs[index].end)
        gap = bisect_right(self._gaps, (address, end)) - 1
        if gap >= 0 and self._gaps[gap][1] > address:
            end = address
        elif gap + 1 < len(self._gaps):
            end = min(end, self._gaps[gap + 1][0])
        place = self._places[index] + address - self._starts[index]
        return self._room[place : place + max(end - address, 0)]


def prepared(expected: int | None, limit: int, groups: list[MemoryGroup]) -> OwnMemory | None:
    """Return memory for ``expected`` bytes, touched; None where that is unknown, or too much.

    ``groups`` are the control groups that bound our own memory: one that the target is in may kill that for ours.
    """
    if not expected or expected > _allowed(limit, groups):
        return None
    with suppress(OSError):  # a limit of this process (RLIMIT_AS), or the machine promises no more than it has
        return touched(expected)
    return None


def buffer_for(
    target: ProcessTarget, plan: DumpPlan, limit: int, groups: list[MemoryGroup], room: OwnMemory | None = None
) -> CopiedMemory | None:
    """Return memory to copy all that ``plan`` keeps into, or None where that is more than ``limit`` allows.

    More than half of what is free is never taken. ``room`` is used where it is large enough. Nothing is copied yet.
    """
    limit = max(_allowed(limit, groups), room.size if room else 0)
    runs: list[MemoryRange] = []
    total = 0
    for part in plan.stored_ranges():
        for run in target.memory.present_runs(part.start, part.end):
            total += run.size
            runs.append(run)
        if total > limit:
            return None
    if not total:
        return None
    if room is None or room.size < total:
        try:
            room = OwnMemory(total)
        except OSError:
            return None
    return CopiedMemory(runs, room)


def _allowed(limit: int, groups: list[MemoryGroup]) -> int:
    return max(min(limit, headroom(groups) // 2), 0)
