"""Nibble maps on maps built by hand."""

from __future__ import annotations

import struct

import pytest

from dotdump.clr.contracts.nibble_map import find_method_start
from dotdump.errors import LimitExceeded, MemoryFault
from dotdump.memory.reader import Reader
from dotdump.memory.space import BytesSpace

BASE, UNITS = 0x10000, 0x500000


def nibbles(starts: dict[int, int] | list[int], *, units: int = 64, version: int = 1) -> Reader:
    """A map of methods that begin at ``starts`` (offsets from BASE); with their sizes, also pointers of version 2."""
    words = [0] * units
    for start in starts:
        bucket, nibble = start // 32, start % 32 // 4 + 1
        words[bucket // 8] |= nibble << 28 - 4 * (bucket % 8)
    if version == 2 and isinstance(starts, dict):
        for start, size in starts.items():
            for unit in range(start // 256 + 1, (start + size - 1) // 256 + 1):
                if (unit + 1) * 256 <= start + size:
                    words[unit] = start & ~0xF | (start & 0xF) // 4 + 9
    return Reader(BytesSpace([(UNITS, struct.pack(f"<{units}I", *words))]))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("offset", "start"), [(304, 304), (306, 304), (335, 304), (511, 304), (0x20, 0x20), (0x3F, 0x20)]
)
def test_the_last_method_that_begins_at_or_before_an_address_is_found(version: int, offset: int, start: int) -> None:
    assert find_method_start(nibbles([0x20, 304]), BASE, UNITS, BASE + offset, version=version) == BASE + start


@pytest.mark.parametrize("version", [1, 2])
def test_before_the_first_method_there_is_none(version: int) -> None:
    assert find_method_start(nibbles([304]), BASE, UNITS, BASE + 302, version=version) is None
    assert find_method_start(nibbles([304]), BASE, UNITS, BASE - 1, version=version) is None


def test_a_long_method_is_found_through_pointers_in_version_2() -> None:
    methods = {0x44: 0x800, 0x860: 0x40}
    reader = nibbles(methods, version=2)
    for offset in range(0x44, 0x844):
        assert find_method_start(reader, BASE, UNITS, BASE + offset, version=2) == BASE + 0x44
    assert find_method_start(reader, BASE, UNITS, BASE + 0x870, version=2) == BASE + 0x860


def test_a_long_method_is_found_by_searching_back_in_version_1() -> None:
    assert find_method_start(nibbles([0x44]), BASE, UNITS, BASE + 0x3F00, version=1) == BASE + 0x44


def test_a_search_of_version_1_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dotdump.limits.NIBBLE_MAP_UNITS", 8)
    with pytest.raises(LimitExceeded, match="8 empty units"):
        find_method_start(nibbles([0x44]), BASE, UNITS, BASE + 0x3F00, version=1)


def test_a_map_that_is_not_there_is_a_memory_fault() -> None:
    with pytest.raises(MemoryFault):
        find_method_start(nibbles([0x44]), BASE, UNITS, BASE + 0x10000, version=1)
