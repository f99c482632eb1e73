"""Objects of a heap by what they are: type, size, generation, place, and the values of their fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dotdump.analysis.statistics import FREE, generation_names
from dotdump.analysis.value_text import VALUE_LIMIT, plain_of, text_of
from dotdump.analysis.where import follow
from dotdump.clr.contracts.progress import BytesDone
from dotdump.errors import UNREADABLE
from dotdump.memory.space import ADDRESS_END

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.analysis.value_text import Plain
    from dotdump.analysis.where import Where
    from dotdump.clr.contracts.gc import Span
    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime


@dataclass(frozen=True, slots=True)
class ObjectQuery:
    """Which objects: those of types whose name matches, of these sizes, generations and addresses, that meet ``where``.

    No generations are all of them. ``live`` is None for all objects, else whether roots reach them. ``fields`` are
    paths whose values each row has.
    """

    pattern: str | None = None
    min_size: int = 0
    max_size: int | None = None
    generations: frozenset[str] = frozenset()
    start: int = 0
    end: int = ADDRESS_END
    where: Where | None = None
    fields: tuple[str, ...] = ()
    live: bool | None = None


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """An object; ``size`` in bytes. ``value`` is that of a string, a box or an exception's message, else empty.

    ``retained`` bytes would go with it; None where the graph of the heap was not asked.
    """

    address: str
    method_table: str
    type: str
    size: int
    generation: str
    value: str
    fields: dict[str, Plain] = field(default_factory=dict)
    retained: int | None = None


def find_objects(
    runtime: ClrRuntime, query: ObjectQuery, progress: Progress | None = None, rooted: RootedHeap | None = None
) -> Iterator[ObjectRow]:
    """Yield the objects that ``query`` describes, in order of address; free space only where its pattern names it.

    Which are live, and what they retain, only ``rooted`` knows.
    """
    heap = runtime.heap
    spans = [(span, name) for span, name in generation_names(heap.segments) if _is_asked_for(span, name, query)]
    advance = BytesDone(progress, "objects", sum(span.end - span.start for span, _ in spans))

    for span, name in spans:
        for found in heap.matching([span], _by_name(runtime, query.pattern), advance):
            if found.address >= query.end:
                break
            if found.address >= query.start and _is_wanted(found, query):
                row = None if rooted is None else rooted.graph.find(found.address)
                if query.live is None or rooted is None or (row is not None and rooted.is_live(row)) is query.live:
                    yield _row(found, name, query.fields, _retained(rooted, row))


def value_of(found: ClrObject) -> str:
    """Return what an object says by itself: a string its text, a box its value, an exception its message."""
    try:
        if found.type.is_string:
            return text_of(found.read_text(VALUE_LIMIT + 1), limit=VALUE_LIMIT)
        if found.type.is_value_type:
            return text_of(found.boxed, limit=VALUE_LIMIT)
        if found.type.is_array:
            return f"{found.length:,} elements"
        return text_of(found["_message"], limit=VALUE_LIMIT) if found.type.is_exception else ""
    except UNREADABLE as error:
        return f"({error})"


def _is_asked_for(span: Span, name: str, query: ObjectQuery) -> bool:
    return (not query.generations or name in query.generations) and span.start < query.end and query.start < span.end


def _by_name(runtime: ClrRuntime, pattern: str | None) -> Callable[[ObjectShape], bool]:
    wanted = re.compile(pattern) if pattern else None

    def is_wanted(shape: ObjectShape) -> bool:
        if wanted is None:
            return not shape.is_free
        return wanted.search(FREE if shape.is_free else runtime.type_name(shape.method_table)) is not None

    return is_wanted


def _is_wanted(found: ClrObject, query: ObjectQuery) -> bool:
    if found.size < query.min_size or (query.max_size is not None and found.size > query.max_size):
        return False
    try:
        return query.where is None or query.where(found)
    except UNREADABLE:
        return False


def _retained(rooted: RootedHeap | None, row: int | None) -> int | None:
    return None if rooted is None or row is None else rooted.retained_sizes[row]


def _row(found: ClrObject, generation: str, fields: tuple[str, ...], retained: int | None) -> ObjectRow:
    return ObjectRow(
        address=f"{found.address:#x}",
        method_table=f"{found.method_table:#x}",
        type=FREE if found.is_free else found.type.name,
        size=found.size,
        generation=generation,
        value="" if found.is_free else value_of(found),
        fields={path: plain_of(follow(found, path)) for path in fields},
        retained=retained,
    )
