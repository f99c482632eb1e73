"""Damaged code maps, debug info and PDBs: our errors or an answer, never more, never without an end."""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from builders.clr import FakeTarget
from builders.code import IMAGE, JIT_HEAP, FakeCode, Image, Jitted
from corpus import ASSEMBLIES
from dotdump.clr.contracts.nibble_map import find_method_start
from dotdump.errors import DotdumpError
from dotdump.formats.debug_info import find_il_offset, parse_bounds, parse_sizes
from dotdump.formats.native_array import NativeArray
from dotdump.formats.native_variables import find_variable, parse_variables
from dotdump.formats.portable_pdb import PortablePdb, _Points
from dotdump.formats.source_names import source_name
from dotdump.memory.reader import Reader
from dotdump.memory.space import BytesSpace
from examples import examples

PDB = (ASSEMBLIES / "net8.0" / "Corpus.pdb").read_bytes()
CODE = FakeCode(
    [Jitted(0x20, 0x40, 0xC000), Jitted(0x100, 0x80, 0xD000, [(0, 0x60), (0x60, 0x20)]), Jitted(0x200, 0x20, stub=3)],
    Image([(0x1000, 0x80), (0x1080, 0x20), (0x10A0, 0x40), (0x3000, 0x30)], {0: 0xA000, 2: 0xB000}, cold=[(3, 2)]),
)
LISTED = FakeCode(CODE.jitted, CODE.image, is_list=True)
ADDRESSES = [
    *range(JIT_HEAP, JIT_HEAP + 0x280, 0x30),
    *(IMAGE + rva for rva in (0x10, 0x1000, 0x1085, 0x10A4, 0x3004)),
]
words = st.one_of(
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 64),
    st.sampled_from([JIT_HEAP, IMAGE, IMAGE + 0x1000, (1 << 63) | 1, (1 << 32) - 1]),
)


@cache
def chunks(*, is_list: bool) -> dict[int, bytes]:
    return (LISTED if is_list else CODE).target().chunks


@given(is_list=st.booleans(), edits=st.lists(st.tuples(st.integers(0, 1 << 20), words), min_size=1, max_size=6))
@examples(300)
def test_damaged_code_maps_raise_nothing_but_our_errors(*, is_list: bool, edits: list[tuple[int, int]]) -> None:
    fake, target = (LISTED if is_list else CODE), FakeTarget()
    target.modules = fake.target().modules
    target.chunks = dict(chunks(is_list=is_list))
    places = [(start, offset) for start, data in target.chunks.items() for offset in range(0, len(data) - 7, 8)]
    places = [place for place in places if any(target.chunks[place[0]][place[1] : place[1] + 8])]
    for choice, value in edits:
        start, offset = places[choice % len(places)]
        data = target.chunks[start]
        target.chunks[start] = data[:offset] + struct.pack("<Q", value) + data[offset + 8 :]
    code = fake.manager(target)
    for address in ADDRESSES:
        with suppress(DotdumpError):
            block = code.find(address)
            assert block is None or block.address == address
    with suppress(DotdumpError):
        code.ranges.all()


@given(st.binary(max_size=512), st.integers(-64, 0x8000), st.sampled_from([1, 2]))
@examples(500)
def test_any_nibble_map_gives_a_start_or_none(units: bytes, offset: int, version: int) -> None:
    with suppress(DotdumpError):
        start = find_method_start(
            Reader(BytesSpace([(0x5000, units)])), 0x1000, 0x5000, 0x1000 + offset, version=version
        )
        assert start is None or 0x1000 <= start <= 0x1000 + offset


@given(st.binary(max_size=200), st.booleans(), st.integers(0, 1 << 32))
@examples(500)
def test_any_bytes_are_debug_info_or_a_format_error(data: bytes, packed: bool, native: int) -> None:
    with suppress(DotdumpError):
        start, size = parse_sizes(data)
        assert start <= len(data)
        assert size >= 0
    with suppress(DotdumpError):
        bounds = parse_bounds(data, packed=packed)
        assert len(bounds) <= 2 * len(data)
        il = find_il_offset(bounds, native)
        assert il is None or 0 <= il < 1 << 32


@given(st.binary(max_size=300), st.integers(0, 5000))
@examples(500)
def test_any_bytes_are_a_native_array_or_a_format_error(data: bytes, index: int) -> None:
    with suppress(DotdumpError):
        NativeArray(Reader(BytesSpace([(0x100, data)])), 0x100).find(index)


@given(st.lists(st.tuples(st.integers(0, len(PDB) - 1), st.integers(0, 255)), min_size=1, max_size=8))
@examples(200)
def test_a_changed_pdb_raises_nothing_but_our_errors(edits: list[tuple[int, int]]) -> None:
    mutated = bytearray(PDB)
    for position, value in edits:
        mutated[position] = value
    with suppress(DotdumpError):
        pdb = PortablePdb(bytes(mutated))
        for row_id in range(1, 60):
            with suppress(DotdumpError):
                point = pdb.find_point(row_id, 10)
                if point is not None:
                    pdb.document(point.document)


@given(st.binary(max_size=200), st.integers(0, 3))
@examples(500)
def test_any_bytes_are_points_or_a_format_error(blob: bytes, document: int) -> None:
    with suppress(DotdumpError):
        assert len(list(_Points(blob, document, "test"))) <= len(blob)


@given(st.text("<>cdgb_|+.`0M", max_size=60), st.text("<>cdgb_|+.`0M", max_size=60))
@examples(500)
def test_any_names_have_a_source_name_or_none(type_name: str, method: str) -> None:
    assert isinstance(source_name(type_name, method), str)


@given(st.binary(max_size=256))
@examples(500)
def test_any_bytes_are_variables_or_an_error(data: bytes) -> None:
    with suppress(DotdumpError):
        found = parse_variables(data)
        assert len(found) <= len(data)
        find_variable(found, 0, 0)


@given(st.lists(st.tuples(st.integers(0, len(PDB) - 1), st.integers(0, 255)), min_size=1, max_size=8))
@examples(200)
def test_locals_of_damaged_pdbs_are_names_or_an_error(edits: list[tuple[int, int]]) -> None:
    data = bytearray(PDB)
    for position, value in edits:
        data[position] = value
    with suppress(DotdumpError):
        pdb = PortablePdb(bytes(data))
        for row_id in (1, 2, 0x33):
            pdb.locals_of(row_id, 10)
