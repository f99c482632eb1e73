"""The zstd seekable format: frames that can be read one by one, and a table of them at the end of the file.

The table is the last frame of the file, a skippable one, so ordinary zstd reads such a file as any other. Where the
table is missing (the file was cut, or written by something else) ``parse_frame`` finds a frame's size from its
block headers. No I/O, and nothing is decompressed here. Source of truth: RFC 8878 chapter 3; the seekable format,
version 0.1.0, in zstd's contrib/seekable_format.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from struct import Struct

from dotdump.errors import FormatError, LimitExceeded
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

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


class FrameTable:
    """Where each frame lies: in the file, and in what the file unpacks to. Built from the two sizes of each frame."""

    def __init__(self, sizes: Sequence[tuple[int, int]]) -> None:
        self._compressed = [0, *accumulate(compressed for compressed, _ in sizes)]
        self._content = [0, *accumulate(content for _, content in sizes)]

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
class Frame:
    """A frame found by its own headers. ``content`` is None where its header does not tell."""

    size: int
    content: int | None
    skippable: bool = False


def build_seek_table(sizes: Sequence[tuple[int, int]]) -> bytes:
    """Return the skippable frame for frames of (compressed size, content size), in file order."""
    entries = b"".join(_ENTRY.pack(*pair) for pair in sizes)
    footer = FOOTER.pack(len(sizes), 0, SEEKABLE_MAGIC)
    return _SKIPPABLE.pack(SKIPPABLE_MAGIC, len(entries) + len(footer)) + entries + footer


def seek_table_size(footer: bytes, file_size: int, source: str = "") -> int | None:
    """Return the bytes of the table that ends a file with ``footer`` (its last 9 bytes); None where there is none.

    ``LimitExceeded`` where the table would be longer than the file.
    """
    if len(footer) != FOOTER.size:
        return None
    count, descriptor, magic = FOOTER.unpack(footer)
    if magic != SEEKABLE_MAGIC:
        return None
    entry = _ENTRY_WITH_CHECKSUM if descriptor & _CHECKSUMS else _ENTRY
    size: int = _SKIPPABLE.size + count * entry.size + FOOTER.size
    if size > file_size:
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
    sizes = [(row[0], row[1]) for row in rows]
    largest = max((content for _, content in sizes), default=0)
    if largest > FRAME_LIMIT:
        raise LimitExceeded(f"a frame of {largest} bytes, more than {FRAME_LIMIT}", source=source, offset=at)
    frames = FrameTable(sizes)
    if frames.compressed_size != at:
        raise FormatError(
            f"the seek table tells of {frames.compressed_size} bytes of frames, not {at}", source=source, offset=at
        )
    return frames


class FrameWalk:
    """The headers of one frame, taken in one by one: says which bytes it needs next, and in the end what it found.

    ``while (wanted := walk.wanted) is not None: walk.take(bytes at wanted)``. Positions count from the frame's start.
    """

    def __init__(self, source: str = "", offset: int = 0) -> None:
        self.wanted: tuple[int, int] | None = (0, _HEADER_MOST)
        self.frame: Frame | None = None
        self._source = source
        self._offset = offset
        self._content: int | None = None
        self._checksum = 0

    def take(self, data: bytes) -> None:
        """Take what was wanted, or as much of it as there is; ``frame`` stays None where the file ends too soon."""
        if self.wanted is None:
            return
        position, _ = self.wanted
        if position == 0:
            self._header(data)
        elif len(data) < 3:
            self.wanted = None
        else:
            self._block(position, int.from_bytes(data[:3], "little"))

    def _header(self, data: bytes) -> None:
        self.wanted = None
        if len(data) >= 8 and _SKIPPABLE.unpack_from(data)[0] & ~0xF == SKIPPABLE_MAGIC & ~0xF:
            self.frame = Frame(_SKIPPABLE.size + _SKIPPABLE.unpack_from(data)[1], 0, skippable=True)
        elif len(data) >= 5 and data.startswith(FRAME_MAGIC):
            length, self._content, self._checksum = _parse_frame_header(data)
            if length <= len(data):
                self.wanted = (length, 3)
        elif data[:4] != FRAME_MAGIC[: len(data)]:
            raise FormatError("no zstd frame begins here", source=self._source, offset=self._offset)

    def _block(self, position: int, header: int) -> None:
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        if kind == 3 or size > _BLOCK_MOST:
            raise FormatError(
                f"a block of kind {kind}, {size} bytes", source=self._source, offset=self._offset + position
            )
        position += 3 + (1 if kind == 1 else size)
        if last:
            self.wanted = None
            self.frame = Frame(position + self._checksum, self._content)
        else:
            self.wanted = (position, 3)


_HEADER_MOST = 18
_BLOCK_MOST = 128 << 10


def _parse_frame_header(data: bytes) -> tuple[int, int | None, int]:
    """Return the length of a frame's header, the size of its content or None, and the length of its checksum."""
    descriptor = data[4]
    single, size_flag = descriptor >> 5 & 1, descriptor >> 6
    size_at = 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3]
    size_length = (single, 2, 4, 8)[size_flag]
    content = int.from_bytes(data[size_at : size_at + size_length], "little") + (256 if size_flag == 1 else 0)
    return size_at + size_length, content if size_length else None, 4 if descriptor & 4 else 0
