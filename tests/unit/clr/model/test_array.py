"""Elements of an array of pointers, on memory that counts how often it is asked for the length."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.clr.model.array import ClrArray

if TYPE_CHECKING:
    from dotdump.clr.model.object import ClrObject

ADDRESS, LENGTH = 0x1000, 5


class Source:
    """The object that an array of five pointers is."""

    def __init__(self) -> None:
        self.asked = 0
        self.address = ADDRESS
        self.shape = SimpleNamespace(base_size=24, component_size=8, contains_pointers=False)
        self.type = SimpleNamespace(element_type=None)
        self.heap = SimpleNamespace(access=SimpleNamespace(reader=SimpleNamespace(u64=lambda place: place)))

    @property
    def length(self) -> int:
        self.asked += 1
        return LENGTH


def elements(first: int = 0, count: int | None = None) -> list[int]:
    """Return the elements, each of which is the place that it lies at, as numbers."""
    found = ClrArray(cast("ClrObject", Source())).elements(first, count)
    return [(place - ADDRESS - 16) // 8 for place in found if isinstance(place, int)]


def test_elements_are_those_that_are_there() -> None:
    assert elements() == [0, 1, 2, 3, 4]
    assert (elements(1, 2), elements(3, 100), elements(5), elements(9), elements(2, 0)) == ([1, 2], [3, 4], [], [], [])
    with pytest.raises(IndexError):
        elements(-1)


def test_the_length_is_not_asked_for_with_each_element() -> None:
    source = Source()
    assert len(list(ClrArray(cast("ClrObject", source)).elements())) == LENGTH
    assert source.asked <= 2
