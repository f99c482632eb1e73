"""Notes of our own in cores that we write, owner ``DOTDUMP``: who wrote it and how, the maps, the trailer.

The first three stand among the ordinary notes, where every other reader skips them. The trailer stands alone, right
behind the last byte of the last segment: a core that should have one and does not was cut. What the records mean for
a reader is told in docs/formats/core-writing.md; nothing here reads or writes a file.
"""

from __future__ import annotations

import json
from array import array
from enum import IntEnum
from struct import Struct
from zlib import crc32

from dotdump.errors import FormatError
from dotdump.formats.columns import interleaved
from dotdump.formats.notes import NOTE_HEADER, build_note
from dotdump.memory.region_table import SHARED, UNKNOWN, RegionTable
from dotdump.memory.space import MemoryRange
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.memory.region import Region

OWNER = "DOTDUMP"
COLLECTING = "gc-in-progress"
"""Flag of an ``Origin``: taken during a garbage collection, so the managed heap is between two states."""

FREE_DROPPED = "free-dropped"
"""Flag of an ``Origin``: pages within free objects of the heap are zero, whatever they held."""
REDACTED = "redacted"
"""Flag of an ``Origin``: texts and paths were left out, blank memory may have been something else."""


class DotdumpNote(IntEnum):
    """Types of our notes: "DD" and a number, so that a reader that looks at types alone takes none for its own."""

    ORIGIN = 0x44440001
    MAPS = 0x44440002
    THREAD_NAME = 0x44440003
    TRAILER = 0x44440004


@record
class Origin:
    """How a core came to be. ``time`` in seconds since the epoch; ``not_atomic`` was copied while the target ran.

    ``arguments`` is the whole command line, of which NT_PRPSINFO holds 79 bytes. ``type`` is what dump was asked
    for, ``Full`` to ``Triage``; empty where none was.
    """

    writer: str
    method: str
    time: float
    flags: tuple[str, ...] = ()
    not_atomic: tuple[MemoryRange, ...] = ()
    arguments: str = ""
    type: str = ""


@record
class Gap:
    """Memory that the segment table promises and that could not be read: the core holds zeros there."""

    start: int
    end: int
    reason: str


@record
class Trailer:
    """Counts, in bytes: ``head`` before the first segment, ``memory`` in all segments, ``zero`` of it in zero pages.

    ``head_crc`` is the CRC-32 of the head; ``content_crc`` that of every page of memory that is not all zeros, in
    file order, or None: then nobody has reckoned it, or the container has checksums of its own.
    """

    head: int
    head_crc: int
    memory: int
    zero: int
    content_crc: int | None
    gaps: tuple[Gap, ...] = ()


_MAP = Struct("<6Q")
"""Start, end, offset, inode, device (its minor number above 32 bits), and rights with, above 32, the path's length."""
_COUNT = Struct("<I")
_RIGHTS_WORDS = [
    rights & 7 | (0xFF if rights & UNKNOWN else int(rights & SHARED != 0)) << 8 for rights in range(SHARED | UNKNOWN)
]
"""The last word of an entry without a path, by the rights of a row of a ``RegionTable``."""
_TRAILER = Struct("<HHIQQQIII")
_GAP = Struct("<QQI")
_VERSION, _HAS_CONTENT_CRC = 1, 1
_YEAR_1, _YEAR_10000 = -62_135_596_800, 253_402_300_800
"""Seconds since the epoch: what is not between them no calendar has a date for. A clock may be wrong by decades."""


def build_origin(origin: Origin) -> bytes:
    """Return the description of an ORIGIN note: a JSON object."""
    fields = {
        "writer": origin.writer,
        "method": origin.method,
        "time": origin.time,
        "flags": list(origin.flags),
        "not_atomic": [[part.start, part.end] for part in origin.not_atomic],
        "arguments": origin.arguments,
        "type": origin.type,
    }
    return json.dumps(fields).encode("ascii")


def parse_origin(data: bytes) -> Origin:
    """Return an ORIGIN note; fields that it lacks are empty, ``FormatError`` where it is no JSON object of ours."""
    try:
        fields = json.loads(data.decode("ascii"))
        origin = Origin(
            writer=str(fields.get("writer", "")),
            method=str(fields.get("method", "")),
            time=float(fields.get("time", 0)),
            flags=tuple(str(flag) for flag in fields.get("flags", ())),
            not_atomic=tuple(MemoryRange(int(start), int(end)) for start, end in fields.get("not_atomic", ())),
            arguments=str(fields.get("arguments", "")),
            type=str(fields.get("type", "")),
        )
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise FormatError(f"the origin note cannot be understood: {error}") from error
    if not _YEAR_1 <= origin.time < _YEAR_10000:
        raise FormatError(f"the origin note cannot be understood: no core was written at {origin.time:g} s")
    return origin


def build_maps(regions: Sequence[Region]) -> bytes:
    """Return the description of a MAPS note: all that is known of every region."""
    table = RegionTable.of(regions)
    paths = {row: path.encode("utf-8", "surrogateescape") for row, path in table.paths.items()}
    words = array("Q", map(_RIGHTS_WORDS.__getitem__, table.rights))
    for row, path in paths.items():
        words[row] |= len(path) << 32
    rows = interleaved((table.starts, table.ends, table.offsets, table.inodes, table.devices, words))
    parts, done = list[bytes | memoryview]([_COUNT.pack(len(table))]), 0
    for row, path in paths.items():
        parts += (rows[done : (row + 1) * _MAP.size], path)
        done = (row + 1) * _MAP.size
    return b"".join((*parts, rows[done:]))


def parse_maps(data: bytes) -> RegionTable:
    """Return the regions of a MAPS note; ``FormatError`` where it holds fewer than it promises, or false ones."""
    if len(data) < _COUNT.size:
        raise FormatError(f"the maps note has {len(data)} bytes")
    rows: list[tuple[int, ...]] = []
    paths: dict[int, str] = {}
    for row, path in _map_rows(memoryview(data), _COUNT.unpack_from(data)[0]):
        if path:
            paths[len(rows)] = name = str(path, "utf-8", "surrogateescape")
            if "\0" in name:
                raise FormatError(f"region {len(rows)} of the maps note has a path that none can have: {name!r:.60}")
        rows.append(row)
    columns = zip(*rows, strict=True) if rows else ((),) * 6
    starts, ends, offsets, inodes, devices, words = (array("Q", column) for column in columns)
    return RegionTable((starts, ends, offsets, devices, inodes), bytes(map(_rights_of, words)), paths)


def _map_rows(data: memoryview, count: int) -> Iterator[tuple[tuple[int, ...], memoryview]]:
    """Yield the words of each row, and its path."""
    number, position = 0, _COUNT.size
    while number < count:
        whole = min(count - number, (len(data) - position) // _MAP.size)
        if not whole:
            raise FormatError(f"the maps note promises {count} regions and holds {number}", offset=position)
        for row in _MAP.iter_unpack(data[position : position + whole * _MAP.size]):
            start, end, *_, last = row
            name_at, position = position + _MAP.size, position + _MAP.size + (last >> 32)
            if position > len(data) or end < start:
                raise FormatError(f"region {number} of the maps note is false", offset=name_at)
            number += 1
            yield row, data[name_at:position]
            if position > name_at:
                break


def _rights_of(word: int) -> int:
    """Return the rights of a row by its last word; nobody knows whether it is shared where that is negative."""
    shared = word >> 8 & 0xFF
    return word & 7 | (UNKNOWN if shared & 0x80 else SHARED if shared else 0)


def build_trailer(trailer: Trailer) -> bytes:
    """Return the whole trailer note, header included. Its last four bytes are the CRC-32 of its description."""
    reasons = sorted({gap.reason for gap in trailer.gaps})
    number = {reason: index for index, reason in enumerate(reasons)}
    text = b"".join(reason.encode("utf-8", "surrogateescape") + b"\0" for reason in reasons)
    has_crc = _HAS_CONTENT_CRC if trailer.content_crc is not None else 0
    head = _TRAILER.pack(
        *(_VERSION, has_crc, trailer.head_crc, trailer.head, trailer.memory, trailer.zero),
        *(trailer.content_crc or 0, len(trailer.gaps), len(text)),
    )
    gaps = b"".join(_GAP.pack(gap.start, gap.end, number[gap.reason]) for gap in trailer.gaps)
    body = head + gaps + text
    return build_note(OWNER, DotdumpNote.TRAILER, body + _COUNT.pack(crc32(body)))


def trailer_size(start: bytes) -> int | None:
    """Return how long the trailer note is that begins with ``start`` (20 bytes are enough), or None: it is none."""
    if len(start) < NOTE_HEADER.size + 8:
        return None
    namesz, descsz, kind = NOTE_HEADER.unpack_from(start)
    if kind != DotdumpNote.TRAILER or namesz != 8 or start[12:20] != b"DOTDUMP\0":
        return None
    size: int = 20 + (descsz + 3) // 4 * 4
    return size


def parse_trailer(note: bytes) -> Trailer:
    """Return the trailer from the bytes of its note; ``FormatError`` where it is cut or damaged."""
    size = trailer_size(note)
    if size is None or size > len(note):
        raise FormatError("there is no whole trailer")
    body = note[20 : 20 + NOTE_HEADER.unpack_from(note)[1]]
    if len(body) < _TRAILER.size + 4 or crc32(body[:-4]) != _COUNT.unpack(body[-4:])[0]:
        raise FormatError("the trailer is damaged: its checksum is wrong")
    version, has_crc, head_crc, head, memory, zero, content_crc, count, text = _TRAILER.unpack_from(body)
    if version != _VERSION or _TRAILER.size + count * _GAP.size + text + 4 != len(body):
        raise FormatError(f"the trailer, version {version}, does not hold what it promises")
    table = body[_TRAILER.size : _TRAILER.size + count * _GAP.size]
    reasons = body[_TRAILER.size + len(table) : -4].decode("utf-8", "surrogateescape").split("\0")
    gaps = tuple(_gaps(_GAP.iter_unpack(table), reasons))
    return Trailer(head, head_crc, memory, zero, content_crc if has_crc & _HAS_CONTENT_CRC else None, gaps)


def _gaps(rows: Iterable[tuple[int, int, int]], reasons: list[str]) -> Iterable[Gap]:
    for start, end, number in rows:
        if end <= start or number >= len(reasons):
            raise FormatError(f"a gap of the trailer is false: {start:#x} to {end:#x}")
        yield Gap(start, end, reasons[number])
