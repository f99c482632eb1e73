from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from dotdump.clr.model.known_values import DateOnly, DateTime, DateTimeOffset, TimeOnly, TimeSpan, known_value
from dotdump.errors import FormatError


def test_a_decimal_has_all_its_digits_sign_and_scale() -> None:
    largest = bytes(4) + b"\xff" * 12
    assert known_value("System.Decimal", largest) == Decimal(79228162514264337593543950335)
    assert str(known_value("System.Decimal", bytes.fromhex("00000280 00000000 4b61000000000000"))) == "-249.07"


@pytest.mark.parametrize("flags", ["00001d00", "01000000", "00000001"])
def test_flags_that_no_decimal_has_are_an_error(flags: str) -> None:
    with pytest.raises(FormatError):
        known_value("System.Decimal", bytes.fromhex(flags) + bytes(12))


def test_a_guid_is_read_as_its_text_shows_it() -> None:
    text = "00112233-4455-6677-8899-aabbccddeeff"
    assert known_value("System.Guid", bytes.fromhex("33221100554477668899aabbccddeeff")) == UUID(text)


def test_a_date_keeps_its_last_digit_and_its_kind() -> None:
    days = date(2024, 2, 29).toordinal() - 1
    ticks = (days * 86400 + 12 * 3600 + 34 * 60 + 56) * 10_000_000 + 1_234_567
    found = known_value("System.DateTime", (ticks | 1 << 62).to_bytes(8, "little"))
    assert found == DateTime(ticks, 1)
    assert str(found) == "2024-02-29T12:34:56.1234567Z"
    assert isinstance(found, DateTime)
    assert found.to_datetime().microsecond == 123456
    assert str(DateTimeOffset(ticks, -90)) == "2024-02-29T11:04:56.1234567-01:30"


def test_a_date_that_no_program_has_is_text_and_no_date_of_python() -> None:
    found = known_value("System.DateTime", (0x3FFFFFFFFFFFFFFF).to_bytes(8, "little"))
    assert isinstance(found, DateTime)
    assert str(found)
    with pytest.raises(OverflowError):
        found.to_datetime()


@pytest.mark.parametrize("minutes", ["a6ff", "a6ffffff"])
def test_the_minutes_of_a_moment_lie_before_it(minutes: str) -> None:
    data = bytes.fromhex(minutes).ljust(8, b"\0") + (1 << 62 | 36_000_000_000).to_bytes(8, "little")
    assert known_value("System.DateTimeOffset", data) == DateTimeOffset(36_000_000_000, -90)


def test_times_and_days_have_their_usual_text() -> None:
    assert str(known_value("System.TimeSpan", (-864_000_000_001).to_bytes(8, "little", signed=True))) == (
        "-1.00:00:00.0000001"
    )
    assert str(TimeOnly(36_000_000_000)) == "01:00:00"
    assert str(DateOnly(0)) == "0001-01-01"
    assert TimeSpan(1) < TimeSpan(2)


def test_a_day_beyond_the_calendar_is_shown_as_a_number() -> None:
    assert str(DateOnly(2**31 - 1)) == "day 2147483647"
    assert str(DateTime((1 << 62) - 1)).startswith("day ")


def test_a_half_has_no_more_digits_than_it_needs() -> None:
    assert known_value("System.Half", bytes.fromhex("662e")) == 0.1


def test_other_structs_are_not_known_and_short_ones_an_error() -> None:
    assert known_value("Corpus.Money", bytes(16)) is None
    with pytest.raises(FormatError):
        known_value("System.Guid", bytes(15))
