"""Declared views: ``flags = Field("MTFlags", "uint32")`` inside a ``Struct`` reads that field wherever it lies.

A view is an address and the access to read it with; it holds no values. Several names are candidates across
versions, the first that the layouts know is read.
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
        return view.access.integer(view.address, owner.layout, *self.names, default=self.kind)


class Struct:
    """A structure of the runtime at ``address``; subclasses name its ``layout`` and declare its fields."""

    layout: ClassVar[str]
    __slots__ = ("access", "address")

    def __init__(self, access: DataAccess, address: int) -> None:
        self.access = access
        self.address = address

    def address_of(self, *names: str) -> int:
        """Return where a field lies, for what is embedded and not pointed to."""
        return self.address + self.access.offset(self.layout, *names)

    def __repr__(self) -> str:
        return f"{self.layout}({self.address:#x})"
