from __future__ import annotations

import pytest

from dotdump.clr.contracts.gc_desc import pointer_slots


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
