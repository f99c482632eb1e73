"""Times that somebody wrote beside one of a heap: as .NET and ISO 8601 have them, in ticks of 100 ns.

A span is ``-1.12:30:00.5``, a moment ``2024-02-29T12:30:00Z``, as much of it as is there from the left. An offset from
UTC counts where the moment has one of its own, and is 0 there where none is written.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from dotdump.clr.model.known_values import DateOnly, DateTime, DateTimeOffset, TimeOnly, TimeSpan

if TYPE_CHECKING:
    from dotdump.clr.model.value import Value

TIMES = (TimeSpan, DateTime, DateTimeOffset, DateOnly, TimeOnly)

_SECOND = 10_000_000
_MINUTE = 60 * _SECOND
_DAY = 1440 * _MINUTE
_CLOCK = r"(?P<hours>\d{1,2}):(?P<minutes>\d{2})(?::(?P<seconds>\d{2})(?:\.(?P<fraction>\d{1,7}))?)?"
_SPAN = re.compile(rf"(?P<sign>-?)(?:(?P<days>\d{{1,8}})\.)?{_CLOCK}", re.ASCII)
_MOMENT = re.compile(
    rf"(?P<year>\d{{4}})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:[T ]{_CLOCK})?)?)?(?P<zone>Z|[+-]\d\d:\d\d)?", re.ASCII
)


def ticks_of(kind: type, value: Value) -> int | None:
    """Return a value of ``kind``, one of ``TIMES``, or a text that says one, as a number; None for any other."""
    if isinstance(value, kind):
        return value.day * _DAY if isinstance(value, DateOnly) else getattr(value, "ticks", None)
    if not isinstance(value, str):
        return None
    if kind in (TimeSpan, TimeOnly):
        match = _SPAN.fullmatch(value)
        return _span(match) if match is not None else None
    match = _MOMENT.fullmatch(value)
    return _moment(match, with_zone=kind is DateTimeOffset) if match is not None else None


def _span(match: re.Match[str]) -> int:
    ticks = int(match["days"] or 0) * _DAY + _clock(match)
    return -ticks if match["sign"] else ticks


def _moment(match: re.Match[str], *, with_zone: bool) -> int | None:
    try:
        day = date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
    except ValueError:
        return None
    ticks = (day.toordinal() - 1) * _DAY + _clock(match)
    zone = match["zone"]
    if not with_zone or not zone or zone == "Z":
        return ticks
    ahead = (int(zone[1:3]) * 60 + int(zone[4:6])) * _MINUTE
    return ticks + ahead if zone[0] == "-" else ticks - ahead


def _clock(match: re.Match[str]) -> int:
    hours, minutes, seconds = (int(match[name] or 0) for name in ("hours", "minutes", "seconds"))
    fraction = int((match["fraction"] or "").ljust(7, "0"))
    return ((hours * 60 + minutes) * 60 + seconds) * _SECOND + fraction
