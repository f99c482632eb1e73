import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.zstd_seekable import (
    FOOTER,
    FRAME_LIMIT,
    build_seek_table,
    parse_seek_table,
    read_frame_header,
    read_frame_size,
    seek_table_size,
)
from dotdump.memory.space import BytesSpace
from dotdump.memory.zstd_library import zstd

SIZES = [(100, 4096), (30, 4 << 20), (7, 1)]
FRAMES_BYTES = 137


def file_of(table: bytes | bytearray) -> int:
    return FRAMES_BYTES + len(table)


def test_a_table_that_was_built_is_parsed_again() -> None:
    table = build_seek_table(SIZES)
    assert seek_table_size(table[-FOOTER.size :], file_of(table)) == len(table)
    frames = parse_seek_table(table, file_of(table))
    assert [frames.compressed(i) for i in range(3)] == [(0, 100), (100, 130), (130, 137)]
    assert [frames.content(i) for i in range(3)] == [
        (0, 4096),
        (4096, 4096 + (4 << 20)),
        (4096 + (4 << 20), frames.size),
    ]
    assert [frames.frame_at(p) for p in (0, 4095, 4096, frames.size - 1)] == [0, 0, 1, 2]
    assert frames.largest == 4 << 20


def test_entries_with_checksums_are_understood() -> None:
    entries = b"".join(struct.pack("<III", *pair, 0xDEAD) for pair in SIZES)
    table = struct.pack("<II", 0x184D2A5E, len(entries) + 9) + entries + struct.pack("<IBI", 3, 0x80, 0x8F92EAB1)
    assert parse_seek_table(table, file_of(table)).size == 4097 + (4 << 20)


def test_a_table_of_more_frames_than_there_can_be_is_not_read_however_large_the_file_is() -> None:
    footer = FOOTER.pack((1 << 32) - 1, 0, 0x8F92EAB1)
    with pytest.raises(LimitExceeded, match="4294967295 frames"):
        seek_table_size(footer, 1 << 50)


def test_a_file_that_ends_otherwise_has_no_table() -> None:
    assert seek_table_size(b"123456789", 1000) is None
    assert seek_table_size(b"", 0) is None


def test_a_count_beyond_the_file_is_refused_before_anything_is_read() -> None:
    with pytest.raises(LimitExceeded, match="4294967295 frames in a file of 1000 bytes"):
        seek_table_size(struct.pack("<IBI", 0xFFFFFFFF, 0, 0x8F92EAB1), 1000)


def test_a_frame_too_large_to_unpack_in_memory_is_refused() -> None:
    table = build_seek_table([(137, FRAME_LIMIT + 1)])
    with pytest.raises(LimitExceeded):
        parse_seek_table(table, file_of(table))


@pytest.mark.parametrize("position", range(8))
def test_a_table_that_is_not_the_skippable_frame_is_refused(position: int) -> None:
    table = bytearray(build_seek_table(SIZES))
    table[position] ^= 0x10
    with pytest.raises(FormatError):
        parse_seek_table(bytes(table), file_of(table))


def test_a_table_that_does_not_fill_the_file_is_refused() -> None:
    table = build_seek_table(SIZES)
    with pytest.raises(FormatError, match="137 bytes of frames"):
        parse_seek_table(table, file_of(table) + 1)


@given(st.binary(max_size=300_000), st.booleans(), st.booleans(), st.integers(1, 19))
def test_the_size_of_a_frame_is_found_from_its_own_headers(data: bytes, checksum: bool, told: bool, level: int) -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.checksum_flag: checksum,
        zstd.CompressionParameter.content_size_flag: told,
        zstd.CompressionParameter.compression_level: level % 4 + 1,
    }
    frame = zstd.compress(data, options=options)
    space = BytesSpace([(10, frame + b"more")])
    header = read_frame_header(space, 10)
    assert read_frame_size(space, 10, header) == len(frame)
    assert header.content == (len(data) if told else None)


def test_a_skippable_frame_is_passed_over() -> None:
    space = BytesSpace([(0, build_seek_table(SIZES))])
    header = read_frame_header(space, 0)
    assert header.skippable
    assert read_frame_size(space, 0, header) == len(build_seek_table(SIZES))


@pytest.mark.parametrize("kept", [0, 3, 5, 8, 12, 100, -1])
def test_a_cut_frame_says_so(kept: int) -> None:
    frame = zstd.compress(bytes(range(256)) * 999)
    space = BytesSpace([(0, frame[:kept])])
    with pytest.raises(FormatError, match="cut"):
        read_frame_size(space, 0, read_frame_header(space, 0))


def test_a_frame_of_endless_empty_blocks_ends_the_walk() -> None:
    frame = zstd.compress(b"")[:6] + bytes(3 * 100_000)
    space = BytesSpace([(0, frame)])
    with pytest.raises(LimitExceeded):
        read_frame_size(space, 0, read_frame_header(space, 0))
