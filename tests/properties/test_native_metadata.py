"""Whatever bytes a NativeAOT program carries for reflection, reading them ends, in names or in ``FormatError``."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from builders.native_metadata import NativeMetadataBuilder, hashtable, unsigned
from dotdump.clr.contracts.native_aot_symbols import type_of_symbol
from dotdump.errors import FormatError
from dotdump.formats.native_format import NativeBytes
from dotdump.formats.native_metadata import NativeMetadata


@given(st.binary(max_size=200))
def test_any_table_ends(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        for entry in NativeBytes(data, "test").hashtable():
            assert isinstance(entry, int)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=12), st.integers(0, (1 << 32) - 1))
def test_changed_metadata_gives_names_or_errors(changes: list[tuple[int, int]], token: int) -> None:
    built = NativeMetadataBuilder()
    namespace = built.namespace(built.assembly("Assembly"), "Space")
    outer = built.type(namespace, "Outer")
    tokens = [outer, built.type(0, "Inner", outer), *(built.type(namespace, f"T{n}") for n in range(8))]
    data = bytearray(built.data)
    for place, value in changes:
        data[4 + place % (len(data) - 4)] = value
    with contextlib.suppress(FormatError):
        names = NativeMetadata(bytes(data), tokens)
        for one in (*tokens, token):
            assert isinstance(names.type_name(one).name, str)


@given(st.lists(st.integers(0, (1 << 32) - 1), max_size=20))
def test_entries_come_back(values: list[int]) -> None:
    table = NativeBytes(hashtable([unsigned(value) for value in values]), "test")
    assert [table.unsigned(entry)[0] for entry in table.hashtable()] == values


@given(st.text("_<>,ABcd`019", max_size=60))
def test_any_symbol_has_a_name(mangled: str) -> None:
    assert isinstance(type_of_symbol(f"_ZTV{len(mangled)}{mangled}"), str)
