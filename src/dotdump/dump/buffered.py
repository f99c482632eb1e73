"""Copy what a core will hold into our own memory, so that the process stands still for the copy alone.

What is copied is handed on in order and read once: another thread may write it out meanwhile, and so makes room for
what is still to be copied. The copy never waits for the writing: where no room has been given back, new room is taken.
"""

from __future__ import annotations

import mmap
import time
from contextlib import suppress
from queue import SimpleQueue

from dotdump.errors import Incomplete, MemoryFault
from dotdump.linux.headroom import headroom
from dotdump.memory.space import MemoryRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from dotdump.dump.segments import DumpPlan
    from dotdump.memory.region import Region
    from dotdump.target.model import FilePlaces, Module, Platform, ProcessFacts, Thread
    from dotdump.target.process import ProcessTarget

    Piece = tuple[int, memoryview, int]
    """Where it was, what was there, and the slot of the arena that it lies in."""

SLOT = 1 << 20
"""Bytes of a slot: what is copied at once."""
_MADV_POPULATE_WRITE = 23
_STEP = 32 << 20
_SLOW_STEP = 0.03
"""Seconds, a gigabyte in one: a tenth of what large pages take where memory is not first to be had from a host."""


class Arena:
    """Anonymous memory of ours in slots, lent out and given back. ``touched`` bytes of it are there from the start.

    A page fault costs more than the copy into the page, so what the process would have to wait for is touched before,
    in large pages. Only where these are slow small ones are taken: a virtual machine that reports free memory to its
    host has given up the large pieces, and waits for each page of them, but seldom the small ones.
    """

    def __init__(self, size: int, touched: int = 0) -> None:
        self.room = -(-size // SLOT) * SLOT
        self._map = mmap.mmap(-1, self.room, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with suppress(OSError):  # without large pages; before Linux 5.14 the copy touches it
            self._touch(min(touched, self.room))
        self._view = memoryview(self._map)
        self._fresh = iter(range(0, self.room, SLOT))
        self._back: list[int] = []

    def take(self) -> int:
        """Return a slot: the one that was given back last, else one that was never used."""
        try:
            return self._back.pop()
        except IndexError:
            return next(self._fresh)

    def give_back(self, slot: int) -> None:
        """Lend the slot out again. Any thread may call this."""
        self._back.append(slot)

    def view(self, slot: int) -> memoryview:
        """Return the memory of a slot."""
        return self._view[slot : slot + SLOT]

    def _touch(self, size: int) -> None:
        self._map.madvise(mmap.MADV_HUGEPAGE)
        for start in range(0, size, _STEP):
            begun = time.monotonic()
            self._map.madvise(_MADV_POPULATE_WRITE, start, min(_STEP, self.room - start))
            if time.monotonic() - begun > _SLOW_STEP:
                self._map.madvise(mmap.MADV_NOHUGEPAGE)


class Relay:
    """An ``AddressSpace`` that one thread fills and one reads, each in the order of addresses, each once.

    ``runs`` are what will be copied, sorted: the rest was never touched, so zero. What has been read, or passed over,
    is gone.
    """

    def __init__(self, runs: Sequence[MemoryRange], arena: Arena) -> None:
        self._runs = runs
        self._arena = arena
        self._pieces: SimpleQueue[Piece | None] = SimpleQueue()
        self._piece: Piece | None = (0, memoryview(b""), -1)
        self._next_run = 0
        self._abandoned = False

    def fill(self, target: ProcessTarget) -> None:
        """Copy all of it, what cannot be read left out; whatever happens, a reader does not wait any longer."""
        try:
            self._fill(target)
        except BaseException:
            self._abandoned = True
            raise
        finally:
            self._pieces.put(None)

    def abandon(self) -> None:
        """Have ``fill`` end, and the reader raise ``Incomplete``: one of the two has given up."""
        self._abandoned = True
        self._pieces.put(None)

    def read(self, address: int, size: int) -> bytes:
        data = self.read_available(address, size)
        if len(data) < size:
            raise MemoryFault(address + len(data), size - len(data))
        return data

    def read_available(self, address: int, size: int) -> bytes:
        buffer = bytearray(size)
        return bytes(buffer[: self.read_into(address, memoryview(buffer))])

    def read_into(self, address: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``address`` on as it is copied, and return the length of the readable prefix."""
        filled = 0
        while filled < len(buffer):
            start, data = self._piece_at(address + filled)
            part = data[address + filled - start :][: len(buffer) - filled]
            if start > address + filled or not len(part):
                break
            buffer[filled : filled + len(part)] = part
            filled += len(part)
        return filled

    def view(self, address: int, size: int) -> memoryview | None:  # noqa: ARG002
        return None

    def ranges(self) -> Sequence[MemoryRange]:
        return self._runs

    def present_runs(self, start: int, end: int) -> Iterator[MemoryRange]:
        """Yield the parts of a range that are copied, in order."""
        while self._next_run < len(self._runs) and self._runs[self._next_run].end <= start:
            self._next_run += 1
        for index in range(self._next_run, len(self._runs)):
            run = self._runs[index]
            if run.start >= end:
                return
            yield MemoryRange(max(run.start, start), min(run.end, end))

    def _piece_at(self, address: int) -> tuple[int, memoryview]:
        """Return where the first piece begins that ends behind ``address``, and its bytes; an empty one at the end."""
        while self._piece is not None:
            start, data, slot = self._piece
            if address < start + len(data):
                return start, data
            self._piece = self._pieces.get()
            if slot >= 0 and (self._piece is None or self._piece[2] != slot):
                self._arena.give_back(slot)
        if self._abandoned:
            raise Incomplete("the dump was cut short: the memory of the process was not copied to its end")
        return address, memoryview(b"")

    def _fill(self, target: ProcessTarget) -> None:
        page, used, slot = target.platform.page_size, SLOT, -1
        for run in self._runs:
            position = run.start
            while position < run.end:
                if self._abandoned:
                    return
                if used == SLOT:
                    slot, used = self._arena.take(), 0
                room = self._arena.view(slot)[used : used + run.end - position]
                count = target.memory.read_into(position, room)
                if count:
                    self._pieces.put((position, room[:count], slot))
                used += count
                position = position + count if count else (position + page) & -page


class BufferedTarget:
    """A ``Target`` whose memory comes by a ``Relay``."""

    def __init__(self, target: ProcessTarget, memory: Relay) -> None:
        self.platform: Platform = target.platform
        self.process: ProcessFacts = target.process
        self.regions: Sequence[Region] = target.regions
        self.threads: Sequence[Thread] = target.threads
        self.auxv: bytes = target.auxv
        self.places: FilePlaces = target.places
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


def prepared(expected: int | None, limit: int, share: float = 1.0) -> Arena | None:
    """Return an arena for ``expected`` bytes, a ``share`` of it touched; None where that is unknown, or too much."""
    room = _room(limit)
    return Arena(expected, int(expected * share)) if expected and expected <= room else None


def buffered(target: ProcessTarget, plan: DumpPlan, limit: int, arena: Arena | None = None) -> BufferedTarget | None:
    """Return a target to copy all that ``plan`` keeps into, or None where that is more than ``limit`` allows.

    More than half of what is free is never taken. ``arena`` is used where it is large enough. Nothing is copied yet.
    """
    limit = max(_room(limit), arena.room if arena else 0)
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
    if arena is None or arena.room < total:
        arena = Arena(total)
    return BufferedTarget(target, Relay(runs, arena))


def _room(limit: int) -> int:
    return max(min(limit, headroom([]) // 2), 0)
