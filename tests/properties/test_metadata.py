from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from corpus import ASSEMBLIES
from dotdump.errors import DotdumpError
from dotdump.formats.metadata import pdb_schema, schema
from dotdump.formats.metadata.image import Metadata
from dotdump.formats.metadata.schema import TypeDef
from dotdump.formats.metadata.signature_blobs import parse_method_signature, parse_type_signature
from dotdump.formats.pe import PeImage
from dotdump.memory.space import BytesSpace
from examples import examples

CORPUS = (ASSEMBLIES / "net8.0" / "Corpus.dll").read_bytes()
METADATA = PeImage(BytesSpace([(0, CORPUS)]), 0, loaded=False).metadata()
HEADERS = 512
"""Bytes at the start of the metadata where streams, table sizes and heap sizes are."""

changes = st.lists(st.tuples(st.integers(0, HEADERS - 1), st.integers(0, 255)), min_size=1, max_size=8)


def changed(data: bytes, edits: list[tuple[int, int]]) -> bytes:
    mutated = bytearray(data)
    for position, value in edits:
        mutated[position] = value
    return bytes(mutated)


@given(changes)
def test_changed_metadata_raises_nothing_but_our_errors(edits: list[tuple[int, int]]) -> None:
    try:
        metadata = Metadata(changed(METADATA, edits))
        for row_id in range(1, min(metadata.count(TypeDef), 50) + 1):
            metadata.type_name(row_id)
            metadata.fields_of(row_id)
        for table in (schema.TABLES | pdb_schema.TABLES).values():
            for _ in range(min(3, metadata.count(table))):
                metadata.row(table, 1)
    except DotdumpError:
        pass


@given(changes)
@examples(200)
def test_changed_pe_headers_raise_nothing_but_our_errors(edits: list[tuple[int, int]]) -> None:
    try:
        pe = PeImage(BytesSpace([(0, changed(CORPUS, edits))]), 0, loaded=False)
        pe.metadata()
        for entry in pe.debug_entries():
            pe.debug_data(entry)
    except DotdumpError:
        pass


@given(st.binary(max_size=64))
@examples(500)
def test_any_bytes_are_a_signature_or_a_format_error(blob: bytes) -> None:
    for parse in (parse_method_signature, parse_type_signature):
        with suppress(DotdumpError):
            parse(blob)
