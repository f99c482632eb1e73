"""The zstd seekable format: frames that can be read one by one, and a table of them at the end of the file.

The table is the last frame of the file, a skippable one, so ordinary zstd reads such a file as any other. Where the
table is missing (the file was cut, or written by something else) a frame's own headers tell its size. Nothing is
decompressed here. Source of truth: RFC 8878 chapter 3; the seekable format,
version 0.1.0, in zstd's contrib/seekable_format.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import pairwise
from struct import Struct

from dotdump.errors import FormatError, LimitExceeded
from dotdump.limits import FRAMES
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dotdump.memory.space import AddressSpace

FRAME_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE_MAGIC = 0x184D2A5E
SEEKABLE_MAGIC = 0x8F92EAB1
FRAME_SIZE = 256 << 10
"""Bytes of input in a frame that we write: see docs/decisions for the measurement."""
FRAME_LIMIT = 64 << 20
"""Bytes that a frame may unpack to and still be read in memory; the format itself allows 1 GiB."""

FOOTER = Struct("<IBI")
_ENTRY = Struct("<II")
_ENTRY_WITH_CHECKSUM = Struct("<III")
_SKIPPABLE = Struct("<II")
_CHECKSUMS, _RESERVED = 0x80, 0x7C
_HEADER_MOST = 18
_RLE_BLOCK, _RESERVED_BLOCK = 1, 3
_BLOCK_MOST = 128 << 10
BLOCKS_LIMIT = 1 << 14
"""Blocks of a frame: 512 of them hold ``FRAME_LIMIT``, a writer that flushes often needs more."""
CUT = "cut in the middle of a zstd frame"


class FrameTable:
    """Where each frame lies: in the file, and in what the file unpacks to. Built from the two sizes of each frame."""

    def __init__(self, sizes: Iterable[tuple[int, int]]) -> None:
        self._compressed, self._content = array("Q", (0,)), array("Q", (0,))
        for compressed, content in sizes:
            self._compressed.append(self._compressed[-1] + compressed)
            self._content.append(self._content[-1] + content)

    def __len__(self) -> int:
        return len(self._content) - 1

    @property
    def size(self) -> int:
        """Bytes that all frames unpack to."""
        return self._content[-1]

    @property
    def compressed_size(self) -> int:
        """Bytes of all frames in the file, the table not counted."""
        return self._compressed[-1]

    @property
    def largest(self) -> int:
        """Bytes that the largest frame unpacks to."""
        return max((end - start for start, end in pairwise(self._content)), default=0)

    def frame_at(self, position: int) -> int:
        """Return the number of the frame that holds byte ``position`` of the content, which must be in it."""
        return bisect_right(self._content, position) - 1

    def content(self, frame: int) -> tuple[int, int]:
        """Return where the content of a frame starts and ends."""
        return self._content[frame], self._content[frame + 1]

    def compressed(self, frame: int) -> tuple[int, int]:
        """Return where a frame starts and ends in the file."""
        return self._compressed[frame], self._compressed[frame + 1]


@record
class FrameHeader:
    """``length`` of the header itself, of the whole frame where it is ``skippable``; of ``checksum`` behind the blocks.

    ``content`` is None where the header does not tell what the frame unpacks to.
    """

    length: int
    content: int | None
    checksum: int
    skippable: bool = False


def build_seek_table(sizes: Sequence[tuple[int, int]]) -> bytes:
    """Return the skippable frame for frames of (compressed size, content size), in file order."""
    entries = b"".join(_ENTRY.pack(*pair) for pair in sizes)
    footer = FOOTER.pack(len(sizes), 0, SEEKABLE_MAGIC)
    return _SKIPPABLE.pack(SKIPPABLE_MAGIC, len(entries) + len(footer)) + entries + footer


def seek_table_size(footer: bytes, file_size: int, source: str = "") -> int | None:
    """Return the bytes of the table that ends a file with ``footer`` (its last 9 bytes); None where there is none.

    ``LimitExceeded`` where the table would be longer than the file, or has more frames than there can be.
    """
    if len(footer) != FOOTER.size:
        return None
    count, descriptor, magic = FOOTER.unpack(footer)
    if magic != SEEKABLE_MAGIC:
        return None
    entry = _ENTRY_WITH_CHECKSUM if descriptor & _CHECKSUMS else _ENTRY
    size: int = _SKIPPABLE.size + count * entry.size + FOOTER.size
    if size > file_size or count > FRAMES:
        raise LimitExceeded(f"a seek table of {count} frames in a file of {file_size} bytes", source=source)
    return size


def parse_seek_table(table: bytes, file_size: int, source: str = "") -> FrameTable:
    """Return the table from its bytes, checked against the file: ``FormatError`` where they disagree."""
    at = file_size - len(table)
    magic, length = _SKIPPABLE.unpack_from(table)
    count, descriptor, _ = FOOTER.unpack(table[-FOOTER.size :])
    if magic != SKIPPABLE_MAGIC or length != len(table) - _SKIPPABLE.size or descriptor & _RESERVED:
        raise FormatError("the seek table is not the skippable frame it should be", source=source, offset=at)
    entry = _ENTRY_WITH_CHECKSUM if descriptor & _CHECKSUMS else _ENTRY
    rows = entry.iter_unpack(table[_SKIPPABLE.size : _SKIPPABLE.size + count * entry.size])
    frames = FrameTable((row[0], row[1]) for row in rows)
    if frames.largest > FRAME_LIMIT:
        raise LimitExceeded(f"a frame of {frames.largest} bytes, more than {FRAME_LIMIT}", source=source, offset=at)
    if frames.compressed_size != at:
        raise FormatError(
            f"the seek table tells of {frames.compressed_size} bytes of frames, not {at}", source=source, offset=at
        )
    return frames


def begins_frame(data: bytes) -> bool:
    """Whether a frame, or one to skip, begins with ``data``, of which the first four bytes tell."""
    return data.startswith(FRAME_MAGIC) or (len(data) >= 4 and _is_skippable(data))


def read_frame_header(space: AddressSpace, position: int, source: str = "") -> FrameHeader:
    """Return the header of the frame at ``position``; ``FormatError`` where none begins there, or it is cut."""
    data = space.read_available(position, _HEADER_MOST)
    if len(data) >= _SKIPPABLE.size and _is_skippable(data):
        return FrameHeader(_SKIPPABLE.size + _SKIPPABLE.unpack_from(data)[1], 0, 0, skippable=True)
    if not data.startswith(FRAME_MAGIC[: len(data)]):
        raise FormatError("no zstd frame begins here", source=source, offset=position)
    if len(data) < 5 or len(data) < _header_length(data[4]):
        raise FormatError(CUT, source=source, offset=position)
    descriptor, length = data[4], _header_length(data[4])
    content = None
    if size_length := _content_length(descriptor):
        content = int.from_bytes(data[length - size_length : length], "little") + (256 if size_length == 2 else 0)
    return FrameHeader(length, content, 4 if descriptor & 4 else 0)


def read_frame_size(space: AddressSpace, position: int, header: FrameHeader, source: str = "") -> int:
    """Return the bytes of a whole frame, from its block headers; ``FormatError`` where it is cut or contradicts itself.

    ``LimitExceeded`` where it has more blocks than content of ``FRAME_LIMIT`` bytes can need.
    """
    if header.skippable:
        return _whole(space, position, header.length, source)
    at = position + header.length
    for _ in range(BLOCKS_LIMIT):
        data = space.read_available(at, 3)
        if len(data) < 3:
            raise FormatError(CUT, source=source, offset=position)
        block = int.from_bytes(data, "little")
        last, kind, size = block & 1, block >> 1 & 3, block >> 3
        if kind == _RESERVED_BLOCK or size > _BLOCK_MOST:
            raise FormatError(f"a zstd block of kind {kind}, {size} bytes", source=source, offset=at)
        at += 3 + (1 if kind == _RLE_BLOCK else size)
        if last:
            return _whole(space, position, at + header.checksum - position, source)
    raise LimitExceeded(f"a zstd frame of more than {BLOCKS_LIMIT} blocks", source=source, offset=position)


def _is_skippable(data: bytes) -> bool:
    return int.from_bytes(data[:4], "little") & ~0xF == SKIPPABLE_MAGIC & ~0xF


def _whole(space: AddressSpace, position: int, size: int, source: str) -> int:
    """Return ``size`` where the last byte of the frame is there."""
    if not space.read_available(position + size - 1, 1):
        raise FormatError(CUT, source=source, offset=position)
    return size


def _header_length(descriptor: int) -> int:
    window = 0 if descriptor >> 5 & 1 else 1
    return 5 + window + (0, 1, 2, 4)[descriptor & 3] + _content_length(descriptor)


def _content_length(descriptor: int) -> int:
    """How many bytes of a frame's header tell the size of its content."""
    return (descriptor >> 5 & 1, 2, 4, 8)[descriptor >> 6]
