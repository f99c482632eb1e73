"""Index files: named columns, mapped back as they were written.

A file is a header, a table of columns, and the columns, each at a multiple of 64 bytes. It is written under another
name and gets its own when it is whole, so a file under that name is whole; nobody else can write to it. Reading one
checks everything that says where things are; what the columns say is checked by who uses them.

Layout, little-endian: magic ``DDINDEX2``, u32 length of the table, u32 CRC-32 of the table, 32 bytes of identity; then
the table as JSON: ``{"columns": [[name, code, offset, count], ...], "facts": {...}}``.
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
from dotdump.clr.graph.columns import ITEM_SIZES
from dotdump.errors import FormatError, LimitExceeded
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAGIC = b"DDINDEX2"
"""The number grows when what is an object or a reference changes, as all of an index follows from that."""
_HEADER = Struct("<8sII32s")
_ALIGNMENT = 64
_PIECE = 8 << 20


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
    finally:
        os.close(descriptor)
    table = _table(path, mapped, identity)
    columns = dict(_column(path, mapped, entry) for entry in _list(path, table.get("columns")))
    facts = table.get("facts", {})
    return IndexContents(columns, facts if isinstance(facts, dict) else {})


def _write(file: BinaryIO, identity: bytes, contents: IndexContents) -> None:
    size = len(_encode(contents, [1 << 60] * len(contents.columns)))
    places, end = [], _aligned(_HEADER.size + size)
    for column in contents.columns.values():
        places.append(end)
        end = _aligned(end + column.nbytes)
    table = _encode(contents, places).ljust(size)
    os.posix_fallocate(file.fileno(), 0, end)
    file.write(_HEADER.pack(MAGIC, len(table), zlib.crc32(table), identity) + table)
    for place, column in zip(places, contents.columns.values(), strict=True):
        file.seek(place)
        _write_all(file, column.cast("B") if column.nbytes else memoryview(b""))


def _write_all(file: BinaryIO, data: memoryview[int]) -> None:
    while data:
        data = data[file.write(data[:_PIECE]) :]


def _encode(contents: IndexContents, places: Sequence[int]) -> bytes:
    named = zip(contents.columns.items(), places, strict=True)
    columns = [[name, column.format, place, len(column)] for (name, column), place in named]
    return json.dumps({"columns": columns, "facts": dict(contents.facts)}).encode()


def _aligned(place: int) -> int:
    return (place + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT


def _table(source: str, mapped: memoryview[int], identity: bytes) -> dict[str, Any]:
    magic, length, checksum, owner = _HEADER.unpack_from(mapped)
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
