"""What a table says of an object that something outside the heap holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import InvalidObject
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.model.heap import ClrHeap


@record
class HeldObject:
    """An object's MethodTable, type name and size in bytes; of what is no object the name says why, and no size."""

    method_table: str | None
    name: str
    size: int | None


def held_object(heap: ClrHeap, address: int) -> HeldObject:
    """Return what there is to say of the object at ``address``."""
    try:
        found = heap.object(address)
    except InvalidObject as error:
        return HeldObject(None, f"<{error}>", None)
    return HeldObject(f"{found.method_table:#x}", found.type.name, found.size)
