"""``ClrObject``: one managed object."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.type import ClrType


class ClrObject:
    """An object at ``address``: ``size`` in bytes, rounded up to 8; ``type_index`` counts in ``heap.types``."""

    __slots__ = ("address", "generation", "heap", "size", "type_index")

    def __init__(self, heap: ClrHeap, address: int, type_index: int, size: int, generation: int) -> None:
        self.heap = heap
        self.address = address
        self.type_index = type_index
        self.size = size
        self.generation = generation

    @property
    def shape(self) -> ObjectShape:
        """What its MethodTable says of the layout."""
        return self.heap.types.shapes[self.type_index]

    @property
    def method_table(self) -> int:
        """The address of its MethodTable."""
        return self.shape.method_table

    @property
    def type(self) -> ClrType:
        """Its type."""
        return self.heap.type_at(self.method_table)

    @property
    def is_free(self) -> bool:
        """Whether it is free space and no object."""
        return self.shape.is_free

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClrObject) and (other.heap, other.address) == (self.heap, self.address)

    def __hash__(self) -> int:
        return hash(self.address)

    def __repr__(self) -> str:
        return f"<ClrObject {self.address:#x} of {self.method_table:#x}, {self.size} bytes>"
