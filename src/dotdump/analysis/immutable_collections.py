"""Collections of ``System.Collections.Immutable`` and ``.Frozen``: trees, chains, and arrays side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dotdump.analysis.collection_items import Item, array_of, field_of, items_of, number_of, pairs_of, side_by_side
from dotdump.analysis.node_collections import chain, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.collection_items import Holding
    from dotdump.clr.model.array import ClrArray
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.value import Value


def read_immutable_array(found: ClrObject) -> Holding:
    """Read a boxed ``ImmutableArray``."""
    array = array_of(found.boxed, "array")
    return len(array) if array is not None else 0, lambda: items_of(array)


def read_immutable_list(found: ClrObject) -> Holding:
    """Read ``ImmutableList`` and ``ImmutableSortedSet``, trees whose leaves are empty nodes."""
    root = field_of(found, "_root")
    return number_of(root, "_count"), lambda: map(Item, _keys(root))


def read_immutable_sorted_dictionary(found: ClrObject) -> Holding:
    """Read ``ImmutableSortedDictionary``."""
    return number_of(found, "_count"), lambda: pairs_of(_nodes(field_of(found, "_root")), "_key", "_value")


def read_immutable_dictionary(found: ClrObject) -> Holding:
    """Read ``ImmutableDictionary``, in the order of hash codes."""
    return number_of(found, "_count"), lambda: pairs_of(_of_buckets(found), "key", "value")


def read_immutable_hash_set(found: ClrObject) -> Holding:
    """Read ``ImmutableHashSet``, in the order of hash codes."""
    return number_of(found, "_count"), lambda: map(Item, _of_buckets(found))


def read_immutable_stack(found: ClrObject) -> Holding:
    """Read ``ImmutableStack``, the top first; the node below the last stands for an empty one."""
    nodes = [node for node in chain(found, "_tail") if field_of(node, "_tail") is not None]
    return len(nodes), lambda: (Item(field_of(node, "_head")) for node in nodes)


def read_immutable_queue(found: ClrObject) -> Holding:
    """Read ``ImmutableQueue``, two stacks: what comes first, and behind it the other from its bottom on."""
    parts = [
        [field_of(node, "_head") for node in chain(field_of(found, name), "_tail") if field_of(node, "_tail")]
        for name in ("_forwards", "_backwards")
    ]
    values = [*parts[0], *reversed(parts[1])]
    return len(values), lambda: map(Item, values)


def read_frozen_dictionary(found: ClrObject) -> Holding:
    """Read a ``FrozenDictionary`` of any kind that has its values in an array of their own."""
    if _is_empty(found):
        return 0, partial(iter, ())
    keys, values = _frozen(found, "_keys"), array_of(found, "_values")
    return len(keys) if keys is not None else 0, lambda: side_by_side(keys, values)


def read_frozen_set(found: ClrObject) -> Holding:
    """Read a ``FrozenSet`` of any kind that has its items in an array."""
    if _is_empty(found):
        return 0, partial(iter, ())
    items = _frozen(found, "_items")
    return len(items) if items is not None else 0, lambda: items_of(items)


def _frozen(found: ClrObject, name: str) -> ClrArray | None:
    """Return the array of that name; where numbers are their own hash codes it is that of the hash table."""
    if found.type.find_field(name) is not None:
        return array_of(found, name)
    return array_of(field_of(found, "_hashTable"), "HashCodes")


def _is_empty(found: ClrObject) -> bool:
    return found.type.name.startswith("System.Collections.Frozen.Empty")


def _nodes(root: Value) -> Iterator[ClrObject]:
    """Yield the nodes of a tree in order, but for the empty ones that its leaves are."""
    return tree(root, "_left", "_right", "_height")


def _keys(root: Value) -> Iterator[Value]:
    return (field_of(node, "_key") for node in _nodes(root))


def _of_buckets(found: ClrObject) -> Iterator[Value]:
    """Yield what is in a tree of buckets: each has one value, and a tree of those that have the same hash code."""
    for node in _nodes(field_of(found, "_root")):
        bucket = field_of(node, "_value")
        yield field_of(bucket, "_firstValue")
        yield from _keys(field_of(bucket, "_additionalElements"))
