"""Collections that wrap others, on objects whose fields are what they were given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from builders.managed import NamedObject, NamedType
from dotdump.analysis.collections import find_collection
from dotdump.errors import FormatError

if TYPE_CHECKING:
    from dotdump.clr.model.heap import ClrHeap

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


@pytest.mark.parametrize(
    ("array", "length", "numbers"), [("m_array", "m_length", [0b1001, 2]), ("_array", "_bitLength", [9, 0, 0, 0, 2])]
)
def test_bits_are_items_the_lowest_first(array: str, length: str, numbers: list[object]) -> None:
    held = NamedObject(0x2000, NamedType("System.Int32[]"), numbers)
    found = find_collection(collection(0x1000, "System.Collections.BitArray", **{array: held, length: 35}))
    assert found is not None
    bits = [item.value for item in found.items()]
    assert (found.count, len(bits)) == (35, 35)
    assert [number for number, bit in enumerate(bits) if bit] == [0, 3, 33]


def test_the_values_of_all_threads_but_not_that_of_the_first_node() -> None:
    last = collection(0x4000, "LinkedSlot", _next=None, _value=8)
    first = collection(0x2000, "LinkedSlot", _next=collection(0x3000, "LinkedSlot", _next=last, _value=7), _value=0)
    name = "System.Threading.ThreadLocal<System.Int32>"
    for slot, values in ((first, [7, 8]), (None, [])):
        found = find_collection(collection(0x1000, name, _linkedSlot=slot))
        assert found is not None
        assert (found.count, [item.value for item in found.items()]) == (len(values), values)


class Weak:
    """The handles of a heap: one with both objects, one whose value is null, one of none, and one that is unknown."""

    def __init__(self) -> None:
        self.dependents = {0x100: (0x7000, 0x8000), 0x108: (0x7008, 0)}
        reader = SimpleNamespace(pointer={0x100: 0x7000, 0x108: 0x7008, 0x110: 0, 0x118: 0x7010}.__getitem__)
        self.access = SimpleNamespace(reader=reader)
        self.object = hex


def weak_table(*handles: int) -> NamedObject:
    entries: list[object] = [
        collection(0x3000, "Entry", depHnd=collection(0x4000, "DependentHandle", _handle=handle)) for handle in handles
    ]
    array = NamedObject(0x5000, NamedType("Entry[]"), [*entries, entries[0]])
    container = collection(0x2000, "Container", _firstFreeEntry=len(handles), _entries=array)
    table = collection(
        0x1000, "System.Runtime.CompilerServices.ConditionalWeakTable<System.Object, T>", _container=container
    )
    table.heap = cast("ClrHeap", Weak())
    return table


def test_a_weak_table_has_the_pairs_whose_keys_are_alive() -> None:
    found = find_collection(weak_table(0x100, 0x108, 0x110, 0))
    assert found is not None
    assert found.count == 2
    assert [(item.key, item.value) for item in found.items()] == [("0x7000", "0x8000"), ("0x7008", None)]
    with pytest.raises(FormatError, match="0x118 is no dependent handle that the runtime has"):
        find_collection(weak_table(0x118))
