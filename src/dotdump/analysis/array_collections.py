"""Collections that keep their items in arrays: how many there are, and what makes an iterator over them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dotdump.analysis.collection_items import (
    SOURCE,
    Item,
    array_of,
    field_of,
    items_of,
    number_of,
    pair_of,
    pairs_of,
    side_by_side,
    values_of,
)
from dotdump.clr.model.object import ClrObject
from dotdump.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.collection_items import Holding
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.value import Value

_FREE_SLOT = -1
"""The lowest ``next`` of an entry that is in use: the last of its bucket."""


def read_list(found: ClrObject) -> Holding:
    """Read ``List`` and ``ArrayList``."""
    count, items = number_of(found, "_size"), array_of(found, "_items")
    return count, lambda: items_of(items, count)


def read_stack(found: ClrObject) -> Holding:
    """Read ``Stack``, the top first."""
    count, items = number_of(found, "_size"), array_of(found, "_array")

    def top_first() -> Iterator[Item]:
        if items is not None:
            yield from (Item(items[number]) for number in reversed(range(min(count, len(items)))))

    return count, top_first


def read_queue(found: ClrObject) -> Holding:
    """Read ``Queue``, whose array is a ring."""
    count, head, items = number_of(found, "_size"), number_of(found, "_head"), array_of(found, "_array")

    def in_order() -> Iterator[Item]:
        if items is not None:
            length = len(items)
            yield from (Item(items[(head + number) % length]) for number in range(min(count, length)))

    return count, in_order


def read_dictionary(found: ClrObject) -> Holding:
    """Read ``Dictionary``; an entry that is free says so by its ``next``."""
    used, entries = number_of(found, "_count"), array_of(found, "_entries")

    def pairs() -> Iterator[Item]:
        for entry in values_of(entries, used):
            if number_of(entry, "next") >= _FREE_SLOT:
                yield pair_of(entry, "key", "value")

    return used - number_of(found, "_freeCount"), pairs


def read_hash_set(found: ClrObject) -> Holding:
    """Read ``HashSet``; an entry that is free says so by its ``Next``, in 3.1 by its hash code."""
    if found.type.find_field("_slots") is not None:  # 3.1
        entries, used, count = array_of(found, "_slots"), number_of(found, "_lastIndex"), number_of(found, "_count")
        mark, lowest = "hashCode", 0
    else:
        entries, used = array_of(found, "_entries"), number_of(found, "_count")
        count = used - number_of(found, "_freeCount")
        mark, lowest = "Next", _FREE_SLOT

    def members() -> Iterator[Item]:
        for entry in values_of(entries, used):
            if number_of(entry, mark) >= lowest:
                yield Item(field_of(entry, "Value", "value"))

    return count, members


def read_sorted_list(found: ClrObject) -> Holding:
    """Read ``SortedList``."""
    count, keys, values = number_of(found, "_size"), array_of(found, "keys"), array_of(found, "values")
    return count, lambda: side_by_side(keys, values, count)


def read_hashtable(found: ClrObject) -> Holding:
    """Read ``Hashtable``, which puts its own array in the place of a key that was removed."""
    buckets = array_of(found, "_buckets")

    def pairs() -> Iterator[Item]:
        removed = field_of(found, "_buckets")
        for bucket in values_of(buckets):
            key = field_of(bucket, "key")
            if key is not None and key != removed:
                yield Item(field_of(bucket, "val"), key, keyed=True)

    return number_of(found, "_count"), pairs


def read_priority_queue(found: ClrObject) -> Holding:
    """Read ``PriorityQueue``, in the order of its heap; keys are priorities."""
    count, nodes = number_of(found, "_size"), array_of(found, "_nodes")
    return count, lambda: pairs_of(values_of(nodes, count), key="Item2", value="Item1")


def read_ordered_dictionary(found: ClrObject) -> Holding:
    """Read the ``OrderedDictionary`` of pairs of types."""
    count, entries = number_of(found, "_count"), array_of(found, "_entries")
    return count, lambda: pairs_of(values_of(entries, count), "Key", "Value")


def read_bit_array(found: ClrObject) -> Holding:
    """Read ``BitArray``, the bits of whose numbers begin with the lowest: bytes from 10 on, before that words."""
    count, numbers = number_of(found, "_bitLength", "m_length"), array_of(found, "_array", "m_array")

    def bits() -> Iterator[Item]:
        width = 8 if found.type.find_field("_bitLength") is not None else 32
        for number in values_of(numbers, -(-count // width)):
            if isinstance(number, int):
                yield from (Item(bool(number >> place & 1)) for place in range(width))

    return count, lambda: islice(bits(), max(0, count))


def read_weak_table(found: ClrObject) -> Holding:
    """Read ``ConditionalWeakTable``: pairs whose keys are alive."""
    container = field_of(found, "_container")
    used, entries = number_of(container, "_firstFreeEntry"), array_of(container, "_entries")
    pairs = [pair for entry in values_of(entries, used) if (pair := _weak_pair(found.heap, entry)) is not None]
    return len(pairs), lambda: iter(pairs)


def _weak_pair(heap: ClrHeap, entry: Value) -> Item | None:
    """Return an entry of a weak table; None where its key was removed or is gone."""
    handle = number_of(field_of(entry, "depHnd"), "_handle")
    if not handle or not heap.access.reader.pointer(handle):
        return None
    if handle not in heap.dependents:
        raise FormatError(f"{handle:#x} is no dependent handle that the runtime has", source=SOURCE)
    key, value = heap.dependents[handle]
    return Item(heap.object(value) if value else None, heap.object(key), keyed=True)


def read_entries(found: ClrObject) -> Holding:
    """Read the ``OrderedDictionary`` and ``NameValueCollection`` of objects: a list of entries."""
    listed = field_of(found, "_objectsArray", "_entriesArray")
    count, entries = (number_of(listed, "_size"), array_of(listed, "_items")) if listed is not None else (0, None)

    def pairs() -> Iterator[Item]:
        for entry in values_of(entries, count):
            pair = entry.boxed if isinstance(entry, ClrObject) and entry.type.is_value_type else entry
            yield Item(field_of(pair, "_value", "Value"), field_of(pair, "_key", "Key"), keyed=True)

    return count, pairs
