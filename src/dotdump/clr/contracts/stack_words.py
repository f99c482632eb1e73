"""What stacks and registers could point to, word by word: no list of what they really hold is asked.

A word that lies inside an object of the heap may be a reference to it, or a number that looks like one. Reads from
the stack pointer, with what a leaf function may keep below it, to the end of the mapping it is in.

Source of truth: the psABI of x86-64 (the red zone of 128 bytes; AArch64 has none on Linux).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.formats.columns import whole_words
from dotdump.formats.registers import RED_ZONE
from dotdump.memory.region import region_at
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.clr.contracts.gc import Segment
    from dotdump.kernels import Column
    from dotdump.memory.region import Region
    from dotdump.target.model import Target, Thread


@record
class StackWord:
    """``value`` lies in the heap; it stands at ``address``, or in ``register`` where that is named."""

    thread: int
    address: int
    register: str
    value: int


def words_into(target: Target, segments: Sequence[Segment], threads: Iterable[Thread]) -> Iterator[StackWord]:
    """Yield every register and stack word of ``threads`` that lies in one of ``segments``."""
    inside = _Inside(segments)
    for thread in threads:
        for register, value in thread.registers.items():
            if value in inside:
                yield StackWord(thread.tid, 0, register, value)
        region = region_at(target.regions, thread.stack_pointer)
        if region is not None:
            base, words = _stack(target, thread, _end_of_stack(thread, region, inside.starts))
            yield from inside.among(thread.tid, base, words)


def words_of_records(
    target: Target, segments: Sequence[Segment], records: Iterable[tuple[int, int]], size: int
) -> Iterator[StackWord]:
    """Yield the words that lie in ``segments`` of records of ``size`` bytes, each of a thread and at an address."""
    inside = _Inside(segments)
    for thread, address in records:
        data = target.memory.read_available(address, size)
        yield from inside.among(thread, address, whole_words(data))


class _Inside:
    """Whether a number is an address in one of the segments."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.starts = [segment.start for segment in segments]
        self._ends = [segment.end for segment in segments]

    def __contains__(self, value: int) -> bool:
        index = bisect_right(self.starts, value) - 1
        return index >= 0 and value < self._ends[index]

    def among(self, thread: int, base: int, words: Column) -> Iterator[StackWord]:
        """Yield those of ``words``, which begin at ``base``, that are."""
        lowest, highest = (self.starts[0], self._ends[-1]) if self.starts else (0, 0)
        for index, word in enumerate(words):
            if lowest <= word < highest and word in self:
                yield StackWord(thread, base + 8 * index, "", word)


def _end_of_stack(thread: Thread, region: Region, heap: Sequence[int]) -> int:
    """Return where the mapping ends, or where the heap begins that a core shows as one with it."""
    index = bisect_right(heap, thread.stack_pointer)
    return min(region.end, heap[index]) if index < len(heap) else region.end


def _stack(target: Target, thread: Thread, end: int) -> tuple[int, Column]:
    start = max(0, thread.stack_pointer - RED_ZONE) & ~7
    if not target.memory.read_available(start, 8):
        start = thread.stack_pointer & ~7
    data = target.memory.read_available(start, min(end - start, limits.STACK_SIZE))
    return start, whole_words(data)


def containing_row(addresses: Sequence[int], sizes: Sequence[int], value: int) -> int | None:
    """Return the row of the object that ``value`` lies in, or None."""
    row = bisect_right(addresses, value) - 1
    return row if row >= 0 and value < addresses[row] + sizes[row] else None
