"""Collections as what they hold: the items of a ``List``, the pairs of a ``Dictionary``, the text of a builder.

The fields behind them are the library's own affair: each kind is read by name, under the names it has had since 3.1,
and what does not look as expected is no collection. Items are counted and cut by whoever asks.
Source of truth: the classes in System.Private.CoreLib, System.Collections and System.Collections.Concurrent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.value import ClrStruct
from dotdump.errors import FieldNotFound, FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.clr.model.array import ClrArray
    from dotdump.clr.model.value import Value

_CHAIN_LIMIT = 1 << 31
_FREE_SLOT = -1
_PIECES = 1 << 20


class Item(NamedTuple):
    """One entry: ``key`` is None in a collection without keys, and ``keyed`` False."""

    value: Value
    key: Value = None
    keyed: bool = False


@dataclass(frozen=True)
class Collection:
    """What an object holds: ``count`` items, as it says itself; ``items`` makes a new iterator each time."""

    kind: str
    count: int
    items: Callable[[], Iterator[Item]]


def find_collection(found: ClrObject) -> Collection | None:
    """Return what ``found`` holds, None where it is no collection known here.

    Raises ``FormatError`` and ``MemoryFault`` where it is one, and damaged; so do its ``items``.
    """
    for kind in found.type.hierarchy:
        stem = kind.name.partition("<")[0]
        reader = _READERS.get(stem)
        if reader is not None:
            try:
                return Collection(stem.rpartition(".")[2], *reader(found))
            except FieldNotFound:
                return None
    return None


_Read = tuple[int, "Callable[[], Iterator[Item]]"]


def _field(of: Value, *names: str) -> Value:
    """Return the value of the first field of ``names`` that an object or a struct has."""
    if not isinstance(of, ClrObject | ClrStruct):
        raise FormatError(f"{of!r} has no fields", source="collection")
    for name in names:
        if of.type.find_field(name) is not None:
            return of[name]
    raise FieldNotFound(of.type.name, names[0])


def _number(of: Value, *names: str) -> int:
    value = _field(of, *names)
    if not isinstance(value, int):
        raise FormatError(f"{names[0]} is {value!r}", source="collection")
    return value


def _array(of: Value, *names: str) -> ClrArray | None:
    return _as_array(_field(of, *names))


def _as_array(value: Value) -> ClrArray | None:
    return value.array if isinstance(value, ClrObject) else None


def _first(array: ClrArray | None, count: int) -> Iterator[Item]:
    if array is not None:
        yield from (Item(value) for value in array.elements(0, max(0, count)))


def _list(found: ClrObject) -> _Read:
    count, items = _number(found, "_size"), _array(found, "_items")
    return count, lambda: _first(items, count)


def _stack(found: ClrObject) -> _Read:
    count, items = _number(found, "_size"), _array(found, "_array")

    def top_first() -> Iterator[Item]:
        for number in reversed(range(min(count, len(items) if items is not None else 0))):
            yield Item(items[number] if items is not None else None)

    return count, top_first


def _queue(found: ClrObject) -> _Read:
    count, head, items = _number(found, "_size"), _number(found, "_head"), _array(found, "_array")

    def in_order() -> Iterator[Item]:
        length = len(items) if items is not None else 0
        for number in range(min(count, length)):
            yield Item(items[(head + number) % length] if items is not None else None)

    return count, in_order


def _dictionary(found: ClrObject) -> _Read:
    used, free = _number(found, "_count"), _number(found, "_freeCount")
    entries = _array(found, "_entries")

    def pairs() -> Iterator[Item]:
        for entry in entries.elements(0, max(0, used)) if entries is not None else ():
            if _number(entry, "next") >= _FREE_SLOT:
                yield Item(_field(entry, "value"), _field(entry, "key"), keyed=True)

    return used - free, pairs


def _hash_set(found: ClrObject) -> _Read:
    if found.type.find_field("_slots") is not None:  # 3.1
        entries, used, count = _array(found, "_slots"), _number(found, "_lastIndex"), _number(found, "_count")
    else:
        entries, used = _array(found, "_entries"), _number(found, "_count")
        count = used - _number(found, "_freeCount")

    def members() -> Iterator[Item]:
        for entry in entries.elements(0, max(0, used)) if entries is not None else ():
            in_use = _number(entry, "Next", "hashCode") >= (_FREE_SLOT if entry_has_next(entry) else 0)
            if in_use:
                yield Item(_field(entry, "Value", "value"))

    return count, members


def entry_has_next(entry: Value) -> bool:
    """Return whether an entry of a set marks a free slot by its ``Next``, as since 5, and not by its hash code."""
    return isinstance(entry, ClrStruct) and entry.type.find_field("Next") is not None


def _concurrent_dictionary(found: ClrObject) -> _Read:
    tables = _field(found, "_tables")
    counts, buckets = _array(tables, "_countPerLock"), _array(tables, "_buckets")
    count = sum(n for n in counts.elements() if isinstance(n, int)) if counts is not None else 0

    def pairs() -> Iterator[Item]:
        for bucket in buckets.elements() if buckets is not None else ():
            node = _field(bucket, "_node") if isinstance(bucket, ClrStruct) else bucket
            for each in _chain(node, "_next"):
                yield Item(_field(each, "_value"), _field(each, "_key"), keyed=True)

    return count, pairs


def _concurrent_queue(found: ClrObject) -> _Read:
    segments = list(_chain(_field(found, "_head"), "_nextSegment"))
    return sum(_slots_in_use(segment)[1] for segment in segments), lambda: _of_segments(segments)


def _of_segments(segments: list[ClrObject]) -> Iterator[Item]:
    for segment in segments:
        slots, (head, count) = _array(segment, "_slots"), _slots_in_use(segment)
        if slots is None:
            continue
        for number in range(head, head + count):
            yield Item(_field(slots[number % len(slots)], "Item"))


def _slots_in_use(segment: ClrObject) -> tuple[int, int]:
    ends, slots = _field(segment, "_headAndTail"), _array(segment, "_slots")
    head, tail = _number(ends, "Head"), _number(ends, "Tail")
    frozen = _field(segment, "_frozenForEnqueues")
    length = len(slots) if slots is not None else 0
    return head, min(length, max(0, tail - head - (2 * length if frozen else 0)))


def _concurrent_stack(found: ClrObject) -> _Read:
    nodes = list(_chain(_field(found, "_head"), "_next"))
    return len(nodes), lambda: (Item(_field(node, "_value")) for node in nodes)


def _linked_list(found: ClrObject) -> _Read:
    count = _number(found, "count")

    def items() -> Iterator[Item]:
        for number, node in enumerate(_chain(_field(found, "head"), "next", closed=True)):
            if number >= count:
                return
            yield Item(_field(node, "item"))

    return count, items


def _sorted_set(found: ClrObject) -> _Read:
    return _number(found, "count"), lambda: (Item(_field(node, "Item")) for node in _tree(_field(found, "root")))


def _sorted_dictionary(found: ClrObject) -> _Read:
    tree = _field(found, "_set")

    def pairs() -> Iterator[Item]:
        for node in _tree(_field(tree, "root")):
            pair = _field(node, "Item")
            yield Item(_field(pair, "value"), _field(pair, "key"), keyed=True)

    return _number(tree, "count"), pairs


def _sorted_list(found: ClrObject) -> _Read:
    count, keys, values = _number(found, "_size"), _array(found, "keys"), _array(found, "values")

    def pairs() -> Iterator[Item]:
        for key, value in zip(_first(keys, count), _first(values, count), strict=False):
            yield Item(value.value, key.value, keyed=True)

    return count, pairs


def _hashtable(found: ClrObject) -> _Read:
    buckets = _array(found, "_buckets")

    def pairs() -> Iterator[Item]:
        for bucket in buckets.elements() if buckets is not None else ():
            key = _field(bucket, "key")
            if isinstance(key, ClrObject) and buckets is not None and key == _field(found, "_buckets"):
                continue  # what the table puts in the place of a key that was removed
            if key is not None:
                yield Item(_field(bucket, "val"), key, keyed=True)

    return _number(found, "_count"), pairs


def _priority_queue(found: ClrObject) -> _Read:
    count, nodes = _number(found, "_size"), _array(found, "_nodes")

    def items() -> Iterator[Item]:
        for node in _first(nodes, count):
            yield Item(_field(node.value, "Item1"), _field(node.value, "Item2"), keyed=True)

    return count, items


def _wrapper(field: str) -> Callable[[ClrObject], _Read]:
    def read(found: ClrObject) -> _Read:
        inner = _field(found, field)
        if not isinstance(inner, ClrObject):
            return 0, lambda: iter(())
        array = inner.array
        if array is not None:
            return len(array), lambda: _first(array, len(array))
        held = find_collection(inner)
        if held is None:
            raise FieldNotFound(inner.type.name, field)
        return held.count, held.items

    return read


def _immutable_array(found: ClrObject) -> _Read:
    box = found.boxed
    array = _array(box, "array")
    return (len(array), lambda: _first(array, len(array))) if array is not None else (0, lambda: iter(()))


def _immutable_list(found: ClrObject) -> _Read:
    root = _field(found, "_root")
    return _number(root, "_count"), lambda: (Item(_field(n, "_key")) for n in _tree(root, "_left", "_right", "_height"))


def _string_builder(found: ClrObject) -> _Read:
    text = builder_text(found)
    return len(text), lambda: iter((Item(text),))


def builder_text(found: ClrObject) -> str:
    """Return the text of a ``StringBuilder``, whose pieces hang together from the last to the first."""
    pieces: list[str] = []
    reader = found.heap.access.reader
    for chunk in _chain(found, "m_ChunkPrevious"):
        characters, length = _array(chunk, "m_ChunkChars"), _number(chunk, "m_ChunkLength")
        if characters is not None and length > 0 and len(characters):
            pieces.append(reader.utf16(characters.address_of(0), min(length, len(characters))))
    return "".join(reversed(pieces))


def _chain(first: Value, following: str, *, closed: bool = False) -> Iterator[ClrObject]:
    """Yield nodes that hang together; a ring is an error unless it is ``closed`` by its making, and ends there."""
    seen: set[int] = set()
    node = first
    while isinstance(node, ClrObject):
        if node.address in seen:
            if closed:
                return
            raise FormatError(f"nodes from {node.address:#x} on form a ring", source="collection")
        seen.add(node.address)
        yield node
        node = _field(node, following)


def _tree(root: Value, left: str = "Left", right: str = "Right", empty: str = "") -> Iterator[ClrObject]:
    """Yield the nodes of a binary tree in order; one of height 0 in the field ``empty`` stands for none."""
    waiting: list[ClrObject] = []
    seen: set[int] = set()
    node = root
    while waiting or isinstance(node, ClrObject):
        while isinstance(node, ClrObject) and not (empty and _number(node, empty) == 0):
            if node.address in seen:
                raise FormatError(f"the tree below {node.address:#x} is a ring", source="collection")
            seen.add(node.address)
            waiting.append(node)
            node = _field(node, left)
        if not waiting:
            return
        found = waiting.pop()
        yield found
        node = _field(found, right)


_GENERIC = "System.Collections.Generic."
_CONCURRENT = "System.Collections.Concurrent."
_READERS: dict[str, Callable[[ClrObject], _Read]] = {
    f"{_GENERIC}List": _list,
    f"{_GENERIC}Stack": _stack,
    f"{_GENERIC}Queue": _queue,
    f"{_GENERIC}Dictionary": _dictionary,
    f"{_GENERIC}HashSet": _hash_set,
    f"{_GENERIC}LinkedList": _linked_list,
    f"{_GENERIC}SortedSet": _sorted_set,
    f"{_GENERIC}SortedDictionary": _sorted_dictionary,
    f"{_GENERIC}SortedList": _sorted_list,
    f"{_GENERIC}PriorityQueue": _priority_queue,
    f"{_CONCURRENT}ConcurrentDictionary": _concurrent_dictionary,
    f"{_CONCURRENT}ConcurrentQueue": _concurrent_queue,
    f"{_CONCURRENT}ConcurrentStack": _concurrent_stack,
    f"{_CONCURRENT}BlockingCollection": _wrapper("_collection"),
    "System.Collections.ArrayList": _list,
    "System.Collections.Hashtable": _hashtable,
    "System.Collections.Queue": _queue,
    "System.Collections.Stack": _stack,
    "System.Collections.ObjectModel.Collection": _wrapper("items"),
    "System.Collections.ObjectModel.ReadOnlyCollection": _wrapper("list"),
    "System.Collections.ObjectModel.ReadOnlyDictionary": _wrapper("m_dictionary"),
    "System.Collections.Immutable.ImmutableArray": _immutable_array,
    "System.Collections.Immutable.ImmutableList": _immutable_list,
    "System.Text.StringBuilder": _string_builder,
}
"""The definition of a collection to what reads it; types that derive from one are read as it."""
