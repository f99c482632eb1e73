"""One object whole: its fields, what it holds, what it refers to and what refers to it.

What leads to it and what it retains needs the graph of the heap; without one the rest is told.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.analysis.collections import TEXT, Collection, find_collection
from dotdump.analysis.delegates import read_delegate
from dotdump.analysis.links import Link, links_to, place_of
from dotdump.analysis.object_fields import FieldValue, ObjectFields
from dotdump.analysis.root_paths import paths_to_row
from dotdump.analysis.special_values import special_value
from dotdump.analysis.statistics import generation_at
from dotdump.analysis.value_text import address_text, describe, plain_of, text_of
from dotdump.clr.contracts.object_references import read_references
from dotdump.clr.model.value import Unreadable
from dotdump.errors import DotdumpError, FormatError, InvalidObject
from dotdump.records import record
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.delegates import Delegate
    from dotdump.analysis.root_paths import RootPath
    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.analysis.value_text import Plain
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.value import Value

DEFAULT_LIMIT = 20
TEXT_LIMIT = 4096


@record
class HeldItem:
    """An element of an array or of a collection; ``key`` is an index, or the key's text."""

    key: str
    value: Plain
    text: str
    address: str | None = None


@record
class Held:
    """What an array or a collection holds: ``count`` items, of which ``items`` are the first."""

    kind: str
    count: int
    items: tuple[HeldItem, ...]


@record
class Links:
    """References: ``count`` of them, of which ``objects`` are the first."""

    count: int
    objects: tuple[Link, ...]


@record
class ObjectDetails:
    """An object. ``referrers``, ``retained`` and ``paths`` are None where nothing but the object was read.

    ``text`` is a string's or a ``StringBuilder``'s, cut at ``TEXT_LIMIT``; ``value`` that of a box, an exception, a
    delegate, a task, a type, a method or a weak reference. ``paths`` lead to it from roots, the nearest first; there
    are none where it is garbage.
    """

    address: str
    type: str
    method_table: str
    base: str | None
    size: int
    generation: str
    length: int | None
    text: str | None
    value: str | None
    fields: tuple[FieldValue, ...]
    held: Held | None
    references: Links
    referrers: Links | None
    retained: int | None
    paths: tuple[RootPath, ...] | None
    problems: tuple[Problem, ...]


class _Told:
    """Problems met on the way: what cannot be read of an object does not hide the rest of it."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def note(self, what: str, error: DotdumpError) -> None:
        """Remember that ``what`` could not be had."""
        self.problems.append(Problem("object", f"{what}: {error}"))


def object_details(
    runtime: ClrRuntime, address: int, heap: RootedHeap | None = None, limit: int = DEFAULT_LIMIT
) -> ObjectDetails:
    """Return all about the object at ``address``, ``limit`` of everything that there are many of.

    Raises ``InvalidObject`` where there is none.
    """
    found = runtime.heap.object(address)
    told = _Told()
    for text in found.type.problems():
        told.problems.append(Problem("object", text))
    kind = found.type
    held = _held(runtime, found, limit, told)
    return ObjectDetails(
        address=f"{address:#x}",
        type=kind.name,
        method_table=f"{kind.method_table:#x}",
        base=kind.base.name if kind.base is not None else None,
        size=found.size,
        generation=generation_at(runtime.heap, address),
        length=found.length if found.shape.component_size else None,
        text=found.read_text(TEXT_LIMIT) if kind.is_string else _text_of(held),
        value=_special(runtime, found, told),
        fields=tuple(_fields(found, told)),
        held=held,
        references=_references(found, limit, told),
        referrers=_referrers(heap, address, limit) if heap is not None else None,
        retained=_retained(heap, address) if heap is not None else None,
        paths=_paths(heap, address) if heap is not None else None,
        problems=tuple(told.problems),
    )


def _fields(found: ClrObject, told: _Told) -> Iterator[FieldValue]:
    fields = ObjectFields()
    try:
        yield from fields.of(found)
    except DotdumpError as error:
        told.note("fields", error)
    if fields.is_cut:
        told.problems.append(Problem("object", f"fields: those behind the first {limits.FIELDS_SHOWN:,} are left out"))


def _special(runtime: ClrRuntime, found: ClrObject, told: _Told) -> str | None:
    """Return what an object of a known kind says by itself."""
    try:
        return special_value(runtime, found)
    except DotdumpError as error:
        told.note("value", error)
        return None


def _held(runtime: ClrRuntime, found: ClrObject, limit: int, told: _Told) -> Held | None:
    try:
        array = found.array
        if array is not None:
            shown = range(min(limit, len(array)))
            keys = [", ".join(str(index) for index in array.indexes(number)) for number in shown]
            values = array.elements(0, limit)
            return Held("array", len(array), tuple(_item(k, v) for k, v in zip(keys, values, strict=True)))
        delegate = read_delegate(runtime, found)
        if delegate is not None and delegate.count > 1:
            return Held("delegate", delegate.count, tuple(_called(runtime, delegate, limit)))
        collection = find_collection(found)
        return _collection(collection, limit, told) if collection is not None else None
    except DotdumpError as error:
        told.note("elements", error)
        return None


def _collection(collection: Collection, limit: int, told: _Told) -> Held:
    items: list[HeldItem] = []
    try:
        for number, item in enumerate(islice(collection.items(), limit)):
            items.append(_item(text_of(item.key) if item.keyed else str(number), item.value))
        if collection.count < 0 or (len(items) < min(collection.count, limit) and not collection.is_text):
            raise FormatError(f"there are {len(items):,}, and it counts {collection.count:,}")
    except DotdumpError as error:
        told.note(f"items of the {collection.kind}", error)
    return Held(collection.kind, collection.count, tuple(items))


def _text_of(held: Held | None) -> str | None:
    """Return the text of a ``StringBuilder``, its one item; None of all else."""
    if held is None or held.kind != TEXT or not held.items:
        return None
    return str(held.items[0].value)[:TEXT_LIMIT]


def _called(runtime: ClrRuntime, delegate: Delegate, limit: int) -> Iterator[HeldItem]:
    """Yield what each of several delegates in one calls."""
    for number, each in enumerate(islice(delegate.each(), limit)):
        text = str(read_delegate(runtime, each) or describe(each))
        yield HeldItem(str(number), text, text, f"{each.address:#x}")


def _item(key: str, value: Value) -> HeldItem:
    return HeldItem(key, plain_of(value), text_of(value), address_text(value))


def _references(found: ClrObject, limit: int, told: _Told) -> Links:
    links: list[Link] = []
    count = 0
    try:
        for offset, target in read_references(found.heap.access.reader, found.shape, found.address, found.size):
            count += 1
            if len(links) < limit:
                links.append(Link(f"{target:#x}", _type_at(found, target), place_of(found, offset)))
    except DotdumpError as error:
        told.note("references", error)
    return Links(count, tuple(links))


def _type_at(found: ClrObject, address: int) -> str:
    try:
        return found.heap.object(address).type.name
    except InvalidObject as error:
        return str(Unreadable(str(error)))


def _referrers(heap: RootedHeap, address: int, limit: int) -> Links:
    row = heap.graph.find(address)
    if row is None:
        return Links(0, ())
    offsets, rows = heap.referrers
    found = rows[offsets[row] : offsets[row + 1]]
    links = links_to(heap.runtime, heap.graph, dict.fromkeys(found[: limit * 4]), address)
    return Links(len(found), tuple(links)[:limit])


def _retained(heap: RootedHeap, address: int) -> int | None:
    row = heap.graph.find(address)
    return heap.retained_sizes[row] if row is not None else None


def _paths(heap: RootedHeap, address: int) -> tuple[RootPath, ...]:
    row = heap.graph.find(address)
    return () if row is None else tuple(paths_to_row(heap, row))
