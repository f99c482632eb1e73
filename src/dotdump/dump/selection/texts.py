"""Texts in memory, of one byte a character or of two, and where given texts stand among them.

Memory is translated to what its bytes are first: a search for a constant then finds the texts, and what is looked for
need only be looked for in them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Span = tuple[int, int]

_CHARACTERS = frozenset((*b"\t\n\r", *range(0x20, 0x7F)))
_KINDS = bytes(b"z\xff"[byte != 0] if byte not in _CHARACTERS else b"t"[0] for byte in range(256))
"""``t`` for what is a character of plain text, ``z`` for zero."""
_NARROW, _WIDE = re.compile(b"tttttt+"), re.compile(b"tztztztz(?:tz)*")
_LEAST_NARROW, _LEAST_WIDE = 8, 4
LEAST = 6
"""Characters of a text that is looked for."""
_CUT = 16
"""Bytes of a text that goes on elsewhere by which it is known, or all there are."""


class Texts:
    """Where in ``data`` texts are: ``narrow`` of at least 6 characters of one byte, ``wide`` of at least 4 of two."""

    def __init__(self, data: bytes | bytearray) -> None:
        kinds = data.translate(_KINDS)
        self.narrow = _spans(_NARROW, kinds)
        self.wide = _spans(_WIDE, kinds)

    def long(self) -> Iterator[Span]:
        """Yield the texts of at least 8 characters of one byte, then those of two bytes."""
        yield from (span for span in self.narrow if span[1] - span[0] >= _LEAST_NARROW)
        yield from self.wide


class Wanted:
    """Texts to look for, of at least ``LEAST`` characters each, in the encodings of both worlds."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        self._plain: list[bytes] = []
        self._others: list[bytes] = []
        for text in texts:
            (self._plain if _CHARACTERS.issuperset(text) else self._others).append(text)
        self._others += [_wide(text) for text in self._others]
        self._wide = [_wide(text) for text in self._plain]
        self._all = b"\0\0\0".join((*self._plain, *self._others, *self._wide))

    def places_in(self, data: bytes | bytearray, texts: Texts) -> Iterator[Span]:
        """Yield where in ``data`` one of the texts is; ``texts`` are those of ``data``, or of what it was before."""
        yield from _Pieces(data, texts.narrow).find(self._plain)
        wide = [(start, end) for start, end in texts.wide if end - start >= 2 * LEAST]
        yield from _Pieces(data, wide).find(self._wide)
        if self._others:
            yield from _Pieces(data, [(0, len(data))]).find(self._others)

    def cut_off(self, data: bytes | bytearray, first: int, last: int) -> Iterator[Span]:
        """Yield what of one of the texts ``data`` begins or ends with, as far as it reaches into ``first`` to ``last``.

        It is known by what stands at the end of ``data``, and blank up to where no text goes on: a zero, or two.
        """
        for width, between in ((1, b"\0"), (2, b"\0\0")):
            end = data.find(between)
            end = len(data) if end < 0 else end
            if end > first and self._has_part(data[: min(end, _CUT)], width):
                yield 0, end
            start = data.rfind(between)
            start = 0 if start < 0 else start + width
            if start < last and self._has_part(data[max(start, len(data) - _CUT) :], width):
                yield start, len(data)

    def _has_part(self, part: bytes | bytearray, width: int) -> bool:
        return len(part) >= width * LEAST and part in self._all


class _Pieces:
    """Pieces of ``data``, put together with a zero between."""

    def __init__(self, data: bytes | bytearray, spans: Sequence[Span]) -> None:
        self._joined = b"\0".join(data[start:end] for start, end in spans)
        self._spans = spans
        self._starts = [0, *accumulate(end - start + 1 for start, end in spans)]

    def find(self, texts: Iterable[bytes]) -> Iterator[Span]:
        """Yield where in the data each of ``texts`` is."""
        for text in texts:
            at = self._joined.find(text)
            while at >= 0:
                index = bisect_right(self._starts, at) - 1
                start = self._spans[index][0] + at - self._starts[index]
                yield start, start + len(text)
                at = self._joined.find(text, at + len(text))


def _spans(pattern: re.Pattern[bytes], kinds: bytes | bytearray) -> list[Span]:
    return [found.span() for found in pattern.finditer(kinds)]


def _wide(text: bytes) -> bytes:
    return text.decode("utf-8", "replace").encode("utf-16-le")
