"""Declared views: ``flags = Field("MTFlags", "uint32")`` inside a ``Struct`` reads that field wherever it lies.

Several names are candidates across versions, the first that the layouts know is read. The fields of a view are read at
once, when one of them is asked for: targets stand still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, overload

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess


class Field:
    """A field of a ``Struct``. ``kind`` is the type to read where the layouts give none: a pointer by default."""

    def __init__(self, *names: str, kind: str = "pointer") -> None:
        self.names = names
        self.kind = kind

    @overload
    def __get__(self, view: None, owner: type[Struct]) -> Field: ...
    @overload
    def __get__(self, view: Struct, owner: type[Struct]) -> int: ...
    def __get__(self, view: Struct | None, owner: type[Struct]) -> Field | int:
        if view is None:
            return self
        place = view.places.get(self)
        if place is not None:
            offset, end, form = place
            data = view._window if view._window is not None else view.window  # noqa: SLF001 - a part of it
            if end <= len(data):
                value: int = form.unpack_from(data, offset)[0]
                return value
        return view.access.integer(view.address, owner.layout, *self.names, default=self.kind)


class Struct:
    """A structure of the runtime at ``address``; subclasses name its ``layout`` and declare its fields."""

    layout: ClassVar[str]
    __slots__ = ("_window", "access", "address", "places")

    def __init__(self, access: DataAccess, address: int) -> None:
        self.access = access
        self.address = address
        self.places = access.places_of(type(self))
        self._window: bytes | None = None

    @classmethod
    def declared(cls) -> tuple[Field, ...]:
        """Return its declared fields."""
        return tuple(found for kind in cls.__mro__ for found in vars(kind).values() if isinstance(found, Field))

    @property
    def window(self) -> bytes:
        """The bytes from its address to the end of its last declared field, as far as they are there."""
        if self._window is None:
            size = self.places.size
            self._window = self.access.reader.memory.read_available(self.address, size) if size else b""
        return self._window

    def address_of(self, *names: str) -> int:
        """Return where a field lies, for what is embedded and not pointed to."""
        return self.address + self.access.offset(self.layout, *names)

    def __repr__(self) -> str:
        return f"{self.layout}({self.address:#x})"
