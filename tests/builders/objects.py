"""Managed objects from first principles: words of heap memory, and the type table that a walk needs."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class FakeType:
    """A type at ``method_table``: sizes in bytes, a component size of 0 where objects have no length."""

    method_table: int
    base_size: int
    component_size: int = 0

    def words(self, length: int = 0, *, marks: int = 0, fill: int = 0) -> list[int]:
        """Return the words of one object."""
        size = (self.base_size + self.component_size * length + 7) // 8
        body = [fill] * size
        body[0] = self.method_table | marks
        if self.component_size:
            body[1] = length
        return body


def type_table(types: Sequence[FakeType], slots: int, invalid: Iterable[int] = ()) -> array[int]:
    """Return an open-addressed table as kernels read it, written here a second time on purpose."""
    table = array("Q", [0] * (4 * slots))
    rows = [(t.method_table, t.base_size, t.component_size, i) for i, t in enumerate(types)]
    for row in [*rows, *((address, 0, 0, 0xFFFFFFFF) for address in invalid)]:
        slot = ((row[0] >> 3) * 0x9E3779B97F4A7C15 % 2**64 >> 40) % slots
        while table[4 * slot]:
            slot = (slot + 1) % slots
        table[4 * slot : 4 * slot + 4] = array("Q", row)
    return table
