"""``ClrStatic``: a static field and where its value lies, of all threads or of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.model.value import Unreadable, read_value
from dotdump.errors import UNREADABLE
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.model.field import ClrField
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.thread import ClrThread
    from dotdump.clr.model.type import ClrType
    from dotdump.clr.model.value import Value


@record
class ClrStatic:
    """The static ``field`` of ``type``, at ``address``; of one ``thread`` where it is a thread static.

    ``constructed``: the runtime says that the class constructor has run.
    """

    heap: ClrHeap
    type: ClrType
    field: ClrField
    address: int
    constructed: bool
    thread: ClrThread | None = None

    @property
    def name(self) -> str:
        """Its full name: ``Type.Field``."""
        return f"{self.type.name}.{self.field.name}"

    @property
    def initialized(self) -> bool:
        """Whether the class constructor has run; before that, a value is what the field begins with.

        Of a type that has none there is nothing to wait for, and up to 8 nobody says that it is ready.
        """
        return self.constructed or not self.type.has_class_constructor

    @property
    def is_boxed(self) -> bool:
        """Whether a box of its value is what lies there: of every struct that is not in the image."""
        return self.field.is_struct and not self.field.is_rva

    @property
    def object(self) -> int:
        """The address of the object that it keeps: what it refers to, or its box; 0 for null and for numbers."""
        if not (self.field.is_reference or self.is_boxed):
            return 0
        return self.heap.access.reader.pointer(self.address)

    @property
    def value(self) -> Value:
        """Its value; ``Unreadable`` where it cannot be had."""
        try:
            return self._read()
        except UNREADABLE as error:
            return Unreadable(str(error))

    def _read(self) -> Value:
        if not self.is_boxed:
            return read_value(self.heap, self.field, self.address)
        box = self.object
        return self.heap.object(box).boxed if box else None

    def __repr__(self) -> str:
        return f"<ClrStatic {self.name} at {self.address:#x}>"
