from __future__ import annotations

import pytest

from builders.clr import FakeTarget
from dotdump.clr.contracts.gc_desc import pointer_slots, read_gc_desc
from dotdump.clr.contracts.method_tables import ObjectShape
from dotdump.errors import FormatError
from dotdump.memory.reader import Reader

TABLE = 0x7F0000100000
ARRAY_BASE, ELEMENT = 24, 32
"""Of an array of structs: its elements begin 16 bytes behind the object's start."""


@pytest.mark.parametrize(
    ("description", "component_size", "count", "size", "slots"),
    [
        ((0,), 0, 7, 7 * 24, 0),
        ((1, 8, 16 - 32), 0, 5, 5 * 32, 5 * 2),
        ((1, 16, -24), 8, 2, 2 * 24 + 8 * 10, 10),
        ((-1, 16, 1, 8), 16, 2, 2 * 24 + 16 * 10, 10 + 2),
        ((1, 8, 1 << 60), 0, 5, 5 * 32, 5 * 4),
        ((-1, 16, 1 << 31, 8), 1, 2, 2 * 24 + 1600, 206),
        ((1, 8, -(1 << 60)), 0, 5, 5 * 32, 0),
    ],
)
def test_there_is_room_for_all_references_and_for_no_more_than_words(
    description: tuple[int, ...], component_size: int, count: int, size: int, slots: int
) -> None:
    assert pointer_slots(description, 24, component_size, count, size) == slots


def pattern_of(start: int, pointers: int, skip: int) -> tuple[int, ...]:
    """Return what is read of an array whose elements repeat one run of references, the first one at ``start``."""
    target = FakeTarget()
    target.words(TABLE - 24, pointers | skip << 32, start, (1 << 64) - 1)
    return read_gc_desc(
        Reader(target.memory), ObjectShape(TABLE, ARRAY_BASE, ELEMENT, contains_pointers=True, collectible=False)
    )


@pytest.mark.parametrize("offset", [0, 8, 16, 24])
def test_the_first_reference_may_lie_anywhere_in_an_element(offset: int) -> None:
    assert pattern_of(16 + offset, 1, 24) == (-1, 16 + offset, 1, 24)


@pytest.mark.parametrize(("start", "pointers", "skip"), [(8, 1, 24), (48, 1, 24), (20, 1, 24), (16, 1, 16), (16, 0, 0)])
def test_a_pattern_that_is_none_of_the_elements_is_refused(start: int, pointers: int, skip: int) -> None:
    with pytest.raises(FormatError, match="a pattern of"):
        pattern_of(start, pointers, skip)
