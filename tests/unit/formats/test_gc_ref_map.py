"""Maps of the references among the arguments of a call."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdump.errors import LimitExceeded
from dotdump.formats.gc_ref_map import Token, map_size, parse_gc_ref_map

TOKENS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(Token).filter(bool)), max_size=8)


class Writer:
    """``GCRefMapBuilder``: tokens at growing positions, gaps between them skipped."""

    def __init__(self) -> None:
        self.bits: list[int] = []
        self.position = 0

    def write(self, value: int, width: int) -> None:
        self.bits += [value >> bit & 1 for bit in range(width)]

    def number(self, value: int) -> None:
        while True:
            self.write(value & 7, 3)
            value >>= 3
            self.write(bool(value), 1)
            if not value:
                return

    def token(self, position: int, token: Token) -> None:
        gap = position - self.position
        if gap >= 4:
            self.write(3, 2)
            self.number((gap - 4) << 1)
        else:
            self.write(0, 2 * gap)
        if token < 3:
            self.write(token, 2)
        else:
            self.write(3, 2)
            self.number((token - 3) << 1 | 1)
        self.position = position + 1

    def data(self) -> bytes:
        bits = self.bits or [0]
        groups = [bits[start : start + 7] for start in range(0, len(bits), 7)]
        values = [sum(bit << place for place, bit in enumerate(group)) for group in groups]
        return bytes([value | 0x80 for value in values[:-1]] + values[-1:])


@given(gaps=TOKENS)
def test_what_is_written_is_read_back(gaps: list[tuple[int, Token]]) -> None:
    writer, expected, position = Writer(), [], -1
    for gap, token in gaps:
        position += gap + 1
        writer.token(position, token)
        expected.append((position, token))
    data = writer.data()
    assert list(parse_gc_ref_map(data + b"\xff\x01")) == expected
    assert map_size(data + b"\x7f") == len(data)


def test_an_empty_map_is_one_byte() -> None:
    assert list(parse_gc_ref_map(b"\0")) == []


def test_a_map_without_an_end_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="a map of more than"):
        list(parse_gc_ref_map(b"\x81" * 5000))


@given(data=st.binary(max_size=64))
def test_any_bytes_end(data: bytes) -> None:
    with suppress(LimitExceeded):
        assert len(list(parse_gc_ref_map(data))) <= 4 * len(data)
