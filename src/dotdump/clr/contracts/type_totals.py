"""Totals of a walk: objects and bytes by type, of all or of each generation apart. Visitors of ``HeapWalk``."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from dotdump.clr.contracts.progress import BytesDone
from dotdump.kernels import walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.clr.contracts.gc import Span
    from dotdump.clr.contracts.heap_walk import Visitor
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.contracts.type_table import TypeTable

_FIRST_TYPES = 1024


class TypeTotals:
    """A visitor that counts objects and bytes by type index; its columns grow with the types."""

    def __init__(self, types: TypeTable) -> None:
        self._types = types
        self.counts = array("Q", bytes(8 * _FIRST_TYPES))
        self.sizes = array("Q", bytes(8 * _FIRST_TYPES))

    def __call__(self, words: memoryview[int], base: int, span: Span, table: array[int], stop: array[int]) -> int:
        del base, span
        while len(self.counts) < len(self._types):
            self.counts.extend(bytes(len(self.counts)))
            self.sizes.extend(bytes(len(self.sizes)))
        found: int = walk.count_objects(words, 0, len(words), table, self.counts, self.sizes, stop)
        return found


class GroupedTotals:
    """A visitor that keeps ``TypeTotals`` for each group of spans; ``groups`` names the group of each span."""

    def __init__(self, types: TypeTable, groups: Mapping[Span, str]) -> None:
        self._groups = groups
        self.totals = {name: TypeTotals(types) for name in sorted(set(groups.values()))}

    def __call__(self, words: memoryview[int], base: int, span: Span, table: array[int], stop: array[int]) -> int:
        return self.totals[self._groups[span]](words, base, span, table, stop)


class Watched:
    """A visitor that passes everything on to another, and tells ``progress`` how many of ``total`` bytes are done."""

    def __init__(self, visit: Visitor, progress: Progress | None, phase: str, total: int) -> None:
        self._visit = visit
        self._advance = BytesDone(progress, phase, total)

    def __call__(self, words: memoryview[int], base: int, span: Span, table: array[int], stop: array[int]) -> int:
        found = self._visit(words, base, span, table, stop)
        self._advance(8 * stop[0])
        return found
