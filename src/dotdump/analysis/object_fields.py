"""The fields of an object with their values, and those of the structs in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.analysis.value_text import INLINE_ELEMENTS, address_text, plain_of, text_of
from dotdump.clr.model.value import ClrStruct
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dotdump.analysis.value_text import Plain
    from dotdump.clr.model.field import ClrField
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.value import Value

_STRUCT_DEPTH = 4
_HEADER = 8


@record
class FieldValue:
    """A field: ``offset`` from the object's address. ``value`` is plain, ``text`` a line, ``fields`` of a struct."""

    name: str
    type: str
    declared_by: str
    offset: int
    value: Plain
    text: str
    address: str | None = None
    fields: tuple[FieldValue, ...] = ()


class ObjectFields:
    """Reads the fields of one object, as many as are shown; ``is_cut`` says whether there are more."""

    def __init__(self) -> None:
        self._left = limits.FIELDS_SHOWN
        self.is_cut = False

    def of(self, found: ClrObject) -> Iterator[FieldValue]:
        """Yield the fields of ``found``; raises ``MemoryFault`` where one is not there."""
        for field, value in self._shown(found.values()):
            yield self._field(field, value, field.offset + _HEADER, 0)

    def _shown(self, values: Iterable[tuple[ClrField, Value]]) -> Iterator[tuple[ClrField, Value]]:
        for each in values:
            if not self._left:
                self.is_cut = True
                return
            self._left -= 1
            yield each

    def _within(self, struct: ClrStruct, offset: int, depth: int) -> Iterator[FieldValue]:
        """Yield the fields of a struct; of an inline array its elements, where the line of it has them all."""
        element, size = struct.type.inline_element, struct.type.inline_element_size
        if element is None:
            for field, value in self._shown(struct.values()):
                yield self._field(field, value, offset + field.offset, depth)
        elif struct.type.value_size <= INLINE_ELEMENTS * size:
            for number, (field, value) in enumerate(self._shown((element, each) for each in struct.elements)):
                yield self._field(field, value, offset + number * size, depth, f"[{number}]")

    def _field(self, field: ClrField, value: Value, offset: int, depth: int, name: str = "") -> FieldValue:
        inner: tuple[FieldValue, ...] = ()
        if isinstance(value, ClrStruct) and depth < _STRUCT_DEPTH:
            inner = tuple(self._within(value, offset, depth + 1))
        return FieldValue(
            name or field.name,
            field.type_name,
            field.declaring_type.name,
            offset,
            None if inner else plain_of(value),
            text_of(value),
            address_text(value),
            inner,
        )
