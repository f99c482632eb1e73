"""The references of one object, on arrays of structs that never were."""

from __future__ import annotations

import pytest

from builders.clr import FakeTarget
from dotdump.clr.contracts.method_tables import ObjectShape
from dotdump.clr.contracts.object_references import read_references
from dotdump.memory.reader import Reader

TABLE, ARRAY = 0x7F0000100000, 0x7F0000200000
BASE, ELEMENT = 24, 16
OURS, HEADER = 0x7F0000300000, 0x0123456700000000


@pytest.mark.parametrize(
    ("start", "expected"), [(16, [(16, OURS), (32, OURS + 16)]), (24, [(24, OURS + 8), (40, OURS + 24)])]
)
def test_the_header_of_the_next_object_is_no_reference(start: int, expected: list[tuple[int, int]]) -> None:
    """Two structs of two words, of which one is a reference; the header behind them has a hash code."""
    target = FakeTarget()
    target.words(TABLE - 24, 1 | 8 << 32, start, (1 << 64) - 1)
    target.words(ARRAY, TABLE, 2, OURS, OURS + 8, OURS + 16, OURS + 24, HEADER)
    shape = ObjectShape(TABLE, BASE, ELEMENT, contains_pointers=True, collectible=False)
    assert list(read_references(Reader(target.memory), shape, ARRAY, BASE + 2 * ELEMENT)) == expected
