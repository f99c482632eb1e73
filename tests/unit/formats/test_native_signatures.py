"""Method signatures and the map of stack traces that a NativeAOT program carries."""

from __future__ import annotations

import pytest

from builders.native_metadata import TYPE, NativeMetadataBuilder, signed, unsigned
from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.native_metadata import NativeMetadata
from dotdump.formats.native_signatures import HandleKind, NativeSignatures
from dotdump.formats.native_stack_trace import NativeMethodRow, parse_stack_trace_map


def signature(built: NativeMetadataBuilder, *parameters: bytes, returns: bytes) -> int:
    return built.record(unsigned(0), signed(0), returns, unsigned(len(parameters)), b"".join(parameters), unsigned(0))


def test_parameters_are_written_out() -> None:
    built = NativeMetadataBuilder()
    root = built.assembly("Corpus")
    node_token = built.type(built.namespace(root, "Corpus"), "Node`1")
    node = built.handle(TYPE, node_token & (1 << 25) - 1)
    variable = built.handle(HandleKind.METHOD_TYPE_VARIABLE, built.record(signed(1)))
    reference_space = built.record(unsigned(0), unsigned(built.text("System")))
    text = built.handle(
        HandleKind.TYPE_REFERENCE,
        built.record(built.handle(HandleKind.NAMESPACE_REFERENCE, reference_space), unsigned(built.text("String"))),
    )
    of_text = built.handle(HandleKind.TYPE_INSTANTIATION, built.record(node, unsigned(1), text))
    specification = built.handle(HandleKind.TYPE_SPECIFICATION, built.record(of_text))
    array = built.handle(HandleKind.SZ_ARRAY, built.record(text))
    rank_two = built.handle(HandleKind.ARRAY, built.record(text, signed(2), unsigned(0), unsigned(0)))
    by_reference = built.handle(HandleKind.BY_REFERENCE, built.record(variable))
    modified = built.handle(HandleKind.MODIFIED_TYPE, built.record(b"\1", node, text))
    place = signature(built, specification, array, rank_two, by_reference, modified, returns=text)
    found = NativeSignatures(NativeMetadata(bytes(built.data), [node_token]))
    assert found.parameters_of(place) == (
        "(Corpus.Node<System.String>, System.String[], System.String[,], !!1&, System.String)"
    )
    assert found.type_of_token(node_token) == "Corpus.Node`1"


def test_a_signature_that_is_made_of_itself_ends_in_an_error() -> None:
    built = NativeMetadataBuilder()
    token = built.type(built.assembly("A"), "T")
    place = len(built.data)
    built.data += built.handle(HandleKind.SZ_ARRAY, place)
    found = NativeSignatures(NativeMetadata(bytes(built.data), [token]))
    with pytest.raises(FormatError, match="nest"):
        found.type_of_token(HandleKind.SZ_ARRAY << 25 | place)


def test_types_made_of_the_one_before_twice_are_an_error_before_they_are_long() -> None:
    built = NativeMetadataBuilder()
    token = built.type(built.assembly("A"), "T")
    node = name = built.handle(TYPE, token & (1 << 25) - 1)
    for _ in range(16):
        name = built.handle(HandleKind.TYPE_INSTANTIATION, built.record(node, unsigned(2), name, name))
    place = signature(built, name, returns=node)
    texts = [built.handle(0, built.text("x" * 60_000))] * 2
    arguments = built.record(unsigned(2), *texts)
    found = NativeSignatures(NativeMetadata(bytes(built.data), [token]))
    with pytest.raises(LimitExceeded, match="a name of"):
        found.parameters_of(place)
    with pytest.raises(LimitExceeded, match="a name of 120000"):
        found.arguments_of(arguments)


def test_a_handle_that_is_no_type_is_an_error() -> None:
    built = NativeMetadataBuilder()
    token = built.type(built.assembly("A"), "T")
    with pytest.raises(FormatError, match="0x38 is no type"):
        NativeSignatures(NativeMetadata(bytes(built.data), [token])).type_of_token(0x38 << 25 | 8)


def test_rows_repeat_what_they_share() -> None:
    base = 0x1000

    def to(target: int, place: int) -> bytes:
        return (target - base - place).to_bytes(4, "little", signed=True)

    data = (3).to_bytes(4, "little") + b"\x07" + (0x74000010).to_bytes(4, "little") + unsigned(5) + unsigned(6)
    data += to(0x5000, len(data))
    data += b"\x02" + unsigned(7)
    data += to(0x5040, len(data))
    data += b"\x08" + unsigned(8) + unsigned(9)
    data += to(0x4000, len(data))
    assert list(parse_stack_trace_map(data, base)) == [
        NativeMethodRow(0x5000, 0x74000010, 5, 6, 0),
        NativeMethodRow(0x5040, 0x74000010, 7, 6, 0),
        NativeMethodRow(0x4000, 0x74000010, 7, 8, 9),
    ]
    with pytest.raises(FormatError):
        list(parse_stack_trace_map(data[:-1], base))
