"""``ClrArray``: the elements of an array, of any rank and with any lower bounds."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from dotdump.clr.contracts.primitive_values import Pointer
from dotdump.errors import InvalidObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.type import ClrType
    from dotdump.clr.model.value import Value

_METHOD_TABLE = 8
_SINGLE_HEADER = 16
_BOUNDS_OF_A_DIMENSION = 8


class ClrArray:
    """The array that ``source`` is; elements are numbered from 0 in the order in which they lie."""

    def __init__(self, source: ClrObject) -> None:
        self._source = source
        self._reader = source.heap.access.reader
        self._first = source.address + source.shape.base_size - _METHOD_TABLE

    @property
    def length(self) -> int:
        """How many elements it has, in all dimensions together."""
        return self._source.length

    @property
    def rank(self) -> int:
        """How many dimensions it has."""
        return max(1, (self._source.shape.base_size - _METHOD_TABLE - _SINGLE_HEADER) // _BOUNDS_OF_A_DIMENSION)

    @property
    def is_general(self) -> bool:
        """Whether it has bounds of its own: arrays of several dimensions, and those whose first index is not 0."""
        return self._source.shape.base_size > _METHOD_TABLE + _SINGLE_HEADER

    @property
    def lengths(self) -> tuple[int, ...]:
        """Its length in each dimension; raises ``InvalidObject`` where they do not make its length."""
        if not self.is_general:
            return (self.length,)
        start = self._source.address + _SINGLE_HEADER
        found = tuple(self._reader.i32(start + 4 * index) for index in range(self.rank))
        if prod(found) != self.length or min(found) < 0:
            raise InvalidObject(self._source.address, f"lengths {found} of an array of {self.length} elements")
        return found

    @property
    def lower_bounds(self) -> tuple[int, ...]:
        """Its first index in each dimension."""
        if not self.is_general:
            return (0,)
        start = self._source.address + _SINGLE_HEADER + 4 * self.rank
        return tuple(self._reader.i32(start + 4 * index) for index in range(self.rank))

    def indexes(self, number: int) -> tuple[int, ...]:
        """Return the indexes, as a program has them, of element ``number``."""
        found = []
        for length, bound in zip(reversed(self.lengths), reversed(self.lower_bounds), strict=True):
            number, index = divmod(number, length) if length else (0, 0)
            found.append(index + bound)
        return tuple(reversed(found))

    def address_of(self, number: int) -> int:
        """Return where element ``number`` lies; raises ``IndexError`` beyond the last."""
        if not 0 <= number < self.length:
            raise IndexError(f"element {number} of {self.length}")
        return self._first + self._source.shape.component_size * number

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Value:
        return self._read(self.address_of(number), self._element_type)

    def elements(self, first: int = 0, count: int | None = None) -> Iterator[Value]:
        """Yield the values of ``count`` elements from ``first`` on, all by default; there may be fewer.

        Raises ``IndexError`` for a negative ``first``.
        """
        length, size, kind = self.length, self._source.shape.component_size, self._element_type
        end = length if count is None else min(length, first + count)
        if first >= end:
            return
        start = self.address_of(first)
        for place in range(start, start + size * (end - first), size):
            yield self._read(place, kind)

    @property
    def _element_type(self) -> ClrType | None:
        return self._source.type.element_type

    def _read(self, place: int, kind: ClrType | None) -> Value:
        from dotdump.clr.model.value import Unreadable, read_reference, read_struct

        if kind is not None and kind.is_value_type:
            return read_struct(self._source.heap, kind, place)
        if self._source.shape.contains_pointers:
            return read_reference(self._source.heap, place)
        if self._source.shape.component_size == 8:  # pointers, which have no method table
            return Pointer(self._reader.u64(place))
        return Unreadable("its elements are of a type that is not known")
