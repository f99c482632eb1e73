"""Values beside each other, and beside what somebody wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dotdump.analysis.comparison import compare
from dotdump.clr.model.known_values import DateOnly, DateTime, DateTimeOffset, TimeOnly, TimeSpan

if TYPE_CHECKING:
    from dotdump.clr.model.value import Value

HOUR = 36_000_000_000
DAY = 24 * HOUR
LEAP_DAY = 738_944
"""2024-02-29, counted from the first of January of year 1."""


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        (TimeSpan(3 * DAY), TimeSpan(10 * DAY)),
        (TimeSpan(3 * DAY), "10.00:00:00"),
        ("-00:00:01", TimeSpan(0)),
        (TimeSpan(-HOUR), "-00:30"),
        (TimeSpan(5 * HOUR), "05:00:00.0000001"),
        (DateTime(LEAP_DAY * DAY), "2024-03"),
        ("2024-02-29T09:59:59", DateTime(LEAP_DAY * DAY + 10 * HOUR, 1)),
        (DateTimeOffset(LEAP_DAY * DAY + HOUR, 540), "2024-02-29 01:30Z"),
        ("2024-02-29T10:00+09:30", DateTimeOffset(LEAP_DAY * DAY + HOUR)),
        (DateTimeOffset(LEAP_DAY * DAY + HOUR, 540), DateTimeOffset(LEAP_DAY * DAY + 2 * HOUR, -540)),
        (DateOnly(LEAP_DAY), "2024-03-01"),
        (TimeOnly(9 * HOUR), "9:30"),
        (2, 10),
        (10, float("inf")),
        ("10", "2"),
    ],
)
def test_of_two_values_one_is_smaller(smaller: Value, larger: Value) -> None:
    assert compare("<", smaller, larger)
    assert compare(">", larger, smaller)
    assert not compare("=", smaller, larger)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (TimeSpan(DAY + 12 * HOUR), "1.12:00:00"),
        (DateTime(LEAP_DAY * DAY, 1), "2024-02-29T00:00:00Z"),
        (DateTimeOffset(LEAP_DAY * DAY, 540), DateTimeOffset(LEAP_DAY * DAY, -90)),
        (DateTimeOffset(LEAP_DAY * DAY, 540), "2024-02-28T22:30-01:30"),
        (DateOnly(LEAP_DAY), "2024-02-29"),
    ],
)
def test_the_same_time_is_equal_however_it_is_written(left: Value, right: Value) -> None:
    assert compare("=", left, right)
    assert compare("<=", left, right)
    assert not compare("!=", left, right)


@pytest.mark.parametrize("text", ["soon", "3 days", "2024-02-30", "10:00:00:00", ""])
@pytest.mark.parametrize("time", [TimeSpan(1), DateTime(1), DateTimeOffset(1)])
def test_what_is_no_time_has_no_order_beside_one(time: Value, text: str) -> None:
    assert not compare("<", time, text)
    assert not compare(">=", time, text)
    assert not compare("=", time, 1)
    assert not compare("!=", time, text)


@pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("other", [float("nan"), 5, "soon"])
def test_what_is_no_number_meets_no_condition(operator: str, other: Value) -> None:
    assert not compare(operator, float("nan"), other)


def test_null_is_unlike_all_else() -> None:
    assert compare("=", None, None)
    assert compare("!=", None, 5)
    assert compare("!=", "text", None)
    assert not compare("<", None, 5)
