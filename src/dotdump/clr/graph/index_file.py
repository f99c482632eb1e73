"""Index files: named columns, mapped back as they were written.

A file is a header, a table of columns, and the columns, each at a multiple of 64 bytes. It is written under another
name and gets its own when it is whole; nobody else can write to it. Reading one checks everything that says where
things are, and where ``index_seal`` wants it that the columns are those that were written.

Layout, little-endian: magic, u32 length of the table, u32 CRC-32 of the table, 32 bytes of identity, u32 CRC-32 of all
columns with what lies between them, 4 bytes of zeros, the seal; then the table as JSON:
``{"columns": [[name, code, offset, count], ...], "facts": {...}}``; the columns start at the next multiple of 64.
"""

from __future__ import annotations

import json
import mmap
import os
import stat
import zlib
from contextlib import suppress
from struct import Struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

from dotdump import limits
from dotdump.clr.graph import index_seal
from dotdump.clr.graph.columns import ITEM_SIZES
from dotdump.errors import FormatError, LimitExceeded
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAGIC = b"DDINDEX3"
"""The number grows with the layout, and when what is an object or a reference changes: all follows from that."""
_HEADER = Struct(f"<8sII32sI4x{index_seal.SIZE}s")
_SEAL_AT = _HEADER.size - index_seal.SIZE
_ALIGNMENT = 64
_PIECE = 1 << 20


@record
class IndexContents:
    """Columns by name, and a few facts that JSON can hold."""

    columns: Mapping[str, memoryview[int]]
    facts: Mapping[str, Any] = MappingProxyType({})


def write_index(path: str, identity: bytes, contents: IndexContents) -> None:
    """Write ``contents`` to ``path``, all or nothing; raises ``OSError`` where that cannot be."""
    partial = f"{path}.{os.getpid()}.partial"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileNotFoundError):
        os.unlink(partial)  # of a process with our number that was killed
    descriptor = os.open(partial, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            _write(file, identity, contents)
        os.rename(partial, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise


def read_index(path: str, identity: bytes) -> IndexContents:
    """Return what ``path`` holds, mapped; raises ``FormatError`` where it is not whole or not of ``identity``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise FormatError("others could have written it", source=path)
        if status.st_size < _HEADER.size:
            raise FormatError("it is cut", source=path, offset=status.st_size)
        mapped = memoryview(mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ))
        table = _table(path, mapped, identity)
        _check_columns(path, descriptor, mapped)
    finally:
        os.close(descriptor)
    columns = dict(_column(path, mapped, entry) for entry in _list(path, table.get("columns")))
    facts = table.get("facts", {})
    return IndexContents(columns, facts if isinstance(facts, dict) else {})


def _write(file: BinaryIO, identity: bytes, contents: IndexContents) -> None:
    size = len(_encode(contents, [1 << 60] * len(contents.columns)))
    start = _aligned(_HEADER.size + size)
    places, end = [], start
    for column in contents.columns.values():
        places.append(end)
        end = _aligned(end + column.nbytes)
    table = _encode(contents, places).ljust(size)
    os.posix_fallocate(file.fileno(), 0, end)
    file.seek(start)
    checksum = 0
    for column in contents.columns.values():
        checksum = _write_all(file, column.cast("B") if column.nbytes else memoryview(b""), checksum)
        checksum = _write_all(file, memoryview(bytes(-column.nbytes % _ALIGNMENT)), checksum)
    file.seek(0)
    header = _HEADER.pack(MAGIC, size, zlib.crc32(table), identity, checksum, b"")
    _write_all(file, memoryview(header + table))
    with suppress(OSError):  # without a seal its columns are checked each time
        index_seal.renew(file.fileno(), _SEAL_AT)


def _write_all(file: BinaryIO, data: memoryview[int], checksum: int = 0) -> int:
    """Write ``data`` and return ``checksum`` with it added."""
    while data:
        written = data[: file.write(data[:_PIECE])]
        checksum = zlib.crc32(written, checksum)
        data = data[len(written) :]
    return checksum


def _check_columns(path: str, descriptor: int, mapped: memoryview[int]) -> None:
    """Raise ``FormatError`` where the columns are not those that were written; large ones are read only if need be."""
    _, length, _, _, checksum, seal = _HEADER.unpack_from(mapped)
    large = len(mapped) > _PIECE
    if large and index_seal.holds(seal, descriptor):
        return
    start = _aligned(_HEADER.size + length)
    if _checksum(descriptor, start) != checksum:
        raise FormatError("its columns are damaged", source=path, offset=start)
    if large:
        with suppress(OSError):  # it cannot be written to: they are checked next time, too
            _renew_seal(path, descriptor)


def _checksum(descriptor: int, place: int) -> int:
    """Return the CRC-32 of what stands from ``place`` on. Reading it by calls, a bad disk is an error and no signal."""
    piece, checksum = memoryview(bytearray(_PIECE)), 0
    while count := os.preadv(descriptor, [piece], place):
        checksum = zlib.crc32(piece[:count], checksum)
        place += count
    return checksum


def _renew_seal(path: str, descriptor: int) -> None:
    writable = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if os.path.samestat(os.fstat(writable), os.fstat(descriptor)):
            index_seal.renew(writable, _SEAL_AT)
    finally:
        os.close(writable)


def _encode(contents: IndexContents, places: Sequence[int]) -> bytes:
    named = zip(contents.columns.items(), places, strict=True)
    columns = [[name, column.format, place, len(column)] for (name, column), place in named]
    return json.dumps({"columns": columns, "facts": dict(contents.facts)}).encode()


def _aligned(place: int) -> int:
    return (place + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT


def _table(source: str, mapped: memoryview[int], identity: bytes) -> dict[str, Any]:
    magic, length, checksum, owner, _, _ = _HEADER.unpack_from(mapped)
    if magic != MAGIC:
        raise FormatError(f"it starts with {magic!r}: another version, or no index", source=source, offset=0)
    if owner != identity:
        raise FormatError("it belongs to another core, or to this one before it changed", source=source)
    if length > limits.INDEX_TABLE:
        raise LimitExceeded(f"a table of {length} bytes", source=source, offset=8)
    data = bytes(mapped[_HEADER.size : _HEADER.size + length])
    if len(data) < length or zlib.crc32(data) != checksum:
        raise FormatError("its table is cut or damaged", source=source, offset=_HEADER.size)
    try:
        table = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"its table is no JSON: {error}", source=source) from None
    if not isinstance(table, dict):
        raise FormatError("its table is no object", source=source)
    return table


def _list(source: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise FormatError("it names no columns", source=source)
    return value


def _column(source: str, mapped: memoryview[int], entry: object) -> tuple[str, memoryview[int]]:
    match entry:
        case [str(name), ("B" | "I" | "Q") as code, int(offset), int(count)] if offset >= 0 and count >= 0:
            end = offset + count * ITEM_SIZES[code]
            if end > len(mapped):
                raise FormatError(f"its column {name} is cut", source=source, offset=offset)
            return name, mapped[offset:end].cast(code)
    raise FormatError(f"{str(entry)[:80]} is no column", source=source)
