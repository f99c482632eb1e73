"""Portable PDBs: the Corpus's own against its source, and sequence points written by hand."""

from __future__ import annotations

import re
import struct
import zlib
from itertools import pairwise

import pytest

from corpus import ASSEMBLIES
from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.metadata.image import Metadata
from dotdump.formats.metadata.schema import MethodDef
from dotdump.formats.pe import CODEVIEW, EMBEDDED_PDB, DebugEntry, PeImage
from dotdump.formats.portable_pdb import PortablePdb, SequencePoint, _Points, embedded_pdb, pdb_name
from dotdump.memory.space import BytesSpace

FOLDERS = ["netcoreapp3.1", "net8.0", "net10.0"]


def image(folder: str) -> PeImage:
    return PeImage(BytesSpace([(0, (ASSEMBLIES / folder / "Corpus.dll").read_bytes())]), 0, loaded=False)


def pdb(folder: str) -> PortablePdb:
    return PortablePdb((ASSEMBLIES / folder / "Corpus.pdb").read_bytes())


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_assembly_names_its_pdb_by_its_id(folder: str) -> None:
    name = pdb_name(image(folder))
    assert name is not None
    assert name.id == pdb(folder).id
    assert name.path.endswith("Corpus.pdb")
    assert embedded_pdb(image(folder)) is None


@pytest.mark.parametrize("folder", FOLDERS)
def test_points_lie_where_the_source_has_the_method(folder: str) -> None:
    metadata, symbols = Metadata(image(folder).metadata()), pdb(folder)
    found: dict[str, tuple[str, int]] = {}
    for row_id in range(1, metadata.count(MethodDef) + 1):
        name = metadata.string(metadata.row(MethodDef, row_id).name)
        point = symbols.find_point(row_id, 0)
        if point is not None:
            found.setdefault(name, (symbols.document(point.document), point.line))
    for name in ("Park", "LockBoth", "AcceptForever", "FindOrder", "Recurse", "RunDynamicMethod"):
        document, line = found[name]
        assert document.endswith("/ThreadScenario.cs")
        around = (ASSEMBLIES.parent / "ThreadScenario.cs").read_text().splitlines()[line - 3 : line]
        assert re.search(rf"\b{name}\(", "\n".join(around)), (name, line)


def compressed(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else struct.pack(">H", value | 0x8000)


def signed(value: int) -> bytes:
    return compressed(value << 1 if value >= 0 else (value + 64) << 1 | 1)


def test_points_are_differences_from_the_one_before() -> None:
    blob = b"".join(
        [
            compressed(0),  # signature of locals
            compressed(0), compressed(0), compressed(5), compressed(10), compressed(9),
            compressed(3), compressed(0), compressed(0),  # hidden
            compressed(0), compressed(2),  # another document
            compressed(4), compressed(1), signed(-3), signed(-2), signed(1),
        ]
    )  # fmt: skip
    assert list(_Points(blob, 1, "test")) == [
        SequencePoint(0, 1, 10, 9, 10, 14),
        SequencePoint(3, 1, 0xFEEFEE),
        SequencePoint(7, 2, 8, 10, 9, 7),
    ]


def test_a_method_of_several_documents_names_its_first_in_the_points() -> None:
    blob = b"".join(map(compressed, [0, 7, 0, 0, 5, 10, 9]))
    assert [point.document for point in _Points(blob, 0, "test")] == [7]


def test_code_that_is_in_no_source_is_of_the_line_before() -> None:
    metadata, symbols = Metadata(image("net8.0").metadata()), pdb("net8.0")
    hidden = 0
    for row_id in range(1, metadata.count(MethodDef) + 1):
        points = list(symbols.points(row_id))
        for before, point in pairwise(points):
            if point.is_hidden and not before.is_hidden:
                hidden += 1
                assert symbols.find_point(row_id, point.il) == before
    assert hidden


class FakeImage:
    """The debug directory of an assembly."""

    def __init__(self, kind: int, data: bytes) -> None:
        self.entry, self.data = DebugEntry(0x11223344, 0x100, 0x504D, kind, len(data), 0, 0), data

    def debug_entries(self) -> list[DebugEntry]:
        return [self.entry]

    def debug_data(self, _: DebugEntry) -> bytes:
        return self.data


def test_an_embedded_pdb_is_unpacked() -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = packer.compress(b"BSJB" * 100) + packer.flush()
    assert embedded_pdb(FakeImage(EMBEDDED_PDB, b"MPDB" + struct.pack("<I", 400) + body)) == b"BSJB" * 100  # type: ignore[arg-type] # has what is asked of an image


def test_an_embedded_pdb_cannot_be_more_than_there_can_be() -> None:
    with pytest.raises(LimitExceeded, match="embedded PDB of"):
        embedded_pdb(FakeImage(EMBEDDED_PDB, b"MPDB" + struct.pack("<I", 1 << 31)))  # type: ignore[arg-type] # has what is asked of an image
    with pytest.raises(LimitExceeded, match="embedded PDB of 0 bytes"):
        embedded_pdb(FakeImage(EMBEDDED_PDB, b"MPDB" + struct.pack("<I", 0) + zlib.compress(bytes(1000))[2:]))  # type: ignore[arg-type] # has what is asked of an image
    with pytest.raises(FormatError, match="cannot be unpacked"):
        embedded_pdb(FakeImage(EMBEDDED_PDB, b"MPDB" + struct.pack("<I", 16) + b"\xff" * 16))  # type: ignore[arg-type] # has what is asked of an image


def test_the_id_is_the_guid_and_the_time_of_the_entry() -> None:
    name = pdb_name(FakeImage(CODEVIEW, b"RSDS" + bytes(range(16)) + bytes(4) + b"/b/X.pdb\0"))  # type: ignore[arg-type] # has what is asked of an image
    assert name is not None
    assert name.id == bytes(range(16)) + b"\x44\x33\x22\x11"
    assert name.path == "/b/X.pdb"


def test_a_file_that_is_no_pdb_is_refused() -> None:
    with pytest.raises(FormatError):
        PortablePdb(b"Microsoft C/C++ MSF 7.00\r\n")
    with pytest.raises(FormatError, match="no #Pdb stream"):
        PortablePdb(image("net8.0").metadata())


def test_locals_have_their_names_where_they_are_in_scope() -> None:
    found = pdb("net8.0")
    scopes = [found.locals_of(row_id, 0) for row_id in range(1, 200)]
    assert any({"options", "facts", "heartbeat"} <= set(names.values()) for names in scopes)
    assert found.locals_of(1 << 20, 0) == {}
    assert found.locals_of(1, 1 << 30) == {}


def written(tables: dict[int, bytes], counts: dict[int, int], blobs: bytes) -> PortablePdb:
    """Return a PDB of these tables, with indexes of two bytes into everything."""
    head = bytes(6) + b"\0\1" + struct.pack("<QQ", sum(1 << number for number in tables), 0)
    stream = head + b"".join(struct.pack("<I", counts[number]) for number in tables) + b"".join(tables.values())
    streams = {"#Pdb": bytes(32), "#~": stream, "#Blob": blobs, "#Strings": b"\0one\0"}
    at, directory, body = 20 + 4 + sum(8 + (len(name) // 4 + 1) * 4 for name in streams), b"", b""
    for name, data in streams.items():
        directory += struct.pack("<II", at + len(body), len(data)) + name.encode().ljust(
            (len(name) // 4 + 1) * 4, b"\0"
        )
        body += data + bytes(-len(data) % 4)
    root = b"BSJB" + struct.pack("<HHII", 1, 1, 0, 4) + b"v1\0\0" + struct.pack("<HH", 0, len(streams))
    return PortablePdb((root + directory).ljust(at, b"\0") + body)


def test_a_path_of_parts_without_end_is_refused() -> None:
    parts = 33_000
    blob = b"\0\xc0" + struct.pack(">I", parts + 1)[1:] + b"/" + bytes(parts)
    with pytest.raises(LimitExceeded, match="without an end"):
        written({0x30: struct.pack("<HHHH", 1, 0, 0, 0)}, {0x30: 1}, blob).document(1)


def test_a_variable_is_of_one_scope_whatever_the_scopes_say() -> None:
    scopes = b"".join(struct.pack("<HHHHII", 1, 0, first, 0, 0, 9) for first in (1, 3, 1, 3))
    variables = b"".join(struct.pack("<HHH", 0, slot, 1) for slot in range(3))
    found = written({0x32: scopes, 0x33: variables}, {0x32: 4, 0x33: 3}, b"\0")
    assert found.locals_of(1, 0) == {0: "one", 1: "one", 2: "one"}
    assert sum(len(scope.variables) for scope in found._scopes[1]) == 3
