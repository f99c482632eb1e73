"""Collections that wrap others, on objects whose fields are what they were given."""

from __future__ import annotations

import pytest

from builders.managed import NamedObject, NamedType
from dotdump.analysis.collections import find_collection
from dotdump.errors import FormatError

READ_ONLY = "System.Collections.ObjectModel.ReadOnlyCollection<System.Object>"


def collection(address: int, name: str, **fields: object) -> NamedObject:
    """Return an object of a class that derives from no other."""
    kind = NamedType(name, fields)
    return NamedObject(address, kind)


def test_a_wrapper_holds_what_is_in_the_innermost_collection() -> None:
    array = NamedObject(0x1000, NamedType("System.Object[]"), [1, 2, 3])
    inner = collection(0x2000, "System.Collections.Generic.List<System.Object>", _items=array, _size=2)
    outer = collection(0x3000, READ_ONLY, list=collection(0x4000, READ_ONLY, list=inner))
    found = find_collection(outer)
    assert found is not None
    assert (found.kind, found.count) == ("ReadOnlyCollection", 2)
    assert [item.value for item in found.items()] == [1, 2]


def test_a_wrapper_of_an_array_of_nothing_and_of_what_is_no_collection() -> None:
    array = NamedObject(0x1000, NamedType("System.Object[]"), [1, 2, 3])
    counts = [
        found.count if (found := find_collection(collection(0x2000, READ_ONLY, list=inner))) is not None else None
        for inner in (array, None, collection(0x3000, "Own"))
    ]
    assert counts == [3, 0, None]


def test_wrappers_of_each_other_are_damaged() -> None:
    first, second = collection(0x1000, READ_ONLY), collection(0x2000, READ_ONLY)
    first.named.fields["list"], second.named.fields["list"] = second, first
    with pytest.raises(FormatError, match="collections from 0x1000 on wrap each other"):
        find_collection(first)


def test_a_bag_holds_what_is_in_the_rings_of_all_threads() -> None:
    def ring(following: NamedObject | None, head: int, tail: int) -> NamedObject:
        slots = NamedObject(0x9000, NamedType("System.Object[]"), ["a", "b", "c", "d"])
        address = 0x8000 + 0x100 * tail
        fields = {"_array": slots, "_headIndex": head, "_tailIndex": tail, "_nextQueue": following}
        return NamedObject(address, NamedType("WorkStealingQueue", fields))

    bag = collection(
        0x1000, "System.Collections.Concurrent.ConcurrentBag<T>", _workStealingQueues=ring(ring(None, 0, 1), 3, 6)
    )
    found = find_collection(bag)
    assert found is not None
    assert (found.count, [item.value for item in found.items()]) == (4, ["d", "a", "b", "a"])


def test_data_of_an_exception_and_an_ordered_dictionary_of_objects_are_pairs() -> None:
    node = collection(0x2000, "DictionaryNode", key="k", value="v", next=None)
    entry = collection(0x3000, "NameObjectEntry", Key="name", Value="value")
    entries = NamedObject(0x4000, NamedType("System.Object[]"), [entry, None])
    listed = collection(0x5000, "System.Collections.ArrayList", _size=1, _items=entries)
    specialized = "System.Collections.Specialized."
    for found, pairs in (
        (collection(0x1000, "System.Collections.ListDictionaryInternal", head=node, count=1), [("k", "v")]),
        (collection(0x1000, f"{specialized}NameObjectCollectionBase", _entriesArray=listed), [("name", "value")]),
        (collection(0x1000, f"{specialized}OrderedDictionary", _objectsArray=None), []),
    ):
        held = find_collection(found)
        assert held is not None
        assert [(item.key, item.value) for item in held.items()] == pairs
        assert held.count == len(pairs)
