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
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Problem

SHOWN = 200
_PIECE = 1 << 20
_HEADER = 8
"""Bytes of an object that lie before its address."""

_SHORT = 8
"""Characters of a text that is kept itself: a digest is no shorter."""

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

    A text that is not short is kept as a digest of 16 bytes: memory grows with different texts, not with their length.
    """
    search = re.compile(pattern).search if pattern else None
    found, unreadable = _by_text(_strings(runtime, progress), _Texts(runtime.heap), search, min_length)
    texts = tuple(_row(runtime, copies) for copies in found)
    problems = list(runtime.heap.problems)
    if unreadable:
        from dotdump.target.model import Problem

        problems.append(Problem("strings", f"{_of_strings(unreadable)} not whole in the dump"))
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
    strings: Iterable[ClrObject], texts: _Texts, search: Callable[[str], object] | None, min_length: int
) -> tuple[Iterable[_Copies], int]:
    """Return the copies of each text that is wanted, and how many strings could not be read."""
    found: dict[bytes, _Copies] = {}
    unreadable = 0
    for string in strings:
        try:
            length, data = texts.read(string)
            if length < min_length or (search is not None and not search(string.read_text(_PATTERN_LIMIT))):
                continue
            key = texts.key(string, length, data)
        except MemoryFault:
            unreadable += 1
            continue
        copies = found.get(key)
        if copies is None:
            copies = found[key] = _Copies(string.address, length)
        copies.count += 1
        copies.size += string.size
    return found.values(), unreadable


class _Texts:
    """Reads strings of one heap: each at once, but for very long ones."""

    def __init__(self, heap: ClrHeap) -> None:
        self._read = heap.access.reader.memory.read
        self._first = heap.access.offset("String", "m_FirstChar")

    def read(self, string: ClrObject) -> tuple[int, bytes]:
        """Return the length of a string in characters, and the bytes of these; of a very long one none."""
        data = self._read(string.address, min(string.size, _PIECE) - _HEADER)
        length = int.from_bytes(data[self._first - 4 : self._first], "little")
        end = self._first + 2 * length
        return length, data[self._first : end] if end <= len(data) else b""

    def key(self, string: ClrObject, length: int, data: bytes) -> bytes:
        """Return what is the same for equal texts: short ones themselves, a digest of longer ones."""
        if length <= _SHORT:
            return data
        digest = blake2b(data, digest_size=16)
        start = string.address + self._first
        for position in range(0, 0 if data else 2 * length, _PIECE):
            digest.update(self._read(start + position, min(_PIECE, 2 * length - position)))
        return digest.digest() + length.to_bytes(4, "little")


def _strings(runtime: ClrRuntime, progress: Progress | None) -> Iterator[ClrObject]:
    heap = runtime.heap
    spans = [span for span, _ in generation_names(heap.segments)]
    advance = BytesDone(progress, "strings", sum(span.end - span.start for span in spans))

    def is_string(shape: ObjectShape) -> bool:
        return shape.component_size == 2 and not shape.is_free and runtime.type_at(shape.method_table).is_string

    return heap.matching(spans, is_string, advance)


def _of_strings(count: int) -> str:
    return "1 string is" if count == 1 else f"{count:,} strings are"


def _row(runtime: ClrRuntime, copies: _Copies) -> StringRow:
    try:
        text = runtime.heap.object(copies.address).read_text(SHOWN)
    except MemoryFault:
        text = ""
    wasted = copies.size - copies.size // copies.count
    return StringRow(f"{copies.address:#x}", copies.length, copies.count, copies.size, wasted, text)
