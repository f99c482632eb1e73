"""``Metadata``: one metadata image, from the bytes that start with ``BSJB``.

Rows are decoded on demand; nothing is read that is not asked for. Every index is checked against its heap or table:
what does not fit raises ``FormatError``. It does not know what a row means to a runtime. Source: ECMA-335 II.24.2.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from struct import Struct, calcsize, unpack
from struct import error as StructError  # noqa: N812 (an exception's name)
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dotdump import limits
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.formats.metadata import pdb_schema, schema
from dotdump.formats.metadata.rows import Column, Fixed, Heap, Row, RowId
from dotdump.formats.metadata.schema import (
    Field,
    FieldPtr,
    MethodDef,
    MethodPtr,
    NestedClass,
    Param,
    ParamPtr,
    TypeDef,
)
from dotdump.memory.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

SIGNATURE = b"BSJB"
MAX_STREAMS = 16
MAX_NAME = 32
_NAME_STEP = 64
_TABLES = {**schema.TABLES, **pdb_schema.TABLES}
_NESTING = 64
"""Types nested deeper than this are a loop."""

AnyRow = TypeVar("AnyRow", bound=Row)


class Table(NamedTuple):
    """Where a table lies: rows of ``layout`` from ``offset`` on."""

    offset: int
    rows: int
    layout: Struct


class Metadata:
    """Heaps and tables of one image, of an assembly or of a portable PDB."""

    def __init__(self, data: bytes | memoryview | Window, source: str = "metadata") -> None:
        self._data = data if isinstance(data, Window) else memoryview(data)
        self._source = source
        try:
            self.version, self._streams = self._read_root()
            self._tables = self._read_tables()
        except (StructError, IndexError) as error:
            raise FormatError("the metadata is cut short", source=source) from error

    def _bytes(self, start: int, size: int) -> bytes | memoryview:
        """Return a part; ``FormatError`` where it is not in the dump."""
        try:
            return self._data[start : start + size]
        except MemoryFault as fault:
            raise FormatError(str(fault), source=self._source, offset=start) from fault

    def _unpack(self, layout: str, position: int) -> tuple[int, ...]:
        return unpack(layout, self._bytes(position, calcsize(layout)))

    def count(self, kind: type[Row]) -> int:
        """Return how many rows of a kind there are."""
        found = self._tables.get(kind.table)
        return found.rows if found else 0

    def row(self, kind: type[AnyRow], row_id: int) -> AnyRow:
        """Return row ``row_id`` (from 1) of its kind; ``FormatError`` where there is none."""
        number = kind.table
        found = self._tables.get(number)
        if found is None or not 1 <= row_id <= found.rows:
            raise FormatError(f"no row {row_id} in metadata table {number:#04x}", source=self._source)
        size = found.layout.size
        return kind(found.layout.unpack(self._bytes(found.offset + (row_id - 1) * size, size)))

    def rows(self, kind: type[AnyRow]) -> Iterator[AnyRow]:
        """Yield all rows of a kind, in order."""
        found = self._tables.get(kind.table)
        if found is not None:
            size = found.rows * found.layout.size
            yield from map(kind, found.layout.iter_unpack(self._bytes(found.offset, size)))

    def string(self, index: int) -> str:
        """Return the text at ``index`` of the #Strings heap."""
        start, end = self._place("#Strings", index)
        found, step = b"", _NAME_STEP
        while start + len(found) < end:
            position = start + len(found)
            found += self._bytes(position, min(step, end - position))
            if (length := found.find(b"\0")) >= 0:
                return found[:length].decode("utf-8", "replace")
            if len(found) > limits.NAME_LENGTH:
                raise LimitExceeded("a metadata name is too long", source=self._source, offset=start)
            step *= 2
        raise FormatError("a metadata name has no end", source=self._source, offset=start)

    def blob(self, index: int) -> bytes:
        """Return the blob at ``index`` of the #Blob heap."""
        start, end = self._place("#Blob", index)
        size, used = read_compressed(self._bytes(start, min(end - start, 4)), 0, self._source)
        if start + used + size > end:
            raise FormatError(f"a blob of {size} bytes leaves its heap", source=self._source, offset=start)
        return bytes(self._bytes(start + used, size))

    def guid(self, index: int) -> UUID | None:
        """Return GUID number ``index`` (from 1) of the #GUID heap; None for 0."""
        if index == 0:
            return None
        start, end = self._place("#GUID", (index - 1) * 16)
        if end - start < 16:
            raise FormatError(f"no GUID number {index}", source=self._source, offset=start)
        from uuid import UUID

        return UUID(bytes_le=bytes(self._bytes(start, 16)))

    def stream(self, name: str) -> memoryview:
        """Return the bytes of a stream, empty where there is none."""
        start, size = self._streams.get(name, (0, 0))
        return memoryview(self._bytes(start, size))

    @cached_property
    def enclosing_types(self) -> dict[int, int]:
        """Row id of each nested TypeDef to that of the type around it."""
        return {row.nested: row.enclosing for row in self.rows(NestedClass)}

    def type_name(self, row_id: int) -> str:
        """Return the full name of a TypeDef: ``Namespace.Outer+Inner``."""
        names: list[str] = []
        for _ in range(_NESTING):
            row = self.row(TypeDef, row_id)
            names.append(self.string(row.name))
            row_id = self.enclosing_types.get(row_id, 0)
            if not row_id:
                namespace = self.string(row.namespace)
                full = "+".join(reversed(names))
                return f"{namespace}.{full}" if namespace else full
        raise FormatError("types nested in a loop", source=self._source)

    def fields_of(self, type_row_id: int) -> Sequence[int]:
        """Return the row ids of a TypeDef's fields."""
        return self._members(TypeDef, type_row_id, "field_list", Field, FieldPtr)

    def methods_of(self, type_row_id: int) -> Sequence[int]:
        """Return the row ids of a TypeDef's methods."""
        return self._members(TypeDef, type_row_id, "method_list", MethodDef, MethodPtr)

    def parameters_of(self, method_row_id: int) -> Sequence[int]:
        """Return the row ids of a MethodDef's parameters: of those that have a name or an attribute."""
        return self._members(MethodDef, method_row_id, "param_list", Param, ParamPtr)

    def declaring_type(self, method_row_id: int) -> int:
        """Return the row id of the TypeDef that declares a method; 0 where none does."""
        return bisect_right(self._method_starts, self._method_places.get(method_row_id, method_row_id))

    @cached_property
    def _method_starts(self) -> list[int]:
        return [row.method_list for row in self.rows(TypeDef)]

    @cached_property
    def _method_places(self) -> dict[int, int]:
        return {row.method: place for place, row in enumerate(self.rows(MethodPtr), 1)}

    def _members(
        self, owner: type[Row], row_id: int, column: str, kind: type[Row], pointers: type[Row]
    ) -> Sequence[int]:
        """Return the row ids that belong to a row of ``owner``.

        They follow each other, up to where those of the next row begin; what was not written in that order, as of types
        that were made at run time side by side, has a table of ``pointers`` in between.
        """
        total = self.count(pointers) or self.count(kind)
        start: int = getattr(self.row(owner, row_id), column)
        end: int = getattr(self.row(owner, row_id + 1), column) if row_id < self.count(owner) else total + 1
        places = range(max(start, 1), min(end, total + 1))
        return [self.row(pointers, place)[0] for place in places] if self.count(pointers) else places

    def _place(self, heap: str, index: int) -> tuple[int, int]:
        start, size = self._streams.get(heap, (0, 0))
        if not 0 <= index < size:
            raise FormatError(f"index {index:#x} is outside the {heap} heap of {size} bytes", source=self._source)
        return start + index, start + size

    def _read_root(self) -> tuple[str, dict[str, tuple[int, int]]]:
        if self._bytes(0, 4) != SIGNATURE:
            raise FormatError("no metadata here: BSJB is missing", source=self._source, offset=0)
        (length,) = self._unpack("<I", 12)
        if length > 256:
            raise LimitExceeded(f"a version text of {length} bytes", source=self._source, offset=12)
        version = bytes(self._bytes(16, length)).split(b"\0")[0].decode("ascii", "replace")
        _, count = self._unpack("<HH", 16 + length)
        if count > MAX_STREAMS:
            raise LimitExceeded(f"{count} metadata streams", source=self._source, offset=18 + length)
        position, streams = 20 + length, {}
        for _ in range(count):
            offset, size = self._unpack("<II", position)
            name = bytes(self._bytes(position + 8, MAX_NAME)).split(b"\0")[0]
            position += 8 + (len(name) // 4 + 1) * 4
            available = max(0, min(size, len(self._data) - offset))
            streams[name.decode("ascii", "replace")] = (offset, available)
        return version, streams

    def _read_tables(self) -> dict[int, Table]:
        name = "#~" if "#~" in self._streams else "#-"
        start, size = self._streams.get(name, (0, 0))
        if not size:
            raise FormatError("no table stream", source=self._source)
        (heap_sizes,) = self._unpack("<B", start + 6)
        (present,) = self._unpack("<Q", start + 8)
        position, counts = start + 24, {}
        for number in range(64):
            if present >> number & 1:
                (counts[number],) = self._unpack("<I", position)
                position += 4
        if heap_sizes & 0x40:
            position += 4
        return self._place_tables(position, start + size, counts, heap_sizes)

    def _place_tables(self, position: int, end: int, counts: dict[int, int], heap_sizes: int) -> dict[int, Table]:
        sizes = dict(self._referenced_rows()) | counts
        tables = {}
        for number, count in counts.items():
            kind = _TABLES.get(number)
            if kind is None:
                raise FormatError(f"unknown metadata table {number:#04x}", source=self._source)
            layout = _layout(kind, sizes, heap_sizes)
            if position + count * layout.size > end:
                raise LimitExceeded(f"{count} rows of table {number:#04x} leave its stream", source=self._source)
            tables[number] = Table(position, count, layout)
            position += count * layout.size
        return tables

    def _referenced_rows(self) -> Iterator[tuple[int, int]]:
        """Yield (table, rows) of the assembly that a portable PDB belongs to, from its #Pdb stream."""
        start, size = self._streams.get("#Pdb", (0, 0))
        if size < 32:
            return
        (present,) = self._unpack("<Q", start + 24)
        position = start + 32
        for number in range(64):
            if present >> number & 1:
                yield number, self._unpack("<I", position)[0]
                position += 4


def read_compressed(data: bytes | memoryview, position: int, source: str = "") -> tuple[int, int]:
    """Return an unsigned compressed integer and the position after it (ECMA-335 II.23.2)."""
    try:
        first = data[position]
        if first & 0x80 == 0:
            return first, position + 1
        if first & 0xC0 == 0x80:
            return (first & 0x3F) << 8 | data[position + 1], position + 2
        if first & 0xE0 == 0xC0:
            tail = data[position + 1 : position + 4]
            return (first & 0x1F) << 24 | tail[0] << 16 | tail[1] << 8 | tail[2], position + 4
    except IndexError as error:
        raise FormatError("a compressed integer is cut", source=source, offset=position) from error
    raise FormatError(f"{first:#x} starts no compressed integer", source=source, offset=position)


def read_compressed_signed(data: bytes | memoryview, position: int, source: str = "") -> tuple[int, int]:
    """Return a signed compressed integer and the position after it (ECMA-335 II.23.2)."""
    value, end = read_compressed(data, position, source)
    bits = {1: 6, 2: 13, 4: 28}[end - position]
    return (value >> 1) - (1 << bits) if value & 1 else value >> 1, end


def _layout(table: type[Row], sizes: dict[int, int], heap_sizes: int) -> Struct:
    widths = [_width(column, sizes, heap_sizes) for column in table.columns]
    return Struct("<" + "".join("H" if width == 2 else "I" for width in widths))


def _width(column: Column, sizes: dict[int, int], heap_sizes: int) -> int:
    if isinstance(column, Fixed):
        return column.size
    if isinstance(column, Heap):
        return 4 if heap_sizes & column.bit else 2
    if isinstance(column, RowId):
        return 4 if sizes.get(column.table, 0) > 0xFFFF else 2
    largest = max(sizes.get(table, 0) for table in column.tables)
    return 4 if largest >= 1 << (16 - column.tag_bits) else 2
