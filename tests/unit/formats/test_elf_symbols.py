"""Which symbols count, and which of several: those of the C library, with readelf's view of it as the witness."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.elf_builder import ElfBuilder
from corpus import missing
from dotdump.formats.elf_image import ElfImage, image_of_file
from dotdump.formats.elf_symbols import SymbolTable
from dotdump.memory.file import FileSpace
from dotdump.memory.space import BytesSpace

TLS, NUMBER = (0x16, 0, 1), (0x11, 0, 0xFFF1)


def image_of(builder: ElfBuilder) -> ElfImage:
    data = builder.build()
    return image_of_file(BytesSpace([(0, data)]), len(data))


@pytest.mark.parametrize("gnu", [True, False])
@pytest.mark.parametrize("kind", [TLS, NUMBER])
def test_what_is_no_address_is_not_found(kind: tuple[int, int, int], *, gnu: bool) -> None:
    image = image_of(ElfBuilder(kinds={b"first": kind}, gnu=gnu))
    assert image.find_symbol("first") is None
    assert image.symbols.find("first") is None
    assert [symbol.name for symbol in image.symbols] == ["second"]


@pytest.mark.parametrize("gnu", [True, False])
@pytest.mark.parametrize(
    ("versions", "value"),
    [([0, 0x8002, 3], 0x900), ([0, 2, 0x8003], 0x800), ([0, 0x8002, 0x8003], 0x800), ([], 0x800), ([0, 0x8002], 0x900)],
)
def test_of_several_versions_the_default_one_is_found(versions: list[int], value: int, *, gnu: bool) -> None:
    image = image_of(ElfBuilder(symbols=[(b"copy", 0x800, 1), (b"copy", 0x900, 1)], versions=versions, gnu=gnu))
    found, of_all = image.find_symbol("copy"), image.symbols.find("copy")
    assert found is not None
    assert of_all == found
    assert found.value == value


def table_of(symbols: list[tuple[bytes, int, int]]) -> SymbolTable:
    strings, rows = bytearray(b"\0"), bytearray(24)
    for name, value, size in symbols:
        rows += struct.pack("<IBBHQQ", len(strings), 2, 0, 1, value, size)
        strings += name + b"\0"
    return SymbolTable(bytes(rows), bytes(strings))


def test_a_function_has_a_name_behind_any_number_of_labels_within() -> None:
    labels = [(b"label%d" % place, place, 0) for place in range(0x1010, 0x1800)]
    table = table_of([(b"function", 0x1000, 0x1000), *labels, (b"before", 0xF00, 0x100)])
    assert [name_at(table, place) for place in (0x1000, 0x1011, 0x1800, 0x1FFF, 0x2000, 0xFFF)] == [
        "function",
        "label4113",
        "function",
        "function",
        None,
        "before",
    ]


SYMBOLS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=30)


@given(symbols=SYMBOLS, place=st.integers(0, 80))
def test_the_innermost_symbol_is_the_last_that_begins_before_an_address_and_ends_behind_it(
    symbols: list[tuple[int, int]], place: int
) -> None:
    rows = [(b"symbol%d" % number, start, size) for number, (start, size) in enumerate(symbols)]
    covering = [row for row in sorted(rows, key=lambda row: row[1]) if row[1] <= place < row[1] + max(row[2], 1)]
    assert name_at(table_of(rows), place) == (covering[-1][0].decode() if covering else None)


def name_at(table: SymbolTable, place: int) -> str | None:
    found = table.at(place)
    return found.name if found is not None else None


def test_every_default_version_of_the_c_library_is_found_where_readelf_says() -> None:
    readelf = shutil.which("readelf") or missing("no readelf")
    with Path("/proc/self/maps").open() as maps:
        path = next(line.split()[-1] for line in maps if "/libc.so" in line)
    text = subprocess.run([readelf, "--dyn-syms", "-W", path], capture_output=True, text=True, check=True).stdout
    rows = [row for row in map(str.split, text.splitlines()) if len(row) == 8 and "@" in row[7] and row[6] != "UND"]
    default = {row[7].partition("@")[0]: row for row in rows if "@@" in row[7]}
    old = {row[7].partition("@")[0] for row in rows if "@@" not in row[7]}
    assert len(default) > 1000
    assert old & set(default)
    space = FileSpace(path)
    image = image_of_file(space, space.size)
    for name, row in default.items():
        found = image.find_symbol(name)
        if row[3] == "TLS" or row[6] == "ABS":
            assert found is None, name
        else:
            assert found is not None, name
            assert found.value == int(row[1], 16), name
    for name in old & set(default):
        assert image.symbols.find(name) == image.find_symbol(name)
    space.close()
