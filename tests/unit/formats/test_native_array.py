"""NativeArray, on arrays built by hand from the format's description."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from dotdump.errors import FormatError
from dotdump.formats.native_array import NativeArray, read_unsigned
from dotdump.memory.reader import Reader
from dotdump.memory.space import BytesSpace

if TYPE_CHECKING:
    from collections.abc import Mapping

AT = 0x4000


def encode(value: int) -> bytes:
    for extra in range(4):
        if value < 1 << 7 * (extra + 1):
            return (value << extra + 1 | (1 << extra) - 1).to_bytes(extra + 1, "little")
    return b"\x0f" + struct.pack("<I", value)


def block(entries: Mapping[int, bytes], low: int = 0, size: int = 16) -> bytes:
    """A tree over ``entries``, whose keys are ``low`` to ``low + size``; one alone is a leaf that names its index."""
    if len(entries) == 1 and size > 1:
        [(index, data)] = entries.items()
        return encode(index << 2) + data
    if size == 1:
        return entries[low]
    half = size // 2
    left = {k: v for k, v in entries.items() if k < low + half}
    right = {k: v for k, v in entries.items() if k >= low + half}
    below = block(left, low, half) if left else b""
    above = block(right, low + half, half) if right else b""
    flags = (1 if left else 0) | (2 if right else 0)
    length = 1
    while len(encode(length + len(below) << 2 | flags)) != length:
        length += 1
    head = encode((length + len(below) if right else 0) << 2 | flags)
    return head.ljust(length, b"\0")[:length] + below + above if len(head) == length else head + below + above


def array(entries: Mapping[int, bytes], count: int) -> NativeArray:
    blocks = []
    for number in range(-(-count // 16)):
        inside = {key % 16: data for key, data in entries.items() if key // 16 == number}
        blocks.append(block(inside) if inside else encode(99 << 2))
    places, position = [], 2 * len(blocks)
    for one in blocks:
        places.append(position)
        position += len(one)
    data = encode(count << 2 | 1) + struct.pack(f"<{len(places)}H", *places) + b"".join(blocks)
    return NativeArray(Reader(BytesSpace([(AT, data + bytes(8))])), AT)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455, 268435456, 0xFFFFFFFF])
def test_integers_come_back(value: int) -> None:
    data = encode(value)
    assert read_unsigned(Reader(BytesSpace([(AT, data)])), AT) == (value, AT + len(data))


def test_entries_are_found_and_others_are_not() -> None:
    wanted = {1: 11, 2: 22, 3: 33, 15: 150, 17: 170, 40: 400, 47: 470}
    found = array({key: encode(value) for key, value in wanted.items()}, 48)
    for index in range(50):
        place = found.find(index)
        assert (place is None) == (index not in wanted), index
        if place is not None:
            assert read_unsigned(found._reader, place)[0] == wanted[index]


def test_what_starts_no_integer_is_refused() -> None:
    with pytest.raises(FormatError, match="starts no integer"):
        read_unsigned(Reader(BytesSpace([(AT, b"\xff" * 8)])), AT)
