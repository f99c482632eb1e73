"""Places of variables in debug info, written by hand and read back."""

from __future__ import annotations

import pytest

from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.debug_info import parse_variable_sizes
from dotdump.formats.native_variables import Location, NativeVariable, find_variable, parse_variables


def nibbles(*values: int) -> bytes:
    """Return integers as the runtime writes them: three bits a nibble, high ones first, a mark where more follow."""
    written: list[int] = []
    for value in values:
        digits = [value & 7]
        while value := value >> 3:
            digits.append(value & 7 | 8)
        written += reversed(digits)
    padded = written + [0] * (len(written) % 2)
    return bytes(low | high << 4 for low, high in zip(padded[::2], padded[1::2], strict=True))


def test_places_come_back() -> None:
    data = nibbles(
        *(4,),
        *(0, 67, 0 + 4, Location.REGISTER, 7),
        *(67, 1000, 0 + 4, Location.STACK, 5, 48 << 1 | 1),
        *(10, 5, 3 + 4, Location.STACK_AND_REGISTER, 8 << 1, 5, 1),
        *(0, 1, -3 + 4, Location.TWO_REGISTERS, 1, 2),
    )
    assert parse_variables(data) == (
        NativeVariable(0, 0, 67, Location.REGISTER, 7),
        NativeVariable(0, 67, 1067, Location.STACK, 5, -48),
        NativeVariable(3, 10, 15, Location.STACK_AND_REGISTER, 5, 8),
        NativeVariable(-3, 0, 1, Location.TWO_REGISTERS, 1),
    )


def test_a_variable_is_found_where_it_is() -> None:
    early, late = NativeVariable(1, 0, 8, Location.REGISTER, 7), NativeVariable(1, 8, 20, Location.STACK, 5, -8)
    places = (early, late)
    assert [find_variable(places, 1, native) for native in (0, 7, 8, 19, 20)] == [early, early, late, late, None]
    assert find_variable(places, 2, 0) is None


def test_no_bytes_are_no_variables() -> None:
    assert parse_variables(b"") == ()


def test_damaged_variables_are_errors() -> None:
    with pytest.raises(FormatError):
        parse_variables(nibbles(1, 0, 1, 4, 11, 0))
    with pytest.raises(FormatError):
        parse_variables(nibbles(1, 0, 1, 4, Location.STACK, 5))
    with pytest.raises(LimitExceeded):
        parse_variables(nibbles(1 << 20))


def test_they_begin_behind_both_kinds_of_mappings() -> None:
    assert parse_variable_sizes(nibbles(11, 20) + bytes(8)) == (len(nibbles(11, 20)) + 11, 20)
    sizes = nibbles(0xFFFFFFFF, 100, 30, 20)
    assert parse_variable_sizes(sizes + bytes(8)) == (len(sizes) + 130, 20)
    with pytest.raises(LimitExceeded):
        parse_variable_sizes(nibbles(0, 0x7FFFFFFF) + bytes(8))
