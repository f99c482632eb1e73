"""Ready-to-run images: their sections, and the exception clauses of the methods in them.

Source of truth: ``inc/readytorun.h``; docs/design/coreclr/botr/readytorun-format.md.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from dotdump.errors import FormatError, LimitExceeded
from dotdump.limits import EXCEPTION_CLAUSES
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.formats.pe import PeImage

IMPORT_SECTIONS, RUNTIME_FUNCTIONS, METHOD_ENTRY_POINTS, EXCEPTION_INFO = 101, 102, 103, 104
"""Types of sections."""

_SIGNATURE = b"RTR\0"
_HEADER = Struct("<4sHHII")
_SECTION = Struct("<III")
_LOOKUP = Struct("<II")
_CLAUSE = Struct("<IIIIII")
_FILTER = 1
_MOST_SECTIONS = 256


@record
class ExceptionClause:
    """A handler from ``start`` to ``end`` of its method; ``filter`` is where its filter begins, None for none."""

    start: int
    end: int
    filter: int | None

    @classmethod
    def of(cls, flags: int, start: int, end: int, filter_offset: int) -> ExceptionClause:
        """Return the clause that has these fields."""
        return cls(start, end, filter_offset if flags & _FILTER else None)


def find_section(image: PeImage, kind: int) -> tuple[int, int]:
    """Return (RVA, size) of a section of a ready-to-run image; (0, 0) where it has none. Raises ``FormatError``."""
    header = image.cli_header
    rva, size = header.managed_native_header if header is not None else (0, 0)
    if size < _HEADER.size:
        return 0, 0
    signature, _, _, _, count = _HEADER.unpack(image.read(rva, _HEADER.size))
    if signature != _SIGNATURE:
        raise FormatError("no ready-to-run header", source="image")
    if count > _MOST_SECTIONS:
        raise LimitExceeded(f"{count} sections", source="ready-to-run image")
    rows = _SECTION.iter_unpack(image.read(rva + _HEADER.size, count * _SECTION.size))
    return next(((place, length) for found, place, length in rows if found == kind), (0, 0))


def read_exception_clauses(image: PeImage, method: int) -> list[ExceptionClause]:
    """Return the clauses of the method whose code begins at RVA ``method``.

    The section lists methods with clauses in order, each with where they begin; they end where the next ones do.
    """
    place, size = find_section(image, EXCEPTION_INFO)
    low, high = 0, size // _LOOKUP.size - 1
    while low < high:
        middle = (low + high) // 2
        begin, first = _LOOKUP.unpack(image.read(place + middle * _LOOKUP.size, _LOOKUP.size))
        if begin == method:
            _, end = _LOOKUP.unpack(image.read(place + (middle + 1) * _LOOKUP.size, _LOOKUP.size))
            return _read_clauses(image, first, end)
        low, high = (middle + 1, high) if begin < method else (low, middle)
    return []


def _read_clauses(image: PeImage, first: int, end: int) -> list[ExceptionClause]:
    count = (end - first) // _CLAUSE.size
    if not 0 <= count <= EXCEPTION_CLAUSES:
        raise LimitExceeded(f"{count} clauses", source="exception information", offset=first)
    rows = _CLAUSE.iter_unpack(image.read(first, count * _CLAUSE.size))
    return [ExceptionClause.of(flags, start, stop, last) for flags, _, _, start, stop, last in rows]
