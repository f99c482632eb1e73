import struct
from uuid import UUID

import pytest

from corpus import ASSEMBLIES
from dotdump.errors import DotdumpError, FormatError, LimitExceeded
from dotdump.formats.metadata.attributes import find_attribute, first_text
from dotdump.formats.metadata.image import Metadata, read_compressed
from dotdump.formats.metadata.schema import Assembly, Field, MethodDef, Module, TypeDef
from dotdump.formats.metadata.signature_blobs import (
    parse_field_signature,
    parse_local_signature,
    parse_method_signature,
    parse_type_signature,
)
from dotdump.formats.metadata.signatures import ElementType, Instantiation, Primitive, Wrapped
from dotdump.formats.pe import CODEVIEW, PeImage
from dotdump.memory.space import BytesSpace

CORPUS = (ASSEMBLIES / "net8.0" / "Corpus.dll").read_bytes()


def image() -> PeImage:
    return PeImage(BytesSpace([(0, CORPUS)]), 0, loaded=False)


def corpus_metadata() -> Metadata:
    return Metadata(image().metadata())


def type_ids(metadata: Metadata) -> dict[str, int]:
    return {metadata.type_name(row_id): row_id for row_id in range(1, metadata.count(TypeDef) + 1)}


def test_an_assembly_says_its_name_and_identity() -> None:
    metadata = corpus_metadata()
    module = metadata.row(Module, 1)
    assert metadata.string(metadata.row(Assembly, 1).name) == "Corpus"
    assert metadata.string(module.name) == "Corpus.dll"
    assert isinstance(metadata.guid(module.mvid), UUID)
    assert metadata.version.startswith("v4.0")


def test_nested_and_generic_types_are_named_as_reflection_names_them() -> None:
    names = type_ids(corpus_metadata())
    assert {"Corpus.Customer", "Corpus.LeakScenario+Session", "Corpus.Box`1", "Corpus.Box`1+Inner`1"} <= names.keys()


def test_fields_have_names_and_types_in_order_of_declaration() -> None:
    metadata = corpus_metadata()
    fields = [metadata.row(Field, row_id) for row_id in metadata.fields_of(type_ids(metadata)["Corpus.Node"])]
    assert [metadata.string(field.name) for field in fields] == ["Next", "Index"]
    assert parse_field_signature(metadata.blob(fields[1].signature)) == Primitive(ElementType.I4)


def test_every_method_finds_its_way_back_to_the_type_that_declares_it() -> None:
    metadata = corpus_metadata()
    for type_id in range(1, metadata.count(TypeDef) + 1):
        for method_id in metadata.methods_of(type_id):
            assert metadata.declaring_type(method_id) == type_id


def interleaved() -> Metadata:
    """Metadata in which members of two types were written in turn: fields 1 and 3, method 2 are of the first."""
    tables = {
        0x02: [struct.pack("<I5H", 0, 1, 0, 0, fields, methods) for fields, methods in ((1, 1), (3, 2))],
        0x03: [struct.pack("<H", row) for row in (1, 3, 2)],
        0x04: [bytes(6)] * 3,
        0x05: [struct.pack("<H", row) for row in (2, 1)],
        0x06: [bytes(14)] * 2,
    }
    head = struct.pack("<IBBBBQQ", 0, 2, 0, 0, 1, sum(1 << number for number in tables), 0)
    counts = b"".join(struct.pack("<I", len(rows)) for rows in tables.values())
    stream = head + counts + b"".join(b"".join(rows) for rows in tables.values())
    root = b"BSJB" + struct.pack("<HHII4sHH", 1, 1, 0, 4, b"v4.0", 0, 1)
    return Metadata(root + struct.pack("<II4s", len(root) + 12, len(stream), b"#-") + stream)


def test_members_that_are_not_in_the_order_of_their_types_are_found_through_pointers() -> None:
    metadata = interleaved()
    assert [list(metadata.fields_of(row)) for row in (1, 2)] == [[1, 3], [2]]
    assert [list(metadata.methods_of(row)) for row in (1, 2)] == [[2], [1]]
    assert [metadata.declaring_type(row) for row in (1, 2)] == [2, 1]


def test_every_method_signature_of_the_assembly_parses() -> None:
    metadata = corpus_metadata()
    signatures = [parse_method_signature(metadata.blob(row.signature)) for row in metadata.rows(MethodDef)]
    assert len(signatures) == metadata.count(MethodDef) > 100


def test_the_debug_directory_names_the_pdb() -> None:
    pe = image()
    codeview = next(entry for entry in pe.debug_entries() if entry.type == CODEVIEW)
    data = pe.debug_data(codeview)
    assert data[:4] == b"RSDS"
    assert data[24:].rstrip(b"\0").endswith(b"Corpus.pdb")


@pytest.mark.parametrize(
    ("data", "value", "end"),
    [
        (b"\x03", 3, 1),
        (b"\x7f", 0x7F, 1),
        (b"\x80\x80", 0x80, 2),
        (b"\xbf\xff", 0x3FFF, 2),
        (b"\xc0\0\x40\0", 0x4000, 4),
    ],
)
def test_compressed_integers_of_the_standard(data: bytes, value: int, end: int) -> None:
    assert read_compressed(data, 0) == (value, end)


def test_signatures_of_nested_generic_types() -> None:
    blob = bytes([ElementType.GENERICINST, ElementType.CLASS, 0x08, 1, ElementType.SZARRAY, ElementType.STRING])
    parsed = parse_type_signature(blob)
    assert isinstance(parsed, Instantiation)
    assert parsed.arguments == (Wrapped(ElementType.SZARRAY, Primitive(ElementType.STRING)),)


@pytest.mark.parametrize(
    "blob",
    [b"", b"\x06", b"\x06\xff", b"\x06" + b"\x1d" * 500 + b"\x08", b"\x06\x15\x12\x08\xdf\xff\xff\xff", b"\x05\x08"],
)
def test_a_broken_signature_is_a_format_error(blob: bytes) -> None:
    with pytest.raises(FormatError):
        parse_field_signature(blob)
    with pytest.raises(FormatError):
        parse_local_signature(blob)


def test_indexes_outside_heaps_and_tables_are_format_errors() -> None:
    metadata = corpus_metadata()
    for ask in (
        lambda: metadata.string(1 << 30),
        lambda: metadata.blob(1 << 30),
        lambda: metadata.guid(1 << 20),
        lambda: metadata.row(TypeDef, 0),
        lambda: metadata.row(TypeDef, 1 << 20),
    ):
        with pytest.raises(FormatError):
            ask()


def test_the_first_text_of_an_attribute_is_read_from_its_value() -> None:
    assert first_text(b"\x01\x00\x058.0.4\x00\x00") == "8.0.4"
    assert first_text(b"\x01\x00\x80\x80" + b"x" * 128 + b"\x00\x00") == "x" * 128
    assert first_text(b"\x01\x00\xff\x00\x00") == ""
    value = find_attribute(corpus_metadata(), Assembly.table, 1, "System.Reflection.AssemblyFileVersionAttribute")
    assert value is not None
    assert first_text(value) == "1.0.0.0"


@pytest.mark.parametrize("value", [b"", b"\x01", b"\x01\x00", b"\x02\x00\x01a", b"\x01\x00\x05abc", b"\x01\x00\xe0"])
def test_a_value_without_a_text_is_refused(value: bytes) -> None:
    with pytest.raises(FormatError):
        first_text(value)


def test_metadata_cut_anywhere_is_refused_or_read_but_never_breaks() -> None:
    data = image().metadata()
    refused = 0
    for length in range(0, len(data), 97):
        try:
            metadata = Metadata(data[:length])
            for row_id in range(1, metadata.count(TypeDef) + 1):
                metadata.type_name(row_id)
        except DotdumpError:
            refused += 1
    assert refused > 10


def test_a_name_that_is_too_long_is_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = corpus_metadata()
    monkeypatch.setattr(Metadata, "_place", lambda _self, _heap, _index: (0, 1 << 24))
    monkeypatch.setattr(Metadata, "_bytes", lambda _self, _offset, size: b"x" * size)
    with pytest.raises(LimitExceeded, match="a metadata name is too long"):
        metadata.string(1)
