"""The framing and the encodings, against bytes written by hand from the specification."""

from __future__ import annotations

import pytest

from dotdump.errors import BadMessage
from dotdump.ipc.commands import OK, Command
from dotdump.ipc.wire import Message, MessageDecoder, PayloadReader, PayloadWriter, UnknownMagic, guid_bytes, guid_text

PROCESS_INFO = b"DOTNET_IPC_V1\0" + b"\x14\x00" + b"\x04\x00" + b"\0\0"


def test_a_request_is_magic_size_set_id_and_reserved() -> None:
    assert Message(Command.PROCESS_INFO).encode() == PROCESS_INFO


def test_a_message_is_decoded_byte_by_byte_and_what_follows_it_is_kept() -> None:
    decoder = MessageDecoder()
    data = Message(OK, b"abc").encode()
    for byte in data[:-1]:
        assert decoder.feed(bytes([byte])) is None
    assert decoder.wanted == 1
    assert decoder.feed(data[-1:] + b"Nettrace") == Message(OK, b"abc")
    assert decoder.rest == b"Nettrace"


def test_another_magic_is_refused_at_its_first_wrong_byte() -> None:
    with pytest.raises(UnknownMagic, match="begins with"):
        MessageDecoder().feed(b"DOTNEX")


def test_a_size_below_the_header_is_refused() -> None:
    with pytest.raises(BadMessage, match="19 bytes is shorter"):
        MessageDecoder().feed(PROCESS_INFO[:14] + b"\x13\0" + PROCESS_INFO[16:])


def test_a_payload_beyond_the_size_field_is_refused() -> None:
    assert len(Message(OK, bytes(65515)).encode()) == 65535
    with pytest.raises(BadMessage, match="does not fit"):
        Message(OK, bytes(65516)).encode()


def test_a_string_is_a_count_with_the_nul_and_utf16() -> None:
    assert PayloadWriter().string("aé").message(OK).payload == b"\3\0\0\0a\0\xe9\0\0\0"
    assert PayloadReader(b"\3\0\0\0a\0\xe9\0\0\0").string() == "aé"
    assert PayloadReader(b"\0\0\0\0").string() == ""


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"\xff\xff\xff\xffab", "4,294,967,295 characters where 2 bytes"),
        (b"\1\0\0\0a\0", "no terminating NUL"),
        (b"\1\0\0", "only 3 are left"),
    ],
)
def test_a_string_that_cannot_be_is_refused(payload: bytes, complaint: str) -> None:
    with pytest.raises(BadMessage, match=complaint):
        PayloadReader(payload).string()


def test_an_array_is_bounded_by_the_bytes_that_are_there() -> None:
    assert PayloadReader(b"\2\0\0\0\1\0\0\0\2\0\0\0").array(PayloadReader.u32, 4) == (1, 2)
    with pytest.raises(BadMessage, match="16,777,215 items where 4 bytes"):
        PayloadReader(b"\xff\xff\xff\0\1\0\0\0").array(PayloadReader.u32, 4)


def test_a_guid_has_the_layout_of_dotnet() -> None:
    text = "00112233-4455-6677-8899-aabbccddeeff"
    assert guid_bytes(text) == bytes.fromhex("33221100554477668899aabbccddeeff")
    assert guid_text(guid_bytes(text)) == text
    with pytest.raises(BadMessage, match="not a GUID"):
        guid_bytes("0011")


def test_a_number_that_its_field_cannot_hold_is_refused() -> None:
    with pytest.raises(BadMessage, match="0x100000000 does not fit into a field of 4 bytes"):
        PayloadWriter().u32(1 << 32)
