"""Portable PDBs: which line of which file an IL instruction comes from.

Source of truth: docs/design/specs/PortablePdb-Metadata.md of dotnet/runtime; PE-COFF.md beside it for how an assembly
names its PDB and holds one in itself.
"""

from __future__ import annotations

import zlib
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.metadata.image import Metadata, read_compressed, read_compressed_signed
from dotdump.formats.metadata.pdb_schema import Document, LocalScope, LocalVariable, MethodDebugInformation
from dotdump.formats.pe import CODEVIEW, EMBEDDED_PDB
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.formats.pe import DebugEntry, PeImage
    from dotdump.memory.window import Window

HIDDEN = 0xFEEFEE
"""The line of code that has none in the source."""

_ID_SIZE = 20
_EMBEDDED = Struct("<4sI")
_CODEVIEW = Struct("<4s16sI")
_PORTABLE = 0x504D


@record
class PdbName:
    """What an assembly says of its PDB: ``id`` (20 bytes) is in both; ``path`` is where the compiler put it."""

    id: bytes
    path: str


@record
class SequencePoint:
    """From IL offset ``il`` on the code is that of a range of the source; ``line`` counts from 1."""

    il: int
    document: int
    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    @property
    def is_hidden(self) -> bool:
        """Whether the code stands nowhere in the source."""
        return self.line == HIDDEN


@record
class _Scope:
    """The IL from ``start`` up to ``end`` sees local ``variables``, which are row ids."""

    start: int
    end: int
    variables: range


class PortablePdb:
    """A portable PDB, of bytes that start with ``BSJB``."""

    def __init__(self, data: bytes | memoryview | Window, source: str = "portable PDB") -> None:
        self._metadata = Metadata(data, source)
        self._source = source
        self.id = bytes(self._metadata.stream("#Pdb")[:_ID_SIZE])
        if len(self.id) < _ID_SIZE:
            raise FormatError("no #Pdb stream", source=source)

    def find_point(self, method_row_id: int, il: int) -> SequencePoint | None:
        """Return the last point of a method at or before an IL offset that is in the source, or None."""
        found = None
        for point in self.points(method_row_id):
            if point.il > il:
                break
            if not point.is_hidden:
                found = point
        return found

    def points(self, method_row_id: int) -> Iterator[SequencePoint]:
        """Yield the points of a method by IL offset; raises ``FormatError`` where they are damaged."""
        if not 1 <= method_row_id <= self._metadata.count(MethodDebugInformation):
            return
        row = self._metadata.row(MethodDebugInformation, method_row_id)
        if row.sequence_points:
            yield from _Points(self._metadata.blob(row.sequence_points), row.document, self._source)

    def document(self, row_id: int) -> str:
        """Return the path of a source file, as the compiler was given it."""
        blob = self._metadata.blob(self._metadata.row(Document, row_id).name)
        separator, position, parts = blob[:1].strip(b"\0").decode("utf-8", "replace"), 1, []
        length = 0
        while position < len(blob):
            index, position = read_compressed(blob, position, self._source)
            parts.append(self._metadata.blob(index).decode("utf-8", "replace") if index else "")
            length += len(parts[-1]) + 1
            if length > limits.DOCUMENT_NAME:
                raise LimitExceeded("a path without an end", source=self._source)
        return separator.join(parts)

    def locals_of(self, method_row_id: int, il: int) -> dict[int, str]:
        """Return the names of the locals of a method that are in scope at an IL offset, by their number."""
        names = {}
        for scope in self._scopes.get(method_row_id, ()):
            if scope.start <= il < scope.end:
                for row_id in scope.variables:
                    row = self._metadata.row(LocalVariable, row_id)
                    names[row.slot] = self._metadata.string(row.name)
        return names

    @cached_property
    def _scopes(self) -> dict[int, list[_Scope]]:
        rows, total = list(self._metadata.rows(LocalScope)), self._metadata.count(LocalVariable)
        found: dict[int, list[_Scope]] = {}
        reached = 1  # variables of a scope stand behind those of the one before: no table is gone through twice
        for index, row in enumerate(rows):
            end = rows[index + 1].variable_list if index + 1 < len(rows) else total + 1
            variables = range(max(row.variable_list, reached), min(end, total + 1))
            reached = max(reached, variables.stop)
            scope = _Scope(row.start_offset, row.start_offset + row.length, variables)
            found.setdefault(row.method, []).append(scope)
        return found


class _Points:
    """The points of one blob; each but the first is written as a difference from the one before."""

    def __init__(self, blob: bytes, document: int, source: str) -> None:
        self._blob = blob
        self._source = source
        self._position = 0
        self._unsigned()
        self._document = document or self._unsigned()

    def __iter__(self) -> Iterator[SequencePoint]:
        il, line, column, is_first, has_place = 0, 0, 0, True, False
        while self._position < len(self._blob):
            step = self._unsigned()
            if not is_first and step == 0:
                self._document = self._unsigned()
                continue
            il, is_first = il + step, False
            lines = self._unsigned()
            columns = self._signed() if lines else self._unsigned()
            if not lines and not columns:
                yield SequencePoint(il, self._document, HIDDEN)
                continue
            line = line + self._signed() if has_place else self._unsigned()
            column = column + self._signed() if has_place else self._unsigned()
            has_place = True
            yield SequencePoint(il, self._document, line, column, line + lines, column + columns)

    def _unsigned(self) -> int:
        value, self._position = read_compressed(self._blob, self._position, self._source)
        return value

    def _signed(self) -> int:
        value, self._position = read_compressed_signed(self._blob, self._position, self._source)
        return value


def pdb_name(image: PeImage) -> PdbName | None:
    """Return what an assembly's debug directory says of its portable PDB, or None; raises ``FormatError``."""
    for entry in image.debug_entries():
        if entry.type == CODEVIEW and entry.minor == _PORTABLE:
            data = image.debug_data(entry)
            magic, guid, _ = _CODEVIEW.unpack(data[: _CODEVIEW.size].ljust(_CODEVIEW.size, b"\0"))
            if magic == b"RSDS":
                path = data[_CODEVIEW.size :].split(b"\0", 1)[0].decode("utf-8", "replace")
                return PdbName(guid + entry.timestamp.to_bytes(4, "little"), path)
    return None


def embedded_pdb(image: PeImage) -> bytes | None:
    """Return the PDB that an assembly holds in itself, unpacked, or None; raises ``FormatError``."""
    for entry in image.debug_entries():
        if entry.type == EMBEDDED_PDB:
            return _unpack(image, entry)
    return None


def _unpack(image: PeImage, entry: DebugEntry) -> bytes:
    data = image.debug_data(entry)
    magic, size = _EMBEDDED.unpack(data[: _EMBEDDED.size].ljust(_EMBEDDED.size, b"\0"))
    if magic != b"MPDB":
        raise FormatError("an embedded PDB without MPDB", source="portable PDB")
    if not 0 < size <= limits.PDB:  # zlib takes 0 for no bound
        raise LimitExceeded(f"an embedded PDB of {size} bytes", source="portable PDB")
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[_EMBEDDED.size :], size)
    except zlib.error as error:
        raise FormatError(f"an embedded PDB that cannot be unpacked: {error}", source="portable PDB") from error
