"""Any zstd file from its start to its end: piece by piece, or unpacked into a temporary file without a name.

For files that cannot be read at random: one frame, or frames that do not tell their size. Temporary files get holes
for zeros, so a file that unpacks to terabytes of them fills no disk.
"""

from __future__ import annotations

import os

from dotdump.errors import FormatError, LimitExceeded
from dotdump.limits import SMALL_FRAME, SMALL_FRAMES
from dotdump.memory.zstd_library import zstd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from dotdump.memory.zstd import CompressedFile

STEP = 1 << 20
_INPUT = 128 << 10
"""Compressed bytes at a time, as zstd asks for them: what is behind the end of a frame is copied for the next."""
_PAGE = 64 << 10


def unpacked(file: CompressedFile) -> Iterator[bytes]:
    """Yield the content of ``file`` in order, in pieces of at most 1 MiB; ``FormatError`` where it is cut or damaged.

    Skippable frames yield nothing. What came before damage has been yielded by then. ``LimitExceeded`` where there are
    more frames than a core has.
    """
    place, data = 0, file.read_available(0, _INPUT)
    end = len(data)
    frames = content = 0
    while data:
        if frames >= SMALL_FRAMES and content < frames * SMALL_FRAME:
            raise LimitExceeded(f"{frames:,} zstd frames of {content:,} bytes in all", source=file.name, offset=place)
        frames += 1
        decompressor = zstd.ZstdDecompressor()
        while not decompressor.eof:
            try:
                piece = decompressor.decompress(data, STEP)
            except zstd.ZstdError as error:
                raise FormatError(f"zstd: {error}", source=file.name, offset=place, hint=_hint(error)) from error
            if piece:
                content += len(piece)
                yield piece
            data = b""
            if decompressor.needs_input and not decompressor.eof:
                place, data = end, file.read_available(end, _INPUT)
                end += len(data)
                if not data:
                    raise FormatError("cut in the middle of a zstd frame", source=file.name, offset=end)
        data = decompressor.unused_data
        if not data:
            place, data = end, file.read_available(end, _INPUT)
            end += len(data)


def _hint(error: Exception) -> str | None:
    if "memory" in str(error) or "indow" in str(error):
        return "it was compressed with a very long window: unpack it with 'zstd -d --long=31' first"
    return None


def unpack_into(file: CompressedFile, output: BinaryIO) -> FormatError | None:
    """Unpack ``file`` into a regular file; return what went wrong where not all of it could be unpacked."""
    descriptor, size, problem = output.fileno(), 0, None
    try:
        for piece in unpacked(file):
            for start in range(0, len(piece), _PAGE):
                _store(descriptor, piece[start : start + _PAGE])
            size += len(piece)
    except FormatError as error:
        problem = error
    os.ftruncate(descriptor, size)
    return problem


def _store(descriptor: int, part: bytes) -> None:
    if not part.strip(b"\0"):
        os.lseek(descriptor, len(part), os.SEEK_CUR)
        return
    while part:
        part = part[os.write(descriptor, part) :]
