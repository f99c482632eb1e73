"""Compressed core files: opened so that they read like plain ones, in place wherever that is possible.

By the seek table at their end; where that is missing or false, by walking the headers of the frames, which also
reads a file that was cut; and where the frames are too large or do not tell their size, unpacked into a temporary file,
once its first bytes have shown that it is a core.
"""

from __future__ import annotations

import warnings

from dotdump.errors import FormatError, LimitExceeded, OutputRefused
from dotdump.formats.elf import MAGIC
from dotdump.formats.zstd_seekable import (
    FOOTER,
    FRAME_LIMIT,
    FRAME_MAGIC,
    FrameTable,
    begins_frame,
    parse_seek_table,
    read_frame_header,
    read_frame_size,
    seek_table_size,
)
from dotdump.limits import FRAMES, SMALL_FRAME, SMALL_FRAMES
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.target.core import RandomAccess


class UnpackedWarning(UserWarning):
    """A compressed file could not be read in place and was unpacked into a temporary file."""


@record
class FoundFrames:
    """Frames found by their own headers; ``problem`` tells where the file is cut or broken before its end.

    ``table`` is None where they cannot be read one by one: too large, of unknown size, or too many for what they hold.
    """

    table: FrameTable | None
    problem: FormatError | None = None


def is_zstd(space: RandomAccess) -> bool:
    """Whether a file begins as zstd files do: with a frame, or with one to skip as those of pzstd."""
    return begins_frame(space.read_available(0, len(FRAME_MAGIC)))


def open_zstd(
    file: RandomAccess, tell: Callable[[str], None] = lambda _: None
) -> tuple[RandomAccess, FormatError | None]:
    """Return the content of a zstd file by position, and what is wrong with the file. Warns where it must unpack it.

    Closing the content closes ``file``. ``tell`` is told of each damaged frame, once it is asked for.
    """
    from dotdump.memory.zstd import ZstdSpace

    problem = None
    try:
        table = _read_seek_table(file)
    except FormatError as error:
        table, problem = None, error
    if table is not None:
        return ZstdSpace(file, table, tell=tell), None
    found = find_frames(file)
    if found.table is not None:
        return ZstdSpace(file, found.table, tell=tell), problem or found.problem
    return _unpack(file)


def find_frames(file: RandomAccess) -> FoundFrames:
    """Walk the frames of a file from its start, without unpacking any."""
    sizes: list[tuple[int, int]] = []
    position = content = 0
    try:
        while position < file.size:
            header = read_frame_header(file, position, file.name)
            few = len(sizes) >= SMALL_FRAMES and content < len(sizes) * SMALL_FRAME
            if header.content is None or header.content > FRAME_LIMIT or few or len(sizes) >= FRAMES:
                return FoundFrames(None)
            size = read_frame_size(file, position, header, file.name)
            sizes.append((size, header.content))
            position += size
            content += header.content
    except LimitExceeded:
        return FoundFrames(None)
    except FormatError as error:
        return FoundFrames(FrameTable(sizes) if sizes else None, error)
    return FoundFrames(FrameTable(sizes))


def _read_seek_table(file: RandomAccess) -> FrameTable | None:
    footer = file.read_available(max(0, file.size - FOOTER.size), FOOTER.size)
    size = seek_table_size(footer, file.size, file.name)
    if size is None:
        return None
    return parse_seek_table(file.read(file.size - size, size), file.size, file.name)


def _unpack(file: RandomAccess) -> tuple[RandomAccess, FormatError | None]:
    import tempfile

    from dotdump.memory.zstd_stream import unpack_into
    from dotdump.target.core_source import file_space

    _require_elf(file)
    folder = tempfile.gettempdir()
    text = f"{file.name} is not in the seekable format: unpacking it into {folder}"
    warnings.warn(text, UnpackedWarning, stacklevel=4)
    try:
        with tempfile.TemporaryFile(prefix="dotdump-") as output:
            problem = unpack_into(file, output)
            content = file_space(output.fileno(), file.name)
    except OSError as error:
        hint = "set TMPDIR to a directory with room, or unpack it with 'zstd -d'"
        raise OutputRefused(f"cannot unpack {file.name} into {folder}: {error.strerror}", hint=hint) from error
    file.close()
    return content, problem


def _require_elf(file: RandomAccess) -> None:
    """Raise ``FormatError`` where a file unpacks to no ELF file: few bytes of it may unpack to terabytes."""
    from dotdump.memory.zstd_stream import unpacked

    start = b""
    for piece in unpacked(file):
        start += piece
        if len(start) >= len(MAGIC):
            break
    if not start.startswith(MAGIC):
        raise FormatError("it unpacks to what is not an ELF file", source=file.name)
