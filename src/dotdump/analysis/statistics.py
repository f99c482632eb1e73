"""What fills a heap: objects and bytes by type, by module and by generation, and how much of it is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.records import record, replace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from dotdump.clr.contracts.gc import Segment, Span
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.contracts.type_totals import GroupedTotals
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Problem

GENERATIONS = ("gen0", "gen1", "gen2", "large", "pinned", "frozen")
"""Names of generations: those of small objects, the large and the pinned object heap, and what is never collected."""

FREE = "Free"


@record
class Amount:
    """So many objects, and the bytes they take."""

    count: int
    size: int


@record
class TypeRow:
    """One type: its objects and the bytes they take, alignment included. ``method_table`` is its address as ``0x…``.

    ``generations`` has those only in which there are any. ``is_free`` tells free space from a program's own
    class ``Free``.
    """

    method_table: str
    name: str
    module: str
    count: int
    size: int
    generations: dict[str, Amount]
    is_free: bool = False


@record
class ModuleRow:
    """All types that one module defines: how many of them have objects, their objects, their bytes."""

    name: str
    types: int
    count: int
    size: int
    generations: dict[str, Amount]


@record
class GenerationRow:
    """One generation: ``used`` bytes from where its parts start to where they end, of which ``size`` are objects.

    ``free`` bytes in ``holes`` places lie between them; the rest is what threads may allocate from, or was skipped.
    """

    name: str
    used: int
    count: int
    size: int
    free: int
    holes: int

    @property
    def fragmentation(self) -> float:
        """Which part of it is free, 0 to 1."""
        return self.free / self.used if self.used else 0.0


@record
class HeapStatistics:
    """All types of a heap, the largest first; free space is the type ``Free`` and not in the totals.

    ``walkable`` is False where the collector was moving objects: then ``types`` is what could be had.
    """

    runtime: str
    server: bool
    walkable: bool
    objects: int
    bytes: int
    free_bytes: int
    generations: tuple[GenerationRow, ...]
    types: tuple[TypeRow, ...]
    problems: tuple[Problem, ...]


@record
class ModuleStatistics:
    """The same by module, the largest first."""

    runtime: str
    server: bool
    walkable: bool
    objects: int
    bytes: int
    free_bytes: int
    generations: tuple[GenerationRow, ...]
    modules: tuple[ModuleRow, ...]
    problems: tuple[Problem, ...]


def heap_statistics(runtime: ClrRuntime, progress: Progress | None = None) -> HeapStatistics:
    """Count every object of the heap by type, in one pass; damage is skipped and told in ``problems``.

    ``progress`` is told a phase, how many bytes are done, and of how many.
    """
    from dotdump.clr.contracts.type_totals import GroupedTotals, Watched

    heap = runtime.heap
    totals = GroupedTotals(heap.types, _groups(heap.segments))
    heap_walk = heap.walk()
    size = sum(segment.end - segment.start for segment in heap.segments)
    heap_walk.run(Watched(totals, progress, "counting", size))
    rows = sorted(_rows(runtime, totals), key=lambda row: (-row.size, row.name))
    real = [row for row in rows if not row.is_free]
    return HeapStatistics(
        runtime=runtime.name,
        server=heap.is_server,
        walkable=heap.can_walk,
        objects=sum(row.count for row in real),
        bytes=sum(row.size for row in real),
        free_bytes=sum(row.size for row in rows if row.is_free),
        generations=tuple(generation_rows(heap.segments, rows)),
        types=tuple(rows),
        problems=(*heap.problems, *heap_walk.problems),
    )


def in_generations(statistics: HeapStatistics, names: Collection[str]) -> HeapStatistics:
    """Return what of ``statistics`` lies in the generations of these names."""
    rows = []
    for row in statistics.types:
        parts = {name: amount for name, amount in row.generations.items() if name in names}
        if parts:
            rows.append(replace(row, count=_count(parts), size=_size(parts), generations=parts))
    return replace(
        statistics,
        objects=sum(row.count for row in rows if not row.is_free),
        bytes=sum(row.size for row in rows if not row.is_free),
        free_bytes=sum(row.size for row in rows if row.is_free),
        generations=tuple(row for row in statistics.generations if row.name in names),
        types=tuple(sorted(rows, key=lambda row: (-row.size, row.name))),
    )


def by_module(statistics: HeapStatistics) -> ModuleStatistics:
    """Return ``statistics`` by module; free space belongs to none."""
    rows: dict[str, list[TypeRow]] = {}
    for row in statistics.types:
        if not row.is_free:
            rows.setdefault(row.module, []).append(row)
    modules = [_module(name, types) for name, types in rows.items()]
    return ModuleStatistics(
        statistics.runtime,
        statistics.server,
        statistics.walkable,
        statistics.objects,
        statistics.bytes,
        statistics.free_bytes,
        statistics.generations,
        tuple(sorted(modules, key=lambda row: (-row.size, row.name))),
        statistics.problems,
    )


def generation_names(segments: Iterable[Segment]) -> Iterable[tuple[Span, str]]:
    """Yield each span of ``segments`` with the name of its generation."""
    for segment in segments:
        frozen = segment.kind == "Frozen"
        for span in segment.spans:
            yield span, GENERATIONS[-1] if frozen else GENERATIONS[min(span.generation, 4)]


def generation_at(heap: ClrHeap, address: int) -> str:
    """Return the name of the generation that ``address`` is in; empty where it is in none."""
    segment = heap.segment_at(address)
    named = generation_names([segment] if segment is not None else [])
    return next((name for span, name in named if span.start <= address < span.end), "")


def generation_rows(segments: Iterable[Segment], rows: Iterable[TypeRow]) -> Iterable[GenerationRow]:
    """Yield each generation that ``segments`` have, with what ``rows`` say is in it."""
    used = dict.fromkeys(GENERATIONS, 0)
    for span, name in generation_names(segments):
        used[name] += span.end - span.start
    objects = {name: [0, 0, 0, 0] for name in GENERATIONS}
    for row in rows:
        for name, amount in row.generations.items():
            first = 2 if row.is_free else 0
            objects[name][first] += amount.count
            objects[name][first + 1] += amount.size
    for name, size in used.items():
        count, taken, holes, free = objects[name]
        if size:
            yield GenerationRow(name, size, count, taken, free, holes)


def _groups(segments: Iterable[Segment]) -> dict[Span, str]:
    return dict(generation_names(segments))


def _rows(runtime: ClrRuntime, totals: GroupedTotals) -> Iterable[TypeRow]:
    for index, shape in enumerate(runtime.heap.types.shapes):
        parts = {
            name: Amount(found.counts[index], found.sizes[index])
            for name in GENERATIONS
            if (found := totals.totals.get(name)) and index < len(found.counts) and found.counts[index]
        }
        if parts:
            name = FREE if shape.is_free else runtime.type_name(shape.method_table)
            module = "" if shape.is_free else runtime.module_name(shape.method_table)
            table = f"{shape.method_table:#x}"
            yield TypeRow(table, name, module, _count(parts), _size(parts), parts, shape.is_free)


def _module(name: str, types: list[TypeRow]) -> ModuleRow:
    parts: dict[str, Amount] = {}
    for row in types:
        for generation, amount in row.generations.items():
            before = parts.get(generation, Amount(0, 0))
            parts[generation] = Amount(before.count + amount.count, before.size + amount.size)
    return ModuleRow(name, len(types), _count(parts), _size(parts), parts)


def _count(parts: Mapping[str, Amount]) -> int:
    return sum(amount.count for amount in parts.values())


def _size(parts: Mapping[str, Amount]) -> int:
    return sum(amount.size for amount in parts.values())
