"""What the DAC's process and its owner say to each other, also when one of them misbehaves."""

from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING

import pytest

from dotdump.clr.dac.contexts import INSTRUCTION_POINTER, SIZE, STACK_POINTER, amd64_context
from dotdump.clr.dac.messages import Kind, parse_json, receive, send, send_json
from dotdump.errors import DacFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_a_message_arrives_as_it_was_sent(pair: Pair) -> None:
    send_json(pair[0], Kind.CALL, {"call": "threads", "arguments": []})
    send(pair[0], Kind.DATA, b"")
    kind, body = receive(pair[1])
    assert (kind, parse_json(body)) == (Kind.CALL, {"call": "threads", "arguments": []})
    assert receive(pair[1]) == (Kind.DATA, b"")


def test_silence_ends_at_the_deadline(pair: Pair) -> None:
    pair[0].sendall(b"\x06\x08\0\0\0half")
    with pytest.raises(DacFailed, match="within its time"):
        receive(pair[1], time.monotonic() + 0.05)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"\x06\x08\0\0\0half", "ended"),
        (struct.pack("<BI", 6, 1 << 31), "2147483648 bytes"),
        (struct.pack("<BI", 99, 0), "kind 99"),
    ],
    ids=["cut", "endless", "unknown"],
)
def test_what_is_no_message_is_an_error(pair: Pair, data: bytes, match: str) -> None:
    pair[0].sendall(data)
    pair[0].shutdown(socket.SHUT_WR)
    with pytest.raises(DacFailed, match=match):
        receive(pair[1], time.monotonic() + 5)


def test_a_body_that_is_no_json_is_an_error() -> None:
    with pytest.raises(DacFailed, match="no JSON"):
        parse_json(b"\xff{")


def test_a_context_has_each_register_in_its_place() -> None:
    record = amd64_context({"rip": 0x401000, "rsp": 0x7FFC0000, "cs": 0x33, "r15": 15})
    assert len(record) == SIZE
    assert struct.unpack_from("<Q", record, INSTRUCTION_POINTER) == (0x401000,)
    assert struct.unpack_from("<Q", record, STACK_POINTER) == (0x7FFC0000,)
    assert struct.unpack_from("<H", record, 0x38) == (0x33,)
    assert struct.unpack_from("<Q", record, 0xF0) == (15,)
