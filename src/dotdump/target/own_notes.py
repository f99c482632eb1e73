"""What a core of our own making says beyond the kernel's notes: every mapping, origin, trailer, gaps.

Cores of other makers have none of it; everything here then changes nothing. Notes that cannot be understood are
reported and passed over. Source of truth: docs/formats/core-writing.md.
"""

from __future__ import annotations

from bisect import bisect_right

from dotdump.errors import FormatError
from dotdump.formats.dotdump_notes import (
    OWNER,
    DotdumpNote,
    parse_maps,
    parse_origin,
    parse_trailer,
    trailer_size,
)
from dotdump.limits import NOTE_SEGMENT
from dotdump.target.model import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeVar

    from dotdump.formats.dotdump_notes import Gap, Origin, Trailer
    from dotdump.formats.notes import Note
    from dotdump.memory.region_table import RegionTable
    from dotdump.memory.segments import LoadSegment
    from dotdump.memory.space import AddressSpace

    T = TypeVar("T")

_TRAILER_START = 20


def origin_of(notes: Iterable[Note], problems: list[Problem]) -> Origin | None:
    """Return who wrote the core and how, or None where it was not us."""
    return _parsed(notes, DotdumpNote.ORIGIN, parse_origin, problems)


def maps_of(notes: Iterable[Note], problems: list[Problem]) -> RegionTable | None:
    """Return the target's mappings as they were, or None."""
    return _parsed(notes, DotdumpNote.MAPS, parse_maps, problems)


def _parsed(notes: Iterable[Note], kind: DotdumpNote, parse: Callable[[bytes], T], problems: list[Problem]) -> T | None:
    for note in notes:
        if (note.owner, note.type) == (OWNER, kind):
            try:
                return parse(note.data)
            except FormatError as error:
                problems.append(Problem("notes", error.message))
    return None


def read_trailer(source: AddressSpace, end: int, name: str) -> Trailer | Problem:
    """Return the trailer that stands behind ``end``, the last byte of the last segment, or what is wrong with it."""
    at = end + -end % 4
    size = trailer_size(source.read_available(at, _TRAILER_START))
    if size is None:
        return Problem("cut", f"{name} has no trailer: it was cut, or not finished when its writer ended")
    try:
        return parse_trailer(source.read_available(at, min(size, NOTE_SEGMENT)))
    except FormatError as error:
        return Problem("cut", f"{name}: {error.message}")


def without_gaps(loads: Iterable[LoadSegment], gaps: Sequence[Gap]) -> Iterator[LoadSegment]:
    """Yield the segments cut at the gaps: what could not be read when the core was written is not there."""
    ordered = sorted(gaps, key=lambda gap: gap.start)
    starts = [gap.start for gap in ordered]
    for load in loads:
        start, size, _, _ = load
        first = max(0, bisect_right(starts, start) - 1)
        yield from _cut(load, ordered[first : bisect_right(starts, start + size - 1)])


def _cut(load: LoadSegment, gaps: Iterable[Gap]) -> Iterator[LoadSegment]:
    start, size, _, stored = load
    end, stored_end = start + size, start + stored
    for gap in gaps:
        if gap.end <= start or gap.start >= stored_end:
            continue
        yield _part(load, start, gap.end, max(gap.start, start))
        start = gap.end
    if start < end:
        yield _part(load, start, end, max(start, stored_end))


def _part(load: LoadSegment, start: int, end: int, stored_end: int) -> LoadSegment:
    first, _, offset, _ = load
    return start, end - start, offset + start - first, stored_end - start
