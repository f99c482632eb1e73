from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from corpus import ASSEMBLIES
from dotdump.clr.contracts.signature_names import SignatureNames
from dotdump.errors import FormatError
from dotdump.formats.metadata.image import Metadata
from dotdump.formats.metadata.schema import Field, TypeDef, TypeSpec
from dotdump.formats.metadata.signature_blobs import parse_field_signature, parse_type_signature
from dotdump.formats.metadata.signatures import ElementType as E
from dotdump.formats.metadata.signatures import Named, Variable, Wrapped
from dotdump.formats.pe import PeImage
from dotdump.memory.space import BytesSpace

ASSEMBLY = (ASSEMBLIES / "net8.0" / "Corpus.dll").read_bytes()


@pytest.fixture(scope="module")
def metadata() -> Metadata:
    return Metadata(PeImage(BytesSpace([(0, ASSEMBLY)]), 0, loaded=False).metadata())


def fields_of(metadata: Metadata, type_name: str, *arguments: str) -> dict[str, str]:
    rows = range(1, metadata.count(TypeDef) + 1)
    row_id = next(row for row in rows if metadata.type_name(row) == type_name)
    names = SignatureNames(metadata, arguments)
    found = [metadata.row(Field, row) for row in metadata.fields_of(row_id)]
    return {metadata.string(f.name): names.name(parse_field_signature(metadata.blob(f.signature))) for f in found}


def test_declared_types_have_their_full_names(metadata: Metadata) -> None:
    fields = fields_of(metadata, "Corpus.Customer")
    assert fields["Orders"] == "System.Collections.Generic.List<Corpus.Order>"
    assert fields["Favourite"] == "System.Nullable<Corpus.Color>"
    assert fields["Key"] == "System.Guid"
    assert fields_of(metadata, "Corpus.Order")["Lines"] == "Corpus.Line[]"


def test_variables_are_the_arguments_of_their_type(metadata: Metadata) -> None:
    assert set(fields_of(metadata, "Corpus.Box`1", "System.Int32").values()) >= {"System.Int32"}
    assert SignatureNames(metadata).name(Variable(E.VAR, 3)) == "!3"
    assert SignatureNames(metadata).name(Variable(E.MVAR, 0)) == "!!0"


def test_arrays_pointers_and_functions(metadata: Metadata) -> None:
    names = SignatureNames(metadata)
    assert names.name(parse_type_signature(bytes((E.ARRAY, E.I4, 2, 0, 0)))) == "System.Int32[,]"
    assert names.name(parse_type_signature(bytes((E.PTR, E.VOID)))) == "System.Void*"
    assert names.name(parse_type_signature(bytes((E.FNPTR, 0, 1, E.BOOLEAN, E.STRING)))) == (
        "System.Boolean(System.String)"
    )


def test_a_name_that_leads_nowhere_or_too_deep_is_an_error(metadata: Metadata) -> None:
    signature: Named | Wrapped = Named(0x02, 60000, is_value_type=False)
    with pytest.raises(FormatError):
        SignatureNames(metadata).name(signature)
    with pytest.raises(FormatError):
        SignatureNames(metadata).name(Named(-1, 1, is_value_type=False))
    for _ in range(100):
        signature = Wrapped(E.SZARRAY, signature)
    with pytest.raises(FormatError):
        SignatureNames(metadata).name(signature)


def test_a_name_of_too_many_types_is_an_error() -> None:
    def blob(row_id: int) -> bytes:
        following = bytes((E.CLASS, row_id + 1 << 2 | 2))
        return bytes((E.GENERICINST, E.CLASS, 1 << 2, 2)) + 2 * following if row_id < 14 else bytes((E.I4,))

    doubling = SimpleNamespace(
        type_name=lambda _row: "Pair`2", row=lambda _kind, row: SimpleNamespace(signature=row), blob=blob
    )
    names = SignatureNames(cast("Metadata", doubling))
    assert names.name(Named(TypeSpec.table, 13, is_value_type=False)) == "Pair<System.Int32, System.Int32>"
    with pytest.raises(FormatError, match="too many"):
        names.name(Named(TypeSpec.table, 1, is_value_type=False))
    assert names.name(Named(TypeSpec.table, 14, is_value_type=False)) == "System.Int32"
