"""Texts in memory, against a search for each."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdump.dump.selection.texts import Texts, Wanted

TEXT = re.compile(rb"[\t\n\r\x20-\x7e]{8,}")
WIDE = re.compile(rb"(?:[\t\n\r\x20-\x7e]\0){4,}")
SMALL = st.lists(st.sampled_from([b"a", b"b", b"\0", b"a\0", b"\xff", b" ", b"abcabc"]), max_size=60).map(b"".join)


@given(SMALL)
def test_texts_are_runs_of_characters_of_one_byte_or_of_two(data: bytes) -> None:
    assert list(Texts(data).long()) == [found.span() for pattern in (TEXT, WIDE) for found in pattern.finditer(data)]


@given(st.data(), st.lists(st.text("ab \xff", min_size=6, max_size=9).map(str.encode), min_size=1, max_size=4))
def test_what_is_wanted_is_found_wherever_it_stands(drawn: st.DataObject, texts: list[bytes]) -> None:
    pieces = [*texts, *(text.decode().encode("utf-16-le") for text in texts), b"a", b"\0", b"\xff", b"b\0"]
    data = b"".join(drawn.draw(st.lists(st.sampled_from(pieces), max_size=12)))
    expected = set()
    for text in texts:
        for form in (text, text.decode().encode("utf-16-le")):
            at = data.find(form)
            while at >= 0:
                expected.add((at, at + len(form)))
                at = data.find(form, at + len(form))
    assert set(Wanted(texts).places_in(data, Texts(data))) == expected


@pytest.mark.parametrize("text", ["/home/anna", "a=b\x1b[0m", "München 1"])
def test_a_text_is_found_at_the_start_at_the_end_and_in_another(text: str) -> None:
    narrow, wide = text.encode(), text.encode("utf-16-le")
    data = narrow + b"\0\x01" + wide + b"\0\0before " + narrow + b" after\0\xff\xff" + wide + wide
    places = sorted(Wanted([narrow]).places_in(data, Texts(data)))
    assert [data[start:end] for start, end in places] == [narrow, wide, narrow, wide, wide]
