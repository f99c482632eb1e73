"""Compressed sections, and what lies about itself."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdump.formats.compressed_sections import unpack_old_section, unpack_section
from dotdump.limits import DEBUG_DATA
from dotdump.memory.zstd_library import zstd

CONTENT = b"call frame information" * 100
PACKED = {1: zlib.compress(CONTENT), 2: zstd.compress(CONTENT)}


def compressed(kind: int, size: int = len(CONTENT)) -> bytes:
    return struct.pack("<IIQQ", kind, 0, size, 1) + PACKED.get(kind, b"")


def old(size: int = len(CONTENT)) -> bytes:
    return struct.pack(">4sQ", b"ZLIB", size) + PACKED[1]


@pytest.mark.parametrize("kind", PACKED)
def test_a_section_is_unpacked_with_what_it_is_packed_with(kind: int) -> None:
    assert unpack_section(compressed(kind)) == CONTENT


def test_a_section_of_the_old_kind_is_unpacked() -> None:
    assert unpack_old_section(old()) == CONTENT


@pytest.mark.parametrize("size", [0, DEBUG_DATA + 1, 2**64 - 1])
def test_no_more_is_unpacked_than_is_promised_and_allowed(size: int) -> None:
    assert unpack_section(compressed(1, size)) is None
    assert unpack_section(compressed(2, size)) is None
    assert unpack_old_section(old(size)) is None
    assert (
        unpack_section(compressed(1, 5)) == unpack_section(compressed(2, 5)) == unpack_old_section(old(5)) == b"call "
    )


def test_what_cannot_be_unpacked_is_none() -> None:
    assert unpack_section(compressed(3)) is None
    assert unpack_section(compressed(1)[:20]) is None
    assert unpack_old_section(b"ZLOB" + old()[4:]) is None


@given(st.sampled_from([1, 2]), st.binary(max_size=64))
def test_no_bytes_do_more_than_come_to_nothing(kind: int, data: bytes) -> None:
    unpack_section(struct.pack("<IIQQ", kind, 0, 1000, 1) + data)
    unpack_old_section(b"ZLIB" + data)
