"""Value types that everybody knows, as Python values: ``decimal``, ``Guid``, dates and times.

Dates and times keep their 100 ns: Python's own would lose a digit. Source of truth: Decimal.cs, DateTime.cs,
DateTimeOffset.cs, TimeSpan.cs, DateOnly.cs, TimeOnly.cs, Guid.cs; the same bytes from 3.1 to 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from struct import Struct
from typing import TYPE_CHECKING
from uuid import UUID

from dotdump.clr.contracts.primitive_values import shortest
from dotdump.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable

_TICKS_PER_SECOND = 10_000_000
_TICKS_PER_DAY = 86_400 * _TICKS_PER_SECOND
_LAST_DAY = date.max.toordinal()
_TICKS_MASK = (1 << 62) - 1
_DECIMAL = Struct("<IIQ")
_DATE_TIME_OFFSET = Struct("<h6xQ")
"""Minutes (4 bytes of them in 10), then the moment: the runtime lays numbers before structs."""
_HALF = Struct("<e")
_NEGATIVE = 1 << 31
_LARGEST_SCALE = 28


@dataclass(frozen=True, slots=True, order=True)
class TimeSpan:
    """A length of time in ticks of 100 ns."""

    ticks: int

    def __str__(self) -> str:
        days, rest = divmod(abs(self.ticks), _TICKS_PER_DAY)
        return f"{'-' if self.ticks < 0 else ''}{f'{days}.' if days else ''}{_clock(rest)}"


@dataclass(frozen=True, slots=True, order=True)
class DateTime:
    """A moment, in ticks of 100 ns since the first of January of year 1; ``kind`` 1 is UTC, 2 and 3 are local time."""

    ticks: int
    kind: int = 0

    def __str__(self) -> str:
        days, rest = divmod(self.ticks, _TICKS_PER_DAY)
        return f"{_day(days)}T{_clock(rest)}{'Z' if self.kind == 1 else ''}"

    def to_datetime(self) -> datetime:
        """Return it as Python has it, without the last digit and without a time zone.

        Raises ``OverflowError`` for a moment after the year 9999, which no program has and damage may.
        """
        return datetime.min + timedelta(microseconds=self.ticks // 10)  # noqa: DTZ901 - .NET's own has no zone either


@dataclass(frozen=True, slots=True, order=True)
class DateTimeOffset:
    """A moment in UTC, in ticks as ``DateTime`` has them, and how many minutes its clock was ahead of UTC."""

    ticks: int
    minutes: int = 0

    def __str__(self) -> str:
        hours, minutes = divmod(abs(self.minutes), 60)
        local = DateTime(self.ticks + self.minutes * 60 * _TICKS_PER_SECOND)
        return f"{local}{'-' if self.minutes < 0 else '+'}{hours:02}:{minutes:02}"


@dataclass(frozen=True, slots=True, order=True)
class DateOnly:
    """A day, counted from the first of January of year 1."""

    day: int

    def __str__(self) -> str:
        return _day(self.day)


@dataclass(frozen=True, slots=True, order=True)
class TimeOnly:
    """A time of day in ticks of 100 ns."""

    ticks: int

    def __str__(self) -> str:
        return _clock(self.ticks)


Known = Decimal | UUID | DateTime | DateTimeOffset | TimeSpan | DateOnly | TimeOnly | int | float


def known_value(type_name: str, data: bytes) -> Known | None:
    """Return the value of a struct whose bytes are ``data``, None where its type is not among these.

    Raises ``FormatError`` for bytes that no such value has.
    """
    entry = _KNOWN.get(type_name)
    if entry is None:
        return None
    size, convert = entry
    if len(data) < size:
        raise FormatError(f"{len(data)} bytes are no {type_name}", source="value")
    return convert(data[:size])


def size_of_known(type_name: str) -> int:
    """Return how many bytes ``known_value`` needs of a type, 0 for those it does not know."""
    return _KNOWN[type_name][0] if type_name in _KNOWN else 0


def _decimal(data: bytes) -> Decimal:
    flags, high, low = _DECIMAL.unpack(data)
    scale = flags >> 16 & 0xFF
    if scale > _LARGEST_SCALE or flags & 0x7F00FFFF:
        raise FormatError(f"no decimal has the flags {flags:#x}", source="value")
    digits = tuple(int(digit) for digit in str(high << 64 | low))
    return Decimal((1 if flags & _NEGATIVE else 0, digits, -scale))


def _date_time(data: bytes) -> DateTime:
    number = int.from_bytes(data, "little")
    return DateTime(number & _TICKS_MASK, number >> 62)


def _date_time_offset(data: bytes) -> DateTimeOffset:
    minutes, number = _DATE_TIME_OFFSET.unpack(data)
    return DateTimeOffset(number & _TICKS_MASK, minutes)


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _half(data: bytes) -> float:
    return shortest(_HALF.unpack(data)[0], _HALF)


_KNOWN: dict[str, tuple[int, Callable[[bytes], Known]]] = {
    "System.Decimal": (16, _decimal),
    "System.Guid": (16, lambda data: UUID(bytes_le=data)),
    "System.DateTime": (8, _date_time),
    "System.DateTimeOffset": (16, _date_time_offset),
    "System.TimeSpan": (8, lambda data: TimeSpan(_signed(data))),
    "System.DateOnly": (4, lambda data: DateOnly(_signed(data))),
    "System.TimeOnly": (8, lambda data: TimeOnly(_signed(data))),
    "System.Half": (2, _half),
    "System.Int128": (16, _signed),
    "System.UInt128": (16, lambda data: int.from_bytes(data, "little")),
}


def _day(number: int) -> str:
    if not 0 <= number < _LAST_DAY:
        return f"day {number}"
    return date.fromordinal(number + 1).isoformat()


def _clock(ticks: int) -> str:
    seconds, fraction = divmod(ticks, _TICKS_PER_SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:07}".rstrip("0") if fraction else text
