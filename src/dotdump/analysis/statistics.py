"""What fills a heap: objects and bytes by type."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dotdump.kernels import walk

if TYPE_CHECKING:
    from dotdump.clr.contracts.gc import Span
    from dotdump.clr.contracts.type_table import TypeTable
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Problem


@dataclass(frozen=True, slots=True)
class TypeRow:
    """One type: its objects and the bytes they take, alignment included. ``method_table`` is its address as ``0x…``."""

    method_table: str
    name: str
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class HeapStatistics:
    """All types of a heap, the largest first; free space is the type ``Free`` and not in the totals.

    ``walkable`` is False where the collector was moving objects: then ``rows`` is what could be had.
    """

    runtime: str
    server: bool
    walkable: bool
    objects: int
    bytes: int
    free_bytes: int
    types: tuple[TypeRow, ...]
    problems: tuple[Problem, ...]


def heap_statistics(runtime: ClrRuntime) -> HeapStatistics:
    """Count every object of the heap by type, in one pass; damage is skipped and told in ``problems``."""
    heap = runtime.heap
    visitor = _Counter(heap.types)
    heap_walk = heap.walk()
    heap_walk.run(visitor)
    rows, free = [], 0
    for index, shape in enumerate(heap.types.shapes):
        if index >= len(visitor.counts) or not visitor.counts[index]:
            continue
        free += visitor.sizes[index] if shape.is_free else 0
        name = "Free" if shape.is_free else runtime.type_name(shape.method_table)
        rows.append(TypeRow(f"{shape.method_table:#x}", name, visitor.counts[index], visitor.sizes[index]))
    rows.sort(key=lambda row: (-row.size, row.name))
    return HeapStatistics(
        runtime=f"{runtime.kind} {runtime.version}".rstrip(),
        server=heap.is_server,
        walkable=heap.can_walk,
        objects=sum(row.count for row in rows if row.name != "Free"),
        bytes=sum(row.size for row in rows) - free,
        free_bytes=free,
        types=tuple(rows),
        problems=(*heap.problems, *heap_walk.problems),
    )


class _Counter:
    """A visitor that counts objects and bytes by type index; its columns grow with the types."""

    def __init__(self, types: TypeTable) -> None:
        self._types = types
        self.counts = array("Q")
        self.sizes = array("Q")

    def __call__(self, words: memoryview[int], base: int, span: Span, table: array[int], stop: array[int]) -> int:
        del base, span
        missing = len(self._types) - len(self.counts)
        if missing > 0:
            self.counts.extend(bytes(missing))
            self.sizes.extend(bytes(missing))
        counted: int = walk.count_objects(words, 0, len(words), table, self.counts, self.sizes, stop)
        return counted
