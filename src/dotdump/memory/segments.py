"""Loadable segments of a file as an ``AddressSpace``: memory by address, out of a file by position.

Where a segment has fewer bytes in the file than in memory, or the file ends before it does, the rest faults and the
fault says which of the two it was. Segments that follow each other in memory and in the file are one extent, so a
``view`` may span them. Of two segments that claim the same address the first by start wins.

A segment is a tuple, for a core may have tens of thousands: start, size, offset, and how many bytes of its size are
stored at that offset of the file.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import cached_property
from operator import itemgetter

from dotdump.memory.overlay import Origin
from dotdump.memory.space import ADDRESS_END, NOT_MAPPED, ExactReads, MemoryRange, joined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from dotdump.memory.space import AddressSpace

    LoadSegment: TypeAlias = tuple[int, int, int, int]

_NOWHERE = 0, 0, 0


class SegmentSpace(ExactReads):
    """Memory out of ``source``, whose first ``source_size`` bytes are there."""

    def __init__(self, source: AddressSpace, segments: Iterable[LoadSegment], source_size: int, name: str = "") -> None:
        self.name = name
        self._source = source
        self._read_source = source.read_available
        self._source_size = source_size
        possible = [segment for segment in segments if segment[1] > 0 and segment[0] + segment[1] <= ADDRESS_END]
        self._ordered = sorted(possible, key=itemgetter(0))
        self._columns = _Columns(_extents(self._ordered, source_size))
        self._near = _NOWHERE

    @cached_property
    def _absent(self) -> _Columns:
        return _Columns(_unkept(self._ordered))

    @cached_property
    def _cut(self) -> _Columns:
        return _Columns(_beyond(self._ordered, self._source_size))

    def read_available(self, address: int, size: int) -> bytes:
        start, end, shift = self._near
        if not (start <= address and address + size <= end):
            start, end, shift = self._near = self._columns.extent_at(address)
            if not (start <= address and address + size <= end):
                return b"".join(self._parts(address, size))
        return self._read_source(address + shift, size)

    def view(self, address: int, size: int) -> memoryview | None:
        offset, there = self._columns.locate(address)
        return self._source.view(offset, size) if size <= there else None

    def ranges(self) -> list[MemoryRange]:
        return joined(MemoryRange(start, end) for start, end, _ in self._columns.rows())

    def reach(self, address: int) -> int:
        """Return how many bytes it has from ``address`` on in one piece, or less than 0: how many it has not."""
        return self._columns.locate(address)[1] or address - self._columns.following(address)

    def origin(self, address: int) -> Origin | None:
        """Return where the byte at ``address`` comes from, or None where it is not there."""
        offset, there = self._columns.locate(address)
        return Origin(self.name, offset) if there else None

    def reason(self, address: int) -> str:
        """Return why there is no byte at ``address``."""
        if self._cut.locate(address)[1]:
            return f"{self.name} is cut before it"
        if self._absent.locate(address)[1]:
            return f"{self.name} does not hold it"
        return NOT_MAPPED

    def lost(self) -> list[MemoryRange]:
        """Return what the segment table promises and the file, being cut, does not hold."""
        return [MemoryRange(start, end) for start, end, _ in self._cut.rows()]

    def _parts(self, address: int, size: int) -> Iterator[bytes]:
        while size > 0:
            offset, there = self._columns.locate(address)
            part = self._read_source(offset, min(size, there)) if there else b""
            if not part:
                return
            yield part
            address += len(part)
            size -= len(part)


class _Columns:
    """Disjoint extents, sorted by start: 60 bytes each, however many there are; starts are objects, to be searched."""

    def __init__(self, extents: Iterable[tuple[int, int, int]]) -> None:
        self._starts: list[int] = []
        self._ends, self._offsets = array("Q"), array("Q")
        for start, end, offset in extents:
            if self._ends and start == self._ends[-1] + 1 and self._offsets[-1] + start - self._starts[-1] == offset:
                self._ends[-1] = end - 1
                continue
            self._starts.append(start)
            self._ends.append(end - 1)
            self._offsets.append(offset)

    def extent_at(self, address: int) -> tuple[int, int, int]:
        """Return the start and the end of the extent that ``address`` is in, and how far from there the file has it."""
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address > self._ends[index]:
            return _NOWHERE
        start = self._starts[index]
        return start, self._ends[index] + 1, self._offsets[index] - start

    def locate(self, address: int) -> tuple[int, int]:
        """Return the position of ``address`` in the file, and how many bytes are there from it on."""
        _, end, shift = self.extent_at(address)
        return (address + shift, end - address) if end else (0, 0)

    def following(self, address: int) -> int:
        """Return where the next extent starts, the end of all addresses where there is none."""
        index = bisect_right(self._starts, address)
        return self._starts[index] if index < len(self._starts) else ADDRESS_END

    def rows(self) -> Sequence[tuple[int, int, int]]:
        """Return the extents as (start, end, offset)."""
        return [(s, e + 1, o) for s, e, o in zip(self._starts, self._ends, self._offsets, strict=True)]


def _extents(ordered: Sequence[LoadSegment], source_size: int) -> Iterator[tuple[int, int, int]]:
    """Yield what is there of each segment: up to its file size, the end of the file, the start of the next extent."""
    reached = 0
    for first, size, offset, stored in ordered:
        start, end = max(first, reached), first + min(stored, size, source_size - offset)
        if start < end:
            yield start, end, offset + start - first
            reached = end


def _beyond(ordered: Sequence[LoadSegment], source_size: int) -> Iterator[tuple[int, int, int]]:
    """Yield what the end of the file took from each segment."""
    reached = 0
    for first, size, offset, stored in ordered:
        promised, there = min(stored, size), max(0, source_size - offset)
        if there < promised and (start := max(reached, first + there)) < first + promised:
            yield start, first + promised, 0
            reached = first + promised


def _unkept(ordered: Sequence[LoadSegment]) -> Iterator[tuple[int, int, int]]:
    """Yield what is in the memory of each segment and was never meant to be in the file."""
    reached = 0
    for first, size, _, stored in ordered:
        if stored < size and (start := max(reached, first + stored)) < first + size:
            yield start, first + size, 0
            reached = first + size
