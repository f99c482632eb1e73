"""Conditions, on objects that have nothing but an address, a size and what special names ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdump.analysis.where import SPECIAL, Where
from dotdump.clr.model.known_values import TimeSpan
from dotdump.errors import ConditionError

if TYPE_CHECKING:
    from dotdump.clr.model.object import ClrObject


class Kind:
    name = "Corpus.Order"

    def find_field(self, name: str) -> None:
        assert name


class Thing:
    """What a condition asks of an object without fields."""

    address = 0x7F00
    size = 48
    length = 3
    generation = 2
    type = Kind()


THING = cast("ClrObject", Thing())


@pytest.fixture(autouse=True)
def _flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SPECIAL, "@flag", lambda _: True)


@pytest.mark.parametrize(
    "text",
    [
        "@size = 48",
        "@size == 48.0",
        "@size > 47 and @size < 49",
        "@size < 3 or @length = 3",
        "not @size < 3",
        "!(@size < 3 || @length > 3) && true",
        "@address >= 0x7f00",
        "@type ~ 'Order$'",
        '@type !~ "^System"',
        "'Corpus.Order' = @type",
        "@generation != null",
        "@flag ~ 'true' and @flag ~ true and @flag !~ 'True'",
        "@type > 'Corpus.Customer'",
        "1 < 2",
        "@size>47 and 3<@size",
    ],
)
def test_what_is_true_of_an_object_is_found_so(text: str) -> None:
    assert Where(text)(THING)


@pytest.mark.parametrize(
    "text",
    [
        "@size = 49",
        "@size = null",
        "Missing = 3",
        "Missing != 3",
        "Missing ~ 'x'",
        "Missing !~ 'x'",
        "Missing",
        "false",
    ],
)
def test_what_is_false_or_not_there_is_not(text: str) -> None:
    assert not Where(text)(THING)


def test_text_beside_a_time_is_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SPECIAL, "@elapsed", lambda _found: TimeSpan(10 * 864_000_000_000))
    assert Where("@elapsed > '3.00:00:00' and '09:00' < @elapsed")(THING)
    assert not Where("@elapsed = '3.00:00:00' or @elapsed < 'soon'")(THING)


def test_fields_that_no_object_had_are_named() -> None:
    condition = Where("Customer.Name = 'x' or Id = 5")
    condition(THING)
    assert condition.never_met == ["Customer.Name", "Id"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@size >",
        "@size > 5 and",
        "(@size > 5",
        "@size > 5)",
        "@nothing = 1",
        "a ~ '('",
        "#",
        "@size 5",
        "a ~ 'x{99999999999}'",
        "@size > " + "9" * 5000,
    ],
)
def test_what_is_no_condition_says_where_it_is_wrong(text: str) -> None:
    with pytest.raises(ConditionError):
        Where(text)


def test_and_binds_tighter_than_or() -> None:
    assert Where("true or false and false")(THING)


def test_deep_nesting_is_an_error_of_ours() -> None:
    with pytest.raises(ConditionError, match="deep"):
        Where("(" * 5000 + "true" + ")" * 5000)


@given(st.text(alphabet="@size()=<>~!&|'\"and ort05.x\\", max_size=40))
def test_any_text_is_a_condition_or_an_error_of_ours(text: str) -> None:
    try:
        Where(text)(THING)
    except ConditionError:
        return
