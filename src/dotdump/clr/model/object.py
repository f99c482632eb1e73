"""``ClrObject``: one managed object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.object_references import read_references
from dotdump.clr.model.value import read_field, read_struct
from dotdump.errors import FieldNotFound, InvalidObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.model.array import ClrArray
    from dotdump.clr.model.field import ClrField
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.type import ClrType
    from dotdump.clr.model.value import Value

_METHOD_TABLE = 8


class ClrObject:
    """An object at ``address``: ``size`` in bytes, rounded up to 8; ``type_index`` counts in ``heap.types``.

    ``generation`` is 0 to 2, 3 among large objects, 4 among pinned ones, and -1 in no segment.
    """

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
    def length(self) -> int:
        """How many components it has: the elements of an array, the characters of a string; 0 of any other object."""
        return self.heap.access.reader.u32(self.address + 8) if self.shape.component_size else 0

    @property
    def text(self) -> str:
        """The text of a string; raises ``InvalidObject`` for any other object."""
        return self.read_text()

    def read_text(self, limit: int | None = None) -> str:
        """Return the first ``limit`` characters of a string, all by default."""
        if not self.type.is_string:
            raise InvalidObject(self.address, f"{self.type.name} is no string")
        return self.heap.text_at(self.address, limit)

    def __getitem__(self, name: str) -> Value:
        """Return the value of a field, or of an automatic property; raises ``FieldNotFound``, ``MemoryFault``."""
        field = self.type.find_field(name)
        if field is None:
            raise FieldNotFound(self.type.name, name)
        return read_field(self.heap, field, self.address)

    def values(self) -> Iterator[tuple[ClrField, Value]]:
        """Yield every field with its value."""
        for field in self.type.fields:
            yield field, read_field(self.heap, field, self.address)

    @property
    def array(self) -> ClrArray | None:
        """Its elements, None where it is no array."""
        from dotdump.clr.model.array import ClrArray

        return ClrArray(self) if self.type.is_array else None

    @property
    def boxed(self) -> Value:
        """The value in a box; raises ``InvalidObject`` for what is none."""
        if not self.type.is_value_type:
            raise InvalidObject(self.address, f"{self.type.name} is no boxed value")
        return read_struct(self.heap, self.type, self.address + _METHOD_TABLE)

    def references(self) -> Iterator[ClrObject]:
        """Yield each object that it refers to, once for each reference; what leads to no object is left out.

        Raises ``FormatError`` where the description of its references is damaged.
        """
        reader = self.heap.access.reader
        for _, target in read_references(reader, self.shape, self.address, self.size):
            try:
                yield self.heap.object(target)
            except InvalidObject:
                continue

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
