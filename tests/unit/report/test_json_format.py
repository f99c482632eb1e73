"""Results as JSON text: one line for what holds nothing, and what is inline in a record."""

from __future__ import annotations

import json
from enum import Enum
from typing import ClassVar

import pytest

from dotdump.records import record
from dotdump.report.json_format import json_line, render_json


class Colour(Enum):
    RED = "red"


@record
class Place:
    name: str
    tags: tuple[str, ...] = ()


@record
class Visit:
    place: Place
    day: int | None
    notes: tuple[Place, ...] = ()
    json_inline: ClassVar[str] = "place"


def test_what_holds_nothing_is_on_one_line_and_says_the_schema_first() -> None:
    assert render_json("dotdump/x/1", {"rows": [Place("a%s"), Place('b"')], "none": []}) == (
        '{\n  "schema": "dotdump/x/1",\n  "rows": [\n'
        '    {"name": "a%s", "tags": []},\n    {"name": "b\\"", "tags": []}\n  ],\n  "none": []\n}'
    )


def test_the_members_of_an_inline_record_stand_in_its_place() -> None:
    home = Place("home")
    text = render_json("dotdump/x/1", {"rows": [Visit(home, 1), Visit(home, None), Visit(Place("sea"), 3)]})
    assert text.splitlines()[3:6] == [
        '    {"name": "home", "tags": [], "day": 1, "notes": []},',
        '    {"name": "home", "tags": [], "day": null, "notes": []},',
        '    {"name": "sea", "tags": [], "day": 3, "notes": []}',
    ]


@pytest.mark.parametrize("visit", [Visit(Place("a", ("x",)), 1), Visit(Place("a"), 1, (Place("b"),))])
def test_a_record_whose_members_hold_something_is_over_several_lines_with_the_same_members(visit: Visit) -> None:
    (found,) = json.loads(render_json("dotdump/x/1", {"rows": [visit]}))["rows"]
    notes = [{"name": note.name, "tags": [*note.tags]} for note in visit.notes]
    assert found == {"name": "a", "tags": [*visit.place.tags], "day": 1, "notes": notes}
    assert json.loads(json_line(visit)) == found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Colour.RED, '"red"'),
        (b"\x00\xff", '"00ff"'),
        (True, "true"),
        (1.5, "1.5"),
        ({1: {2}}, '{\n    "1": [2]\n  }'),
        ({}, "{}"),
        ("\ud800é", '"\\\\ud800é"'),
    ],
)
def test_values_of_every_kind_are_written(value: object, text: str) -> None:
    assert render_json("dotdump/x/1", {"it": value}) == f'{{\n  "schema": "dotdump/x/1",\n  "it": {text}\n}}'
    assert json.loads(json_line({"it": value})) == {"it": json.loads(text)}


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        render_json("dotdump/x/1", {"it": object()})
    with pytest.raises(TypeError, match="a result is a record or a mapping, not list"):
        render_json("dotdump/x/1", [])
