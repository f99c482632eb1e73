"""The header that NativeAOT's compiler leaves in a program: where its sections of read-only data lie in memory.

Source of truth: src/coreclr/tools/Common/Internal/Runtime/{ModuleHeaders,MetadataBlob}.cs of dotnet/runtime, the same
from 8 to 10. The header is exported under no name: it is recognised by its signature and the form of its rows.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNATURE = b"RTR\0"
_HEADER = Struct("<4sHHIHBB")
_ROW = Struct("<IIQQ")
_MOST_ROWS = 128
HEADER_SIZE = _HEADER.size + _MOST_ROWS * _ROW.size
"""Bytes that a header takes at most."""


class SectionId(IntEnum):
    """Sections by number, as far as used; blobs of reflection begin at 300."""

    TYPE_MAP = 301
    COMMON_FIXUPS = 308
    EMBEDDED_METADATA = 313
    STACK_TRACE_MAP = 327


@record
class Section:
    """``[start, end)`` in memory; an end of 0 is not known."""

    start: int
    end: int


def parse_native_header(data: bytes) -> Mapping[int, Section]:
    """Return the sections of the header that ``data`` begins with, by number; raises ``FormatError``."""
    if len(data) < _HEADER.size or data[:4] != SIGNATURE:
        raise FormatError("no signature", source="NativeAOT header", offset=0)
    _, major, _minor, _flags, count, size, _kind = _HEADER.unpack_from(data)
    if size != _ROW.size or not 0 < count <= _MOST_ROWS or _HEADER.size + count * size > len(data):
        raise FormatError(f"{count} rows of {size} bytes", source="NativeAOT header", offset=12)
    rows = (_ROW.unpack_from(data, _HEADER.size + index * size) for index in range(count))
    sections = {number: Section(start, end) for number, _, start, end in rows}
    if any(not number or (section.end and section.end < section.start) for number, section in sections.items()):
        raise FormatError(f"rows of version {major} that are none", source="NativeAOT header", offset=_HEADER.size)
    return sections
