"""Debug info, written by hand and read back."""

from __future__ import annotations

import pytest

from dotdump.errors import DotdumpError, FormatError, LimitExceeded
from dotdump.formats.debug_info import (
    EPILOG,
    NO_MAPPING,
    PROLOG,
    Nibbles,
    OffsetMapping,
    find_il_offset,
    parse_bounds,
    parse_sizes,
)

MAPPINGS = [(0, PROLOG), (4, 0), (17, 6), (40, NO_MAPPING), (44, 0x1F0), (700, EPILOG)]


class Writer:
    """Nibbles, as the runtime's ``NibbleWriter`` writes them."""

    def __init__(self) -> None:
        self.nibbles: list[int] = []

    def unsigned(self, value: int) -> Writer:
        digits = [value & 7]
        while value := value >> 3:
            digits.append(value & 7 | 8)
        self.nibbles += reversed(digits)
        return self

    def data(self) -> bytes:
        padded = self.nibbles + [0] * (len(self.nibbles) % 2)
        return bytes(low | high << 4 for low, high in zip(padded[::2], padded[1::2], strict=True))


def written(mappings: list[tuple[int, int]]) -> bytes:
    writer, before = Writer().unsigned(len(mappings)), 0
    for native, il in mappings:
        writer.unsigned(native - before).unsigned((il + 3) % (1 << 32)).unsigned(2)
        before = native
    return writer.data()


def packed(mappings: list[tuple[int, int]], native_bits: int = 10, il_bits: int = 12) -> bytes:
    header = Writer().unsigned(len(mappings)).unsigned(native_bits - 1).unsigned(il_bits - 1).data()
    bits, position, before = 0, 0, 0
    for native, il in mappings:
        bits |= (2 | (native - before) << 2 | (il + 3) << 2 + native_bits) << position
        position += 2 + native_bits + il_bits
        before = native
    return header + bits.to_bytes((position + 7) // 8, "little")


@pytest.mark.parametrize("value", [0, 1, 7, 8, 63, 64, 511, 512, 0xFFFFFFFD, 0xFFFFFFFF])
def test_integers_of_nibbles_come_back(value: int) -> None:
    assert Nibbles(Writer().unsigned(value).data()).unsigned() == value


def test_examples_of_the_specification() -> None:
    examples = {"00": 0, "07": 7, "09": 8, "19": 9, "ff07": 511, "8908": 512, "8918": 513}
    assert {text: Nibbles(bytes.fromhex(text)).unsigned() for text in examples} == examples


def test_mappings_of_nibbles_come_back() -> None:
    assert parse_bounds(written(MAPPINGS), packed=False) == tuple(OffsetMapping(*pair) for pair in MAPPINGS)


def test_packed_mappings_come_back() -> None:
    assert parse_bounds(packed(MAPPINGS), packed=True) == tuple(OffsetMapping(*pair) for pair in MAPPINGS)


def test_no_bytes_are_no_mappings() -> None:
    assert parse_bounds(b"", packed=False) == ()


def test_sizes_say_where_the_mappings_are() -> None:
    assert parse_sizes(Writer().unsigned(11).unsigned(20).data() + bytes(8)) == (2, 11)
    with_instrumentation = Writer().unsigned(0xFFFFFFFF).unsigned(100).unsigned(50).unsigned(3).data()
    assert parse_sizes(with_instrumentation + bytes(8)) == (len(with_instrumentation), 100)


@pytest.mark.parametrize(
    ("native", "il"), [(0, 0), (3, 0), (4, 0), (16, 0), (17, 6), (41, 6), (44, 0x1F0), (699, 0x1F0), (10000, 0x1F0)]
)
def test_an_address_is_of_the_last_il_before_it(native: int, il: int) -> None:
    assert find_il_offset(parse_bounds(written(MAPPINGS), packed=False), native) == il


def test_a_method_without_mappings_says_nothing() -> None:
    assert find_il_offset((), 7) is None
    assert find_il_offset((OffsetMapping(0, NO_MAPPING),), 7) is None


def test_more_mappings_than_bytes_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="mappings in"):
        parse_bounds(Writer().unsigned(1 << 20).data(), packed=False)


@pytest.mark.parametrize("is_packed", [False, True])
def test_every_cut_is_an_error_or_nothing(*, is_packed: bool) -> None:
    data = packed(MAPPINGS) if is_packed else written(MAPPINGS)
    for size in range(1, len(data) - 1):
        with pytest.raises(DotdumpError):
            parse_bounds(data[:size], packed=is_packed)


def test_an_integer_without_an_end_is_refused() -> None:
    with pytest.raises(FormatError, match="has no end"):
        Nibbles(b"\xff" * 8).unsigned()
