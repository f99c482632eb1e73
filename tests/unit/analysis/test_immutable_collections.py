"""Immutable and frozen collections, on objects whose fields are what they were given."""

from __future__ import annotations

from itertools import count

from builders.managed import NamedObject, NamedType
from dotdump.analysis.collections import find_collection

IMMUTABLE, FROZEN = "System.Collections.Immutable.Immutable", "System.Collections.Frozen."
ADDRESSES = count(0x1000, 0x100)


def made(name: str, *bases: str, **fields: object) -> NamedObject:
    """Return an object at an address of its own."""
    return NamedObject(next(ADDRESSES), NamedType(name, fields, bases=bases))


def array(*elements: object) -> NamedObject:
    return NamedObject(next(ADDRESSES), NamedType("System.Object[]"), list(elements))


def items(found: NamedObject) -> list[object]:
    collection = find_collection(found)
    assert collection is not None
    listed: list[object] = [(item.key, item.value) if item.keyed else item.value for item in collection.items()]
    assert collection.count == len(listed)
    return listed


def node(left: object = None, right: object = None, **fields: object) -> NamedObject:
    return made("Node", _left=left, _right=right, _height=1, **fields)


def test_a_dictionary_has_the_pairs_of_its_buckets_and_those_of_the_same_hash_code() -> None:
    first, second, third = (made("Pair", key=name, value=number) for number, name in enumerate("abc"))
    empty = made("Node", _left=None, _right=None, _height=0)
    bucket = made("HashBucket", _firstValue=first, _additionalElements=node(empty, empty, _key=second))
    other = made("HashBucket", _firstValue=third, _additionalElements=None)
    root = node(node(empty, empty, _value=bucket), empty, _value=other)
    assert items(made(f"{IMMUTABLE}Dictionary<K, V>", _root=root, _count=3)) == [("a", 0), ("b", 1), ("c", 2)]


def test_a_queue_is_its_front_and_then_its_back_from_the_bottom_on() -> None:
    def stack(*values: object) -> NamedObject:
        found = made(f"{IMMUTABLE}Stack<T>", _head=None, _tail=None)
        for value in reversed(values):
            found = made(f"{IMMUTABLE}Stack<T>", _head=value, _tail=found)
        return found

    assert items(stack(1, None, 3)) == [1, None, 3]
    assert items(made(f"{IMMUTABLE}Queue<T>", _forwards=stack(1, 2), _backwards=stack(4, 3))) == [1, 2, 3, 4]


def test_keys_of_a_frozen_dictionary_may_be_its_hash_codes() -> None:
    keys, values = array(7, 8), array("seven", "eight")
    base = f"{FROZEN}FrozenDictionary<System.Int32, V>"
    table = made(f"{FROZEN}FrozenHashTable", HashCodes=keys)
    assert items(made(f"{FROZEN}Int32FrozenDictionary<V>", base, _hashTable=table, _values=values)) == [
        (7, "seven"),
        (8, "eight"),
    ]
    assert items(made(f"{FROZEN}FrozenDictionary<K, V>", _keys=keys, _values=values))[0] == (7, "seven")


def test_an_empty_frozen_set_has_nothing_and_one_of_bits_is_no_collection() -> None:
    base = f"{FROZEN}FrozenSet<System.Int32>"
    assert items(made(f"{FROZEN}EmptyFrozenSet<System.Int32>", base)) == []
    assert find_collection(made(f"{FROZEN}DenseBits", base, _bits=None)) is None
