"""Which memory of a plan is all zeros: what was never touched, and what was and holds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.dump.plan import ZERO_BLOCK
from dotdump.dump.segments import Why
from dotdump.dump.zero_pages import page_runs, present_parts
from dotdump.memory.space import MemoryRange, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.dump.segments import DumpPlan
    from dotdump.memory.space import AddressSpace

_CHUNK = 1 << 20
_MOST_RANGES = 2000
"""Ranges of zeros that have segments of their own; those longer than a block have as many again."""


def zero_ranges(memory: AddressSpace, plan: DumpPlan, page_size: int, least: int) -> list[MemoryRange]:
    """Return the ranges of whole pages, at least ``least`` bytes, that are zeros in what ``plan`` stores; sorted."""
    page = bytes(page_size)
    zeros = (
        part
        for segment in plan.segments
        if segment.stored >= least and segment.why is not Why.ZERO
        for part in _zeros_of(memory, segment.start, segment.start + segment.stored, page)
    )
    return [part for part in joined(zeros) if part.size >= least]


def worth_sharing(zeros: list[MemoryRange], most: int = _MOST_RANGES) -> tuple[list[MemoryRange], int]:
    """Return the largest of ``zeros`` (sorted), at most ``most``, and how large a block they should share.

    A core is to have a few thousand segments more for them, whatever the target has reserved: thousands of stacks.
    """
    if len(zeros) > most:
        zeros = sorted(sorted(zeros, key=lambda part: part.size)[-most:], key=lambda part: part.start)
    block = ZERO_BLOCK
    while sum(part.size for part in zeros) > block * most:
        block *= 2
    return zeros, block


def _zeros_of(memory: AddressSpace, start: int, end: int, page: bytes) -> Iterator[MemoryRange]:
    position = start
    for first, last in present_parts(memory, start, end):
        if position < first:
            yield MemoryRange(position, first)
        yield from _zeros_among(memory, first, last, page)
        position = last
    if position < end:
        yield MemoryRange(position, end)


def _zeros_among(memory: AddressSpace, start: int, end: int, page: bytes) -> Iterator[MemoryRange]:
    for position in range(start, end, _CHUNK):
        data = memory.read_available(position, min(_CHUNK, end - position))
        for first, last, is_zero in page_runs(data, page):
            if is_zero:
                yield MemoryRange(position + first, position + last)
