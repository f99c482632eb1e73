"""Strings of a heap: which there are most often, which are longest, and what their copies waste."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from dotdump.analysis.statistics import generation_names
from dotdump.clr.contracts.progress import BytesDone
from dotdump.errors import MemoryFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Problem

SHOWN = 200
_PIECE = 1 << 20
_PATTERN_LIMIT = 1 << 20
"""Characters of one string that a pattern is searched in."""


@dataclass(frozen=True, slots=True)
class StringRow:
    """A text, cut at ``SHOWN`` characters: ``length`` in characters, ``count`` copies of ``size`` bytes together.

    ``wasted`` is what would go with all copies but one; ``address`` is the first of them.
    """

    address: str
    length: int
    count: int
    size: int
    wasted: int
    text: str


@dataclass(frozen=True, slots=True)
class StringStatistics:
    """Different texts among ``strings`` objects of ``bytes`` in all; ``wasted`` is of all of them, also not shown ones.

    ``distinct`` counts the different texts.
    """

    runtime: str
    strings: int
    bytes: int
    distinct: int
    wasted: int
    texts: tuple[StringRow, ...]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Copies:
    address: int
    length: int
    count: int = 0
    size: int = 0


def string_statistics(
    runtime: ClrRuntime,
    pattern: str | None = None,
    *,
    min_length: int = 0,
    progress: Progress | None = None,
) -> StringStatistics:
    """Count the strings of a heap by text: those of ``min_length`` characters whose text matches ``pattern``.

    A text is kept as a digest of 16 bytes: memory grows with different texts, not with their length.
    """
    search = re.compile(pattern).search if pattern else None
    found, unreadable = _by_text(_strings(runtime, progress), search, min_length)
    texts = tuple(_row(runtime, copies) for copies in found)
    problems = list(runtime.heap.problems)
    if unreadable:
        from dotdump.target.model import Problem

        problems.append(Problem("strings", f"{unreadable} strings are not whole in the dump"))
    return StringStatistics(
        runtime=runtime.name,
        strings=sum(row.count for row in texts),
        bytes=sum(row.size for row in texts),
        distinct=len(texts),
        wasted=sum(row.wasted for row in texts),
        texts=texts,
        problems=tuple(problems),
    )


def _by_text(
    strings: Iterable[ClrObject], search: Callable[[str], object] | None, min_length: int
) -> tuple[Iterable[_Copies], int]:
    """Return the copies of each text that is wanted, and how many strings could not be read."""
    found: dict[bytes, _Copies] = {}
    unreadable = 0
    for string in strings:
        try:
            length = string.length
            if length < min_length or (search is not None and not search(string.read_text(_PATTERN_LIMIT))):
                continue
            copies = found.setdefault(_digest(string, length), _Copies(string.address, length))
        except MemoryFault:
            unreadable += 1
            continue
        copies.count += 1
        copies.size += string.size
    return found.values(), unreadable


def _strings(runtime: ClrRuntime, progress: Progress | None) -> Iterator[ClrObject]:
    heap = runtime.heap
    spans = [span for span, _ in generation_names(heap.segments)]
    advance = BytesDone(progress, "strings", sum(span.end - span.start for span in spans))

    def is_string(shape: ObjectShape) -> bool:
        return shape.component_size == 2 and not shape.is_free and runtime.type_at(shape.method_table).is_string

    return heap.matching(spans, is_string, advance)


def _digest(string: ClrObject, length: int) -> bytes:
    """Return what is the same for equal texts: short ones themselves, a digest of longer ones."""
    read, start = (
        string.heap.access.reader.memory.read,
        string.address + string.heap.access.offset("String", "m_FirstChar"),
    )
    if length <= 8:
        return read(start, 2 * length)
    digest = blake2b(digest_size=16)
    for position in range(0, 2 * length, _PIECE):
        digest.update(read(start + position, min(_PIECE, 2 * length - position)))
    return digest.digest() + length.to_bytes(4, "little")


def _row(runtime: ClrRuntime, copies: _Copies) -> StringRow:
    try:
        text = runtime.heap.object(copies.address).read_text(SHOWN)
    except MemoryFault:
        text = ""
    wasted = copies.size - copies.size // copies.count
    return StringRow(f"{copies.address:#x}", copies.length, copies.count, copies.size, wasted, text)
