"""References told by name: which field of an object refers to which other object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.object_references import read_references
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.clr.graph.object_graph import ObjectGraph
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.type import ClrType

_STRUCT_DEPTH = 4
_HEADER = 8
_LARGE = 1 << 16
_LOADER_ALLOCATOR = "System.Reflection.LoaderAllocator"


@record
class Link:
    """An object at the other end of a reference; ``field`` is where the reference stands."""

    address: str
    type: str
    field: str


def links_to(runtime: ClrRuntime, graph: ObjectGraph, rows: Iterable[int], target: int) -> Iterator[Link]:
    """Yield a link for each reference from ``rows`` to the object at ``target``."""
    for row in rows:
        found = runtime.heap.object(graph.addresses[row])
        places = [place_of(found, offset) for offset in _offsets_of(found, target)]
        for place in places or [_without_field(runtime, target)]:
            yield Link(f"{found.address:#x}", found.type.name, place)


def links_along(runtime: ClrRuntime, graph: ObjectGraph, rows: Sequence[int]) -> tuple[Link, ...]:
    """Return a way as links: the ``field`` of each is the one that refers to the next; the last one's is empty."""
    links = []
    for here, following in zip(rows, [*rows[1:], None], strict=True):
        if following is None:
            found = runtime.heap.object(graph.addresses[here])
            links.append(Link(f"{found.address:#x}", found.type.name, ""))
        else:
            links.append(next(links_to(runtime, graph, [here], graph.addresses[following])))
    return tuple(links)


def place_of(found: ClrObject, offset: int) -> str:
    """Return the name of what stands ``offset`` bytes into an object: ``_items``, ``Total.Currency``, ``[3].key``."""
    array = found.array
    if array is not None:
        number, rest = divmod(offset - (array.address_of(0) - found.address), found.shape.component_size)
        index = f"[{', '.join(str(i) for i in array.indexes(number))}]"
        inner = _path_within(found.type.element_type, rest) if rest or found.shape.component_size > _HEADER else ""
        return index + (f".{inner}" if inner else "").replace(".[", "[")
    return _path_within(found.type, offset - _HEADER) or f"+{offset:#x}"


def _path_within(kind: ClrType | None, offset: int) -> str:
    names: list[str] = []
    while kind is not None and len(names) <= _STRUCT_DEPTH:
        if kind.inline_element is not None:
            number, offset = divmod(offset, kind.inline_element_size)
            field, name = kind.inline_element, f"[{number}]"
        else:
            last = next((each for each in reversed(kind.fields) if each.offset <= offset), None)
            if last is None:
                break
            field, name, offset = last, last.name, offset - last.offset
        names.append(name)
        if field.is_reference:
            break
        kind = field.type if field.type is not None and field.type.is_value_type else None
    return ".".join(names).replace(".[", "[")


def _offsets_of(found: ClrObject, target: int) -> Iterator[int]:
    """Yield where in an object references to ``target`` stand; of a large one only the first, found by its bytes."""
    reader = found.heap.access.reader
    if found.size < _LARGE:
        every = read_references(reader, found.shape, found.address, found.size)
        yield from (offset for offset, to in every if to == target)
        return
    data, wanted = reader.memory.read(found.address, found.size), target.to_bytes(8, "little")
    place = data.find(wanted, _HEADER)
    while place > 0 and place % 8:
        place = data.find(wanted, place + 1)
    if place > 0:
        yield place


def _without_field(runtime: ClrRuntime, target: int) -> str:
    """Say why an object refers to another without a field that does."""
    name = runtime.heap.object(target).type.name
    return "(its loader allocator)" if name == _LOADER_ALLOCATOR else "(dependent handle)"
