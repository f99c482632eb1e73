"""Which memory of a plan is all zeros: what was never touched, and what was and holds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.dump.segments import Why
from dotdump.memory.space import MemoryRange, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.dump.segments import DumpPlan
    from dotdump.memory.space import AddressSpace

_CHUNK = 1 << 20
_ZEROS = bytes(_CHUNK)


def zero_ranges(memory: AddressSpace, plan: DumpPlan, least: int) -> list[MemoryRange]:
    """Return the ranges of at least ``least`` zeros in what ``plan`` stores, sorted and disjoint.

    ``least`` is a power of two up to 1 MiB; memory is looked at in steps of it.
    """
    zeros = (
        part
        for segment in plan.segments
        if segment.stored >= least and segment.why is not Why.ZERO
        for part in _zeros_of(memory, segment.start, segment.start + segment.stored, least)
    )
    return [part for part in joined(zeros) if part.size >= least]


def _zeros_of(memory: AddressSpace, start: int, end: int, least: int) -> Iterator[MemoryRange]:
    position = start
    runs = getattr(memory, "present_runs", None)
    for run in runs(start, end) if runs is not None else [MemoryRange(start, end)]:
        if position < run.start:
            yield MemoryRange(position, run.start)
        yield from _zero_blocks(memory, run.start, run.end, least)
        position = run.end
    if position < end:
        yield MemoryRange(position, end)


def _zero_blocks(memory: AddressSpace, start: int, end: int, least: int) -> Iterator[MemoryRange]:
    for position in range(start, end, _CHUNK):
        data = memory.read_available(position, min(_CHUNK, end - position))
        for offset in range(0, len(data), least):
            size = min(least, len(data) - offset)
            if data.startswith(_ZEROS[:size], offset):
                yield MemoryRange(position + offset, position + offset + size)
