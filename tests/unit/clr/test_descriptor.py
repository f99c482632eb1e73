from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.clr import FakeTarget, put_descriptor
from dotdump import limits
from dotdump.clr.descriptor import Descriptor, FieldLayout, Global, merge, parse_descriptor, read_descriptor
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.memory.reader import Reader

DOCUMENT = {
    "version": 0,
    "baseline": "empty",
    "contracts": {"Thread": 1, "GC": "c1"},
    "types": {"Thread": {"!": 64, "Id": 16, "Handle": [8, "GCHandle"]}, "Opaque": {}},
    "globals": {
        "Literal": ["0x7", "uint8"],
        "Plain": 5,
        "Negative": ["-1", "int32"],
        "Store": [[1], "pointer"],
        "Untyped": [0],
        "System": ["unix", "string"],
        "Digits": ["10", "string"],
    },
}


def parse(document: object, *pointers: int) -> Descriptor:
    return parse_descriptor(json.dumps(document).encode(), pointers)


def read(target: FakeTarget, address: int) -> Descriptor:
    return read_descriptor(Reader(target.memory), address)


def test_fields_have_offsets_and_where_told_types() -> None:
    thread = parse(DOCUMENT, 0x100, 0x200).types["Thread"]
    assert thread.fields == {"Id": FieldLayout(16), "Handle": FieldLayout(8, "GCHandle")}
    assert thread.size == 64


def test_a_type_without_a_size_is_indeterminate() -> None:
    assert parse(DOCUMENT, 1, 2).types["Opaque"].size is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Literal", Global(7, "uint8")),
        ("Plain", Global(5)),
        ("Negative", Global(-1, "int32")),
        ("Store", Global(0x200, "pointer", indirect=True)),
        ("Untyped", Global(0x100, "", indirect=True)),
        ("System", Global("unix", "string")),
        ("Digits", Global("10", "string")),
    ],
)
def test_globals_come_in_every_form(name: str, value: Global) -> None:
    assert parse(DOCUMENT, 0x100, 0x200).globals[name] == value


def test_contract_versions_are_numbers_before_11_and_text_from_then_on() -> None:
    assert parse(DOCUMENT, 1, 2).contracts == {"Thread": "1", "GC": "c1"}


def test_a_descriptor_is_read_from_memory() -> None:
    target = FakeTarget()
    assert read(target, put_descriptor(target, 0x10000, DOCUMENT, [1, 2])) == parse(DOCUMENT, 1, 2)


def test_a_sub_descriptor_is_merged_in() -> None:
    target = FakeTarget()
    collector = put_descriptor(target, 0x20000, {"types": {"Generation": {"!": 8}}, "contracts": {"GC": "c1"}})
    slot = target.words(0x30000, collector)
    top = {"contracts": {"Thread": "c1"}, "subDescriptors": {"GC": [[0], "pointer"]}}
    found = read(target, put_descriptor(target, 0x10000, top, [slot]))
    assert found.contracts == {"Thread": "c1", "GC": "c1"}
    assert found.types["Generation"].size == 8


def test_a_sub_descriptor_of_what_has_not_started_is_left_out() -> None:
    target = FakeTarget()
    slot = target.words(0x30000, 0)
    place = put_descriptor(target, 0x10000, {"subDescriptors": {"GC": [[0], "pointer"]}}, [slot])
    assert read(target, place).contracts == {}


def test_sub_descriptors_that_lead_in_a_circle_end() -> None:
    target = FakeTarget()
    slot = target.words(0x30000, 0x10000)
    put_descriptor(target, 0x10000, {"subDescriptors": {"GC": [0]}, "contracts": {"A": 1}}, [slot])
    assert read(target, 0x10000).contracts == {"A": "1"}


def test_a_baseline_fills_in_and_an_unknown_one_is_an_error() -> None:
    target = FakeTarget()
    place = put_descriptor(target, 0x10000, {"baseline": "net", "types": {"A": {"X": 1}}})
    known = {"net": parse({"types": {"A": {"X": 9, "Y": 2}}})}
    found = read_descriptor(Reader(target.memory), place, find_baseline=known.get)
    assert found.types["A"].fields == {"X": FieldLayout(1), "Y": FieldLayout(2)}
    with pytest.raises(FormatError, match="'net'"):
        read(target, place)


def test_merging_keeps_the_first_word_on_everything() -> None:
    first = parse({"types": {"A": {"X": 1}}, "globals": {"G": 1}, "contracts": {"C": 1}})
    second = parse({"types": {"A": {"!": 4, "X": 2, "Y": 3}, "B": {}}, "globals": {"G": 2}, "contracts": {"C": 2}})
    both = merge(first, second)
    assert both.types["A"].fields == {"X": FieldLayout(1), "Y": FieldLayout(3)}
    assert both.types["A"].size == 4
    assert (both.globals["G"], both.contracts["C"]) == (Global(1), "1")
    assert set(both.types) == {"A", "B"}


def test_a_field_is_found_under_the_first_name_that_is_there() -> None:
    assert parse(DOCUMENT, 1, 2).find_field("Thread", "NewId", "Id") == FieldLayout(16)
    assert parse(DOCUMENT, 1, 2).find_field("Missing", "Id") is None


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"types": []},
        {"types": {"A": 3}},
        {"types": {"A": {"X": "far"}}},
        {"types": {"A": {"X": 1 << 40}}},
        {"types": {"A": {"X": True}}},
        {"types": {"A": {"X": [1, 2]}}},
        {"types": {"A": {"!": 0}}},
        {"types": {"A": {"!": -8}}},
        {"globals": {"G": [[9], "pointer"]}},
        {"globals": {"G": [[-1], "pointer"]}},
        {"globals": {"G": [[], "pointer"]}},
        {"globals": {"G": {}}},
        {"globals": {"G": 1 << 70}},
        {"contracts": {"C": 1.5}},
        {"subDescriptors": {"GC": 4096}},
        {"baseline": 3},
    ],
)
def test_a_wrong_form_is_an_error_that_names_the_place(document: object) -> None:
    with pytest.raises(FormatError, match=r"is .* not|no object"):
        parse(document, 1)


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b'{"globals":{"G":' + b"9" * 5000 + b"}}", b"\xff\xfe"])
def test_what_is_no_json_is_an_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_descriptor(data)


def test_sizes_in_the_header_are_bounded_before_anything_is_read() -> None:
    target = FakeTarget()
    place = put_descriptor(target, 0x10000, {})
    header = bytearray(target.chunks[place])
    header[12:16] = (limits.DESCRIPTOR_TEXT + 1).to_bytes(4, "little")
    target.put(place, bytes(header))
    with pytest.raises(LimitExceeded, match="text"):
        read(target, place)


def test_a_header_that_is_none_is_an_error() -> None:
    target = FakeTarget()
    with pytest.raises(FormatError, match="magic"):
        read(target, target.put(0x10000, bytes(40)))
    with pytest.raises(MemoryFault):
        read(target, 0x50000)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(["types", "globals", "contracts", "subDescriptors", "baseline", "!", "A"]),
                x,
                max_size=4,
            )
        ),
    )
)
def test_any_json_is_a_descriptor_or_our_error(document: object) -> None:
    with suppress(FormatError):
        parse(document, 1, 2)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_descriptor_or_our_error(data: bytes) -> None:
    with suppress(FormatError):
        parse_descriptor(data)
