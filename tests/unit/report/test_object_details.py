"""Texts of objects: whole, or cut and said to be."""

from __future__ import annotations

import pytest

from dotdump.analysis.whole_object import Held, HeldItem, Links, ObjectDetails
from dotdump.report.object_details import render_object


def shown(text: str, length: int | None, held: Held | None = None) -> list[str]:
    """Return the lines of an object that has a text."""
    nothing = Links(0, ())
    found = ObjectDetails(
        "0x1000", "T", "0x2000", None, 24, "gen0", length, text, None, (), held, nothing, None, None, None, ()
    )
    return render_object(found, None).splitlines()


@pytest.mark.parametrize(("length", "told"), [(3, '"abc"'), (4, '"abc…"')])
def test_a_text_that_is_cut_says_so(length: int, told: str) -> None:
    assert f"text:        {told}" in shown("abc", length)


def test_a_builder_is_its_text_and_no_table_of_one_item() -> None:
    lines = shown("abc", None, Held("StringBuilder", 5000, (HeldItem("0", "abc", '"abc"'),)))
    assert lines[3:5] == ["length:      5,000", 'text:        "abc…"']
    assert not [line for line in lines if "KEY" in line]
