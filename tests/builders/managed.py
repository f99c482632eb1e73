"""Managed objects by the names of their fields, for readers that ask objects for values and nothing of memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from dotdump.clr.model.object import ClrObject
from dotdump.errors import FieldNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.model.heap import ClrHeap


@dataclass(eq=False)
class NamedType:
    """A type with a name; whether it is an exception is said, not found out."""

    name: str
    fields: dict[str, object] = field(default_factory=dict)
    is_exception: bool = False
    is_value_type: bool = False
    is_string: bool = False
    is_array: bool = False
    method_table: int = 0x5000
    bases: tuple[str, ...] = ()
    keeps_fields: bool = True

    @property
    def hierarchy(self) -> tuple[NamedType, ...]:
        return (self, *map(NamedType, self.bases))

    def find_field(self, name: str) -> object:
        return name if name in self.fields else None


class NamedObject(ClrObject):
    """An object whose fields are what they were given."""

    __slots__ = ("elements", "named")

    def __init__(self, address: int, named: NamedType, elements: list[object] | None = None) -> None:
        super().__init__(cast("ClrHeap", None), address, 0, 24, 0)
        self.named = named
        self.elements = elements

    @property
    def type(self) -> NamedType:  # type: ignore[override]  # a fake of it
        return self.named

    @property
    def method_table(self) -> int:
        return self.named.method_table

    @property
    def array(self) -> NamedArray | None:  # type: ignore[override]  # a fake of it
        return NamedArray(self.elements) if self.elements is not None else None

    def __getitem__(self, name: str) -> object:  # type: ignore[override]  # a fake of it
        if name not in self.named.fields:
            raise FieldNotFound(self.named.name, name)
        return self.named.fields[name]

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return self.address


class NamedArray:
    """Elements of an array."""

    def __init__(self, elements: list[object]) -> None:
        self._elements = elements

    def __len__(self) -> int:
        return len(self._elements)

    def __getitem__(self, number: int) -> object:
        return self._elements[number]

    def elements(self, first: int = 0, count: int | None = None) -> Iterator[object]:
        return iter(self._elements[first : None if count is None else first + count])


def exception(address: int, name: str = "System.Exception", **fields: object) -> NamedObject:
    """Return an exception that has never been thrown; ``fields`` are others than those of a new one."""
    plain = {"_message": None, "_innerException": None, "_stackTrace": None, "_remoteStackTraceString": None}
    return NamedObject(address, NamedType(name, {**plain, "_HResult": -2146233088, **fields}, is_exception=True))
