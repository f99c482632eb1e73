"""Values in the heap of real processes: what the program put there is what is read, on every runtime."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

import dotdump
from corpus import Runtime, corpus, runtimes
from dotdump.analysis.collections import find_collection
from dotdump.analysis.delegates import read_delegate
from dotdump.analysis.objects import ObjectQuery, find_objects
from dotdump.analysis.rooted_heap import RootedHeap
from dotdump.analysis.strings import string_statistics
from dotdump.analysis.where import Where
from dotdump.analysis.whole_object import object_details
from dotdump.clr.model.known_values import DateTime, TimeSpan
from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.clr.model.value import ClrStruct, EnumValue, Unreadable
from dotdump.errors import FieldNotFound, InvalidObject

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("values")]

SAMPLES = 3
PRIMITIVES = {
    "Bool": True, "Char": "Ω", "SByte": -5, "Byte": 250, "Int16": -12345, "UInt16": 54321, "Int32": -123456789,
    "UInt32": 3123456789, "Int64": -1234567890123456789, "UInt64": 12345678901234567890, "Single": 1.5,
    "Double": -2.25, "IntPtr": 0x1234, "UIntPtr": 0x5678, "Decimal": Decimal(79228162514264337593543950335),
    "TimeSpan": TimeSpan(123456789), "Text": 'naïve Ω 😀 "quoted"\n', "Empty": "", "Null": None, "None": None,
}  # fmt: skip


class Sampled:
    """A runtime, and the first few objects of each type in its heap."""

    def __init__(self, runtime: ClrRuntime) -> None:
        self.runtime = runtime
        self.objects: dict[str, list[ClrObject]] = {}
        kinds: dict[int, list[ClrObject]] = {}
        for each in runtime.heap.objects():
            known = kinds.get(each.method_table)
            if known is None:
                known = kinds[each.method_table] = self.objects.setdefault(each.type.name, [])
            if len(known) < SAMPLES:
                known.append(each)

    def first(self, type_name: str) -> ClrObject:
        return self.objects[type_name][0]


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def sampled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sampled]:
    runtime: Runtime = request.param
    core = tmp_path_factory.mktemp("values") / "core"
    with corpus(runtime, "all") as running:
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(core), str(running.pid)]
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    with dotdump.open_core(core) as target:
        yield Sampled(ClrRuntime.of(target))
    core.unlink()


def test_every_kind_of_primitive_has_the_value_it_was_given(sampled: Sampled) -> None:
    found = sampled.first("Corpus.Primitives")
    assert {name: found[name] for name in PRIMITIVES} == PRIMITIVES
    color = found["Color"]
    assert isinstance(color, EnumValue)
    assert (int(color), color.name) == (200, "Blue")
    boxed = found["Boxed"]
    assert isinstance(boxed, ClrObject)
    assert boxed.boxed == 42


def test_structs_nullables_and_inherited_properties(sampled: Sampled) -> None:
    customer = sampled.first("Corpus.Customer")
    number = customer["Id"]
    assert isinstance(number, int)
    assert customer["Name"] == f"customer-{number}"
    assert customer["Key"] == UUID(f"{number:08x}-0001-0002-0304-05060708090a")
    assert str(customer["Created"]) == "2024-02-29T12:34:56Z"
    assert isinstance(customer["Created"], DateTime)
    assert str(customer["Favourite"]) == ("Green" if number % 2 == 0 else "None")
    order = sampled.first("Corpus.Order")
    total, identifier = order["Total"], order["Id"]
    assert isinstance(total, ClrStruct)
    assert isinstance(identifier, int)
    assert total["Amount"] == Decimal(identifier + 1) / 100
    assert total["Currency"] == "EUR"
    with pytest.raises(FieldNotFound, match=r"Corpus\.Order has no field 'Nothing'"):
        order["Nothing"]


def test_arrays_of_structs_of_several_dimensions_and_with_a_lower_bound(sampled: Sampled) -> None:
    lines = sampled.first("Corpus.Line[]").array
    assert lines is not None
    assert len(lines) == 3
    second = lines[1]
    assert isinstance(second, ClrStruct)
    assert (second["Quantity"], second["Price"]) == (1, 1.5)
    grid = sampled.first("System.Int32[,,]").array
    assert grid is not None
    assert (grid.lengths, grid.lower_bounds) == ((10, 20, 30), (0, 0, 0))
    place = list(grid.elements()).index(123)
    assert grid.indexes(place) == (1, 2, 3)
    shifted = sampled.first("System.Int64[*]").array
    assert shifted is not None
    assert (shifted.lengths, shifted.lower_bounds, shifted.indexes(0)) == ((5,), (-2,), (-2,))
    with pytest.raises(IndexError):
        shifted[5]


def test_exceptions_tell_their_message_number_and_cause(sampled: Sampled) -> None:
    thrown = sampled.first("Corpus.OrderNotFoundException")
    assert thrown.type.is_exception
    assert thrown["_message"] == "order 4711 was not found"
    assert thrown["_HResult"] == 0x80131599 - (1 << 32)
    cause = thrown["_innerException"]
    assert isinstance(cause, ClrObject)
    assert (cause.type.name, cause["_message"]) == ("System.InvalidOperationException", "inner trouble")


def test_no_field_and_no_element_of_any_type_is_unreadable(sampled: Sampled) -> None:
    unreadable, read = [], 0
    for each in (each for objects in sampled.objects.values() for each in objects):
        values = [(field.name, value) for field, value in each.values()]
        if each.array is not None:
            values += [("element", value) for value in each.array.elements(0, 20)]
        for name, value in list(values):
            if isinstance(value, ClrStruct):
                values += [(f"{name}.{field.name}", inner) for field, inner in value.values()]
        read += len(values)
        unreadable += [f"{each.type.name}.{name}: {value}" for name, value in values if isinstance(value, Unreadable)]
    assert unreadable == []
    assert read > 3000


def test_references_of_an_object_are_those_of_its_fields_and_elements(sampled: Sampled) -> None:
    order = sampled.first("Corpus.Order")
    customer, lines = order["Customer"], order["Lines"]
    assert isinstance(customer, ClrObject)
    assert isinstance(lines, ClrObject)
    assert {found.address for found in order.references()} >= {customer.address, lines.address}
    assert {found.type.name for found in lines.references()} == {"System.String", "Corpus.Customer"}
    assert len(list(lines.references())) == 6
    with pytest.raises(InvalidObject):
        _ = order.text


def test_every_delegate_names_the_method_that_it_calls(sampled: Sampled) -> None:
    runtime, callbacks = sampled.runtime, set()
    found = [delegate for each in runtime.heap.objects() if (delegate := read_delegate(runtime, each)) is not None]
    assert len(found) > 321
    for each in found:
        method = each.method
        if each.count > 1:
            assert all(one is not each.source for one in each.each())
            continue
        assert method is not None, each.source
        if each.target is not None:
            assert method.type in list(each.target.type.hierarchy), each.source
        if each.source.type.name == "System.Threading.TimerCallback":
            callbacks.add(method.signature)
    assert "Corpus.AsyncScenario.OnTimer(System.Object)" in callbacks
    (changed,) = [each for each in found if each.count == 321]
    subscribers = [read_delegate(runtime, one) for one in changed.each()]
    assert {one.method.signature for one in subscribers if one is not None and one.method is not None} == {
        "Corpus.Subscriber.OnChanged(System.Object, System.EventArgs)"
    }
    assert len({one.target.address for one in subscribers if one is not None and one.target is not None}) == 321
    details = object_details(runtime, changed.source.address)
    assert (details.value, details.problems) == ("321 delegates", ())
    assert details.held is not None
    assert (details.held.kind, details.held.count) == ("delegate", 321)
    first = details.held.items[0].text
    assert first.startswith("Corpus.Subscriber.OnChanged(System.Object, System.EventArgs) on Corpus.Subscriber 0x")


def test_objects_are_found_by_the_values_of_their_fields(sampled: Sampled) -> None:
    where = Where('Id > 5 and Name ~ "^customer-" and Orders._size = 12 and Favourite = "Green" and Id < 11')
    query = ObjectQuery(r"^Corpus\.Customer$", where=where, fields=("Name", "Key"))
    rows = list(find_objects(sampled.runtime, query))
    assert [row.fields["Name"] for row in rows] == ["customer-6", "customer-8", "customer-10"]
    assert where.never_met == []
    first, last = (int(row.address, 16) for row in (rows[0], rows[-1]))
    between = list(find_objects(sampled.runtime, ObjectQuery(start=first, end=last)))
    assert between[0] == replace(rows[0], fields={})
    assert all(first <= int(row.address, 16) < last for row in between)
    large = list(find_objects(sampled.runtime, ObjectQuery(generations=frozenset({"large"}), min_size=1_000_000)))
    assert {row.type for row in large} == {"System.Byte[]", "System.Double[]"}


def test_collections_show_what_they_hold(sampled: Sampled) -> None:
    expected: dict[str, tuple[int | str, str, int]] = {
        "System.Collections.Generic.Dictionary<System.String, Corpus.Customer>": ("key-0", "in-dictionary-0", 257),
        "System.Collections.Concurrent.ConcurrentDictionary<System.Int32, System.String>": (0, "value-0", 257),
        "System.Collections.Generic.SortedDictionary<System.Int32, System.String>": (1, "one", 1),
    }
    for name, (key, value, count) in expected.items():
        held = find_collection(sampled.first(name))
        assert held is not None
        items = {item.key: item.value for item in held.items()}
        found = items[key]
        assert (found["Name"] if isinstance(found, ClrObject) else found) == value
        assert held.count == len(items) == count
    listed = {
        "System.Collections.Generic.HashSet<System.Int64>": [i * 1000 for i in range(257)],
        "System.Collections.Generic.Stack<System.Int32>": [3, 2, 1],
        "System.Collections.Generic.LinkedList<System.String>": ["p", "q"],
    }
    for name, values in listed.items():
        held = find_collection(sampled.first(name))
        assert held is not None
        assert [item.value for item in held.items()] == values
    queue = find_collection(sampled.first("System.Collections.Concurrent.ConcurrentQueue<Corpus.Node>"))
    assert queue is not None
    nodes = [item.value for item in queue.items()]
    assert [node["Index"] for node in nodes if isinstance(node, ClrObject)] == list(range(257))


def test_every_collection_holds_as_many_items_as_it_says(sampled: Sampled) -> None:
    held = [found for objects in sampled.objects.values() for each in objects if (found := find_collection(each))]
    assert len(held) > 15
    assert [found for found in held if found.count != len(list(found.items())) and found.kind != "StringBuilder"] == []


def test_an_object_is_shown_with_what_is_around_it(sampled: Sampled) -> None:
    order = sampled.first("Corpus.Order")
    found = object_details(sampled.runtime, order.address, RootedHeap.of(sampled.runtime))
    fields = {field.name: field for field in found.fields}
    customer = order["Customer"]
    assert isinstance(customer, ClrObject)
    assert fields["Customer"].address == f"{customer.address:#x}"
    assert {field.name: field.value for field in fields["Total"].fields}["Currency"] == "EUR"
    assert {link.field for link in found.references.objects} == {"Customer", "Lines", "Total.Currency"}
    assert found.referrers is not None
    (link,) = found.referrers.objects
    array = sampled.runtime.heap.object(int(link.address, 16)).array
    assert array is not None
    assert link.type == "Corpus.Order[]"
    assert array[int(link.field.strip("[]"))] == order
    assert found.problems == ()


def test_every_kind_of_object_can_be_shown_without_a_problem(sampled: Sampled) -> None:
    first = [objects[0].address for name, objects in sampled.objects.items() if name != "Free"]
    shown = [object_details(sampled.runtime, address) for address in first]
    assert [(found.type, found.problems) for found in shown if found.problems] == []
    thrown = next(found for found in shown if found.type == "Corpus.OrderNotFoundException")
    assert thrown.value is not None
    assert thrown.value.startswith('"order 4711 was not found" (HRESULT 0x80131599), caused by System.Invalid')
    types = [found.value for found in shown if found.type == "System.RuntimeType"]
    assert types
    assert all(value and not value.startswith("<type at") for value in types)


def test_copies_of_strings_are_counted_to_the_last_one(sampled: Sampled) -> None:
    found = string_statistics(sampled.runtime, "^duplicated-text$|^x+$", min_length=15)
    rows = {row.text[:15]: row for row in found.texts}
    copies = rows["duplicated-text"]
    assert copies.count in (5000, 5001)  # one more where the literal itself is on the heap
    assert copies.wasted == copies.size // copies.count * (copies.count - 1)
    assert rows["x" * 15].length == 100000
    assert found.problems == ()
