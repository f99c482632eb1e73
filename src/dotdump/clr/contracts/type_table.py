"""``TypeTable``: the types met in a heap, numbered in the order they were met, in the form that kernels read.

Asks ``MethodTables`` once for each address; an address that is none is remembered as such. Grows by doubling.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.kernels import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.clr.contracts.method_tables import ObjectShape

_FIRST_SLOTS = 1 << 13
_WORDS = 4


class TypeTable:
    """Type index to ``ObjectShape``, and ``words``, the hash table by MethodTable that ``kernels.walk`` reads."""

    def __init__(self, find_shape: Callable[[int], ObjectShape | None]) -> None:
        self._find_shape = find_shape
        self._entries = 0
        self._invalid = 0
        self._indices: dict[int, int] = {}
        self.shapes: list[ObjectShape] = []
        self.words = array("Q", bytes(8 * _WORDS * _FIRST_SLOTS))

    def __len__(self) -> int:
        return len(self.shapes)

    @property
    def exhausted(self) -> bool:
        """Whether so many addresses were no MethodTables that no more are learnt."""
        return self._invalid >= limits.INVALID_METHOD_TABLES

    def learn(self, method_table: int) -> bool:
        """Add an address that is not in the table yet; return whether it is a MethodTable."""
        if 2 * (self._entries + 1) > len(self.words) // _WORDS:
            self._grow()
        shape = self._find_shape(method_table)
        if shape is None:
            self._invalid += 1
            self._put(method_table, 0, 0, walk.INVALID)
            return False
        self._put(method_table, shape.base_size, shape.component_size, len(self.shapes))
        self._indices[method_table] = len(self.shapes)
        self.shapes.append(shape)
        return True

    def index_of(self, method_table: int) -> int | None:
        """Return the type index of ``method_table``, learning it where it is new; None where it is no MethodTable."""
        if method_table not in self._indices and not self.words[self._slot(method_table)]:
            self.learn(method_table)
        return self._indices.get(method_table)

    def shape_of(self, method_table: int) -> ObjectShape | None:
        """Return what is known of a type's objects; None where ``method_table`` is no MethodTable."""
        index = self.index_of(method_table)
        return self.shapes[index] if index is not None else None

    def _slot(self, method_table: int) -> int:
        return walk.slot_of(self.words, len(self.words) // _WORDS - 1, method_table)

    def _put(self, *row: int) -> None:
        entry = self._slot(row[0])
        self.words[entry : entry + _WORDS] = array("Q", row)
        self._entries += 1

    def _grow(self) -> None:
        old, self._entries = self.words, 0
        self.words = array("Q", bytes(2 * len(old) * old.itemsize))
        for entry in range(0, len(old), _WORDS):
            if old[entry]:
                self._put(*old[entry : entry + _WORDS])
