"""Arrays in one line, on objects that have nothing but a type and lengths."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.analysis.value_text import INLINE_ELEMENTS, describe, plain_of, text_of
from dotdump.clr.model.value import ClrStruct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.value import Value


@pytest.mark.parametrize(
    ("name", "lengths", "text"),
    [
        ("System.Int32[]", (3,), "System.Int32[3]"),
        ("System.Int32[,]", (2, 3), "System.Int32[2, 3]"),
        ("System.Int32[][]", (3,), "System.Int32[3][]"),
        ("System.Int32[][,]", (2, 3), "System.Int32[2, 3][]"),
        ("System.Int32[,][]", (5,), "System.Int32[5][,]"),
        ("System.Int32[][,][]", (5,), "System.Int32[5][,][]"),
        ("System.Int32*[]", (3,), "System.Int32*[3]"),
        ("Box<System.Int32[]>[]", (4,), "Box<System.Int32[]>[4]"),
        ("System.Int64[*]", (5,), "System.Int64[*] of 5"),
    ],
)
def test_lengths_stand_in_the_outermost_brackets(name: str, lengths: tuple[int, ...], text: str) -> None:
    kind = SimpleNamespace(name=name, is_string=False, is_value_type=False, is_array=True)
    found = SimpleNamespace(type=kind, array=SimpleNamespace(lengths=lengths))
    assert describe(cast("ClrObject", found)) == text


class Buffer(ClrStruct):
    """An inline array of numbers from 0 on."""

    def __init__(self, length: int) -> None:
        self.type = SimpleNamespace(name="Buffer", inline_element=object())  # type: ignore[assignment]  # a fake of it
        self._length = length

    @property
    def elements(self) -> Iterator[Value]:
        return iter(range(self._length))


def test_an_inline_array_is_its_elements() -> None:
    assert text_of(Buffer(3)) == "[0, 1, 2]"
    assert text_of(Buffer(INLINE_ELEMENTS + 1)).endswith(f" {INLINE_ELEMENTS - 1}, …]")


def test_what_is_no_number_is_written_as_net_does() -> None:
    values = [float("nan"), float("inf"), float("-inf")]
    assert [text_of(value) for value in values] == ["NaN", "Infinity", "-Infinity"]
    assert [plain_of(value) for value in values] == ["NaN", "Infinity", "-Infinity"]
