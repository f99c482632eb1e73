"""Parameters in the runtime's own words: of the Corpus's methods, and of signatures written by hand."""

from __future__ import annotations

import pytest

from corpus import ASSEMBLIES
from dotdump import limits
from dotdump.clr.contracts.signature_strings import SignatureStrings
from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.metadata.image import Metadata
from dotdump.formats.metadata.schema import MethodDef
from dotdump.formats.pe import PeImage
from dotdump.memory.space import BytesSpace

METADATA = Metadata(
    PeImage(BytesSpace([(0, (ASSEMBLIES / "net8.0" / "Corpus.dll").read_bytes())]), 0, loaded=False).metadata()
)


def signatures(name: str) -> list[bytes]:
    rows = [row for row in METADATA.rows(MethodDef) if METADATA.string(row.name) == name]
    return [METADATA.blob(row.signature) for row in rows]


def written(blob: bytes, type_arguments: tuple[str, ...] = (), method_arguments: tuple[str, ...] = ()) -> str:
    return SignatureStrings(METADATA, type_arguments, method_arguments, hex).parameters(blob)


def test_methods_of_the_corpus() -> None:
    assert [written(blob) for blob in signatures("LockBoth")] == ["(System.Object, System.Object)"]
    assert [written(blob) for blob in signatures("Main")] == ["(System.String[])"]
    plain, generic = signatures("Park")
    assert written(plain) == "()"
    assert written(generic) == "(Corpus.Box`1<System.String>, !!0, !!1)"
    assert written(generic, (), ("Int32", "System.Guid")) == "(Corpus.Box`1<System.String>, Int32, System.Guid)"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ("10 08", "Int32 ByRef"),
        ("0f 05", "Byte*"),
        ("0f 0f 01", "Void**"),
        ("1d 0e", "System.String[]"),
        ("14 08 02 00 00", "Int32[,]"),
        ("14 08 01 00 00", "Int32[]"),
        ("16", "TypedReference"),
        ("13 00", "First"),
        ("13 07", "!7"),
        ("1e 03", "!!3"),
        ("1b 00 02 01 08 0e", "Void (Int32, System.String)"),
        ("20 05 1c", "System.Object"),
        ("21 00 10 00 00 00 00 00 00", "0x1000"),
        ("18", "IntPtr"),
    ],
)
def test_every_kind_of_type(parameters: str, text: str) -> None:
    blob = bytes.fromhex("00 01 01" + parameters)
    assert written(blob, ("First",)) == f"({text})"


def test_a_method_of_a_variable_number_of_arguments_says_so() -> None:
    assert written(bytes.fromhex("05 01 01 08")) == "(Int32, ...)"


def test_a_token_without_metadata_is_an_error() -> None:
    with pytest.raises(FormatError, match="without metadata"):
        SignatureStrings(None, (), (), hex).parameters(bytes.fromhex("00 01 01 12 05"))


def test_a_list_of_parameters_has_an_end() -> None:
    blob = bytes.fromhex("00 a0 00") + b"\x01" + b"\x13\x00" * 0x2000
    with pytest.raises(LimitExceeded, match="characters"):
        written(blob, ("x" * limits.NAME_LENGTH,))
