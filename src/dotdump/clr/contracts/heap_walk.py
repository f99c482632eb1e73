"""Walks the objects of a heap, whatever state it is in: kernels run over each span, and this puts them back on track.

Damage never ends a walk. Where no object is, the walk looks for the next few in a row, says how many bytes it had
to skip, and goes on; what an allocation context keeps free is no damage. Knows nothing of names or fields.

Objects lie as ``kernels.walk`` says. A hole that is all zero, but for the header of the object after it, is memory
that the collector has handed out and nobody has used yet.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from dotdump import limits
from dotdump.kernels import walk
from dotdump.memory.space import overlaps
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dotdump.clr.contracts.gc import AllocationContext, Segment, Span
    from dotdump.clr.contracts.type_table import TypeTable
    from dotdump.memory.space import AddressSpace

_PIECE = 16 << 20
_CHAIN = 4


class Visitor(Protocol):
    """What is done with the objects of a piece of memory: one of the kernels, and the columns it fills."""

    def __call__(self, words: memoryview[int], base: int, span: Span, table: array[int], stop: array[int]) -> int:
        """Run a kernel over all of ``words``, which begin at ``base``; return how many objects it passed."""


class HeapWalk:
    """One walk over the spans of ``segments``."""

    def __init__(
        self,
        memory: AddressSpace,
        segments: Sequence[Segment],
        types: TypeTable,
        contexts: Iterable[AllocationContext] = (),
    ) -> None:
        self._memory = memory
        self._types = types
        self._holes = {context.pointer: context.end for context in contexts}
        self._stop = array("Q", [0, 0, 0])
        self._segments = segments
        self._readable = memory.ranges()
        self._found: list[Problem] = []
        self.position = 0

    @property
    def problems(self) -> list[Problem]:
        """What was skipped, in order; if most of the heap is not there at all, that alone."""
        return self._lack or self._found if self._found else []

    def run(self, visit: Visitor) -> int:
        """Pass every object to ``visit``, in order of address; return how many there were."""
        return sum(self.run_span(span, visit) for segment in self._segments for span in segment.spans)

    def run_span(self, span: Span, visit: Visitor) -> int:
        """Pass the objects of one span to ``visit``; return how many there were.

        ``position`` tells how far it came: short of the span's end where the columns of ``visit`` are full.
        """
        position, total, wanted = span.start, 0, 0
        while position < span.end:
            words = self._words(position, span.end, wanted)
            if not words:
                position = self._skip_missing(span, position)
                continue
            total += visit(words, position, span, self._types.words, self._stop)
            reached = position + 8 * self._stop[0]
            if self._stop[1] == walk.FULL:
                position = reached
                break
            position, wanted = self._after_stop(span, words, position, reached, wanted)
        self.position = position
        return total

    def _after_stop(self, span: Span, words: memoryview[int], base: int, reached: int, asked: int) -> tuple[int, int]:
        """Return where to go on after a kernel has stopped at ``reached``, and how many bytes it needs there.

        ``asked`` bytes were asked for at ``base`` already: where more are needed and not there, an object is cut.
        """
        reason, index = self._stop[1], self._stop[0]
        if reason == walk.DONE:
            return reached, 0
        word = words[index] & ~7
        if reason == walk.UNKNOWN_TYPE and word and not self._types.exhausted and self._types.learn(word):
            return reached, 0
        if reason == walk.TOO_LONG and base + 8 * len(words) < span.end:
            size = self._size_at(words, index)
            if reached + size <= span.end and (index or asked < size > 8 * len(words)):
                return reached, size
        return self._resume(span, base, reached), 0

    def _size_at(self, words: memoryview[int], index: int) -> int:
        kind = self._types.index_of(words[index] & ~7)
        if kind is None or index + 1 >= len(words):
            return _PIECE
        shape = self._types.shapes[kind]
        size: int = shape.base_size + shape.component_size * (words[index + 1] & 0xFFFFFFFF)
        return (size + 7) & ~7

    def _resume(self, span: Span, base: int, reached: int) -> int:
        """Return where objects go on after ``reached``, where there is none."""
        hole = self._holes.get(reached)
        if hole is not None and reached < hole <= span.end:
            return hole
        found = self._next_object(span, reached)
        if self._is_clean(reached, found):
            return found
        start = self._suspect(span, base, reached)
        if start < reached:
            found = self._next_object(span, start)
        self._report(reached if found > reached else start, found, "no objects")
        return max(found, start + 8)

    def _suspect(self, span: Span, base: int, reached: int) -> int:
        """Return where to look from: into the object before, where its length may be what led astray."""
        previous = base + 8 * self._stop[2]
        if not span.start <= previous < reached:
            return reached
        kind = self._types.index_of(int.from_bytes(self._memory.read(previous, 8), "little") & ~7)
        variable = kind is not None and self._types.shapes[kind].component_size
        return previous + 16 if variable else reached

    def _next_object(self, span: Span, start: int) -> int:
        """Return where the next objects in a row lie, or the end of the span."""
        position = start
        while position < span.end:
            words = self._words(position, span.end, 0)
            if not words:
                return position
            index = self._find(words)
            if index < len(words):
                return position + 8 * index
            position += 8 * max(1, len(words) - _CHAIN if position + 8 * len(words) < span.end else len(words))
        return span.end

    def _find(self, words: memoryview[int]) -> int:
        lowest, highest = self._readable[0].start, self._readable[-1].end
        index = 0
        while index < len(words):
            table = self._types.words
            index = walk.find_object(words, index, len(words), table, lowest, highest, _CHAIN, self._stop)
            if self._stop[1] != walk.UNKNOWN_TYPE:
                break
            if self._types.exhausted:
                index += 1
                continue
            self._types.learn(words[self._stop[0]] & ~7)
        return index

    def _is_clean(self, start: int, end: int) -> bool:
        """Return whether there is nothing from ``start`` to ``end`` but the header before an object."""
        data = self._memory.read_available(start, end - start)
        return len(data) == end - start and not any(memoryview(data)[: max(0, len(data) - 8)])

    def _skip_missing(self, span: Span, position: int) -> int:
        """Return where memory goes on that is not there at ``position``."""
        index = bisect_right(self._readable, position, key=lambda r: r.start)
        there = self._readable[index].start if index < len(self._readable) else span.end
        there = min(max((there + 7) & ~7, position + 8), span.end)
        self._report(position, there, "its memory is not in the dump")
        return self._next_object(span, there)

    def _words(self, start: int, end: int, wanted: int) -> memoryview[int]:
        """Return memory from ``start`` on, without a copy where that can be: to ``end``, or a piece of it."""
        view = self._memory.view(start, end - start)
        if view is None:
            size = min(end - start, max(_PIECE, min(wanted, limits.OBJECT_SIZE)))
            view = memoryview(self._memory.read_available(start, size))
        return view[: len(view) & ~7].cast("Q")

    @cached_property
    def _lack(self) -> list[Problem]:
        """That most of the heap is not in the dump: what a small one has of it are scraps, and no damage."""
        spans = [span for segment in self._segments for span in segment.spans]
        starts = [part.start for part in self._readable]
        size = sum(span.end - span.start for span in spans)
        held = sum(part.size for span in spans for part in overlaps(self._readable, starts, span.start, span.end))
        if 2 * held >= size:
            return []
        text = f"of {size:,} bytes of the heap {held:,} are in the dump: one of type Heap or Full has all"
        return [Problem("heap", text)]

    def _report(self, start: int, end: int, text: str) -> None:
        if len(self._found) < limits.HEAP_PROBLEMS:
            self._found.append(Problem("heap", f"{start:#x}: {text} in {end - start} bytes"))
        elif len(self._found) == limits.HEAP_PROBLEMS:
            self._found.append(Problem("heap", f"{start:#x}: more damage follows, which is not named"))
