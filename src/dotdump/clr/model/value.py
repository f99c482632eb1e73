"""Values: what stands in a field, in an element of an array, in a box.

A reference is the object it leads to, None where it is null; a string is its text; numbers, dates and the like are
Python's or ours; any other struct is a ``ClrStruct``, whose fields are read when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dotdump.clr.contracts.primitive_values import FORMATS, Pointer, primitive_value
from dotdump.errors import FieldNotFound, FormatError, InvalidObject, MemoryFault
from dotdump.formats.metadata.signatures import ElementType

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from dotdump.clr.model.field import ClrField
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.known_values import Known
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.type import ClrType

    Value: TypeAlias = "ClrObject | ClrStruct | EnumValue | Unreadable | Known | bool | str | None"

_FLAGS_SEPARATOR = ", "
_BIG_INTEGER = "System.Numerics.BigInteger"
_LONGEST_BIG_INTEGER = 400
"""Words of 4 bytes: Python writes no number of more than 4,300 digits."""


class EnumValue(int):
    """A number of an enum type; as text it is the name of its member, or of its flags."""

    type: ClrType

    def __new__(cls, number: int, kind: ClrType) -> Self:
        """Return ``number`` as a value of ``kind``."""
        value = super().__new__(cls, number)
        value.type = kind
        return value

    @property
    def name(self) -> str:
        """Its member's name, of a set of flags the names of all, else its number: as .NET writes it.

        Its number, too, where its members cannot be read.
        """
        mask = (1 << 8 * FORMATS[self.type.fields[0].element].size) - 1
        try:
            constants = ((field.name, field.constant) for field in self.type.literals)
            members = {constant & mask: name for name, constant in constants if isinstance(constant, int)}
        except (FormatError, MemoryFault):
            return str(int(self))
        number = int(self) & mask
        if number in members:
            return members[number]
        return (self._flags(number, members) if self.type.is_flags else "") or str(int(self))

    @staticmethod
    def _flags(number: int, members: dict[int, str]) -> str:
        """Return the names of the members that ``number`` is made of; empty where some of its bits are none's."""
        names = []
        for member in sorted(filter(None, members), reverse=True):
            if number & member == member:
                names.append(members[member])
                number &= ~member
        return "" if number else _FLAGS_SEPARATOR.join(reversed(names))

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<{self.type.name} {self.name}>"


class StringValue(str):
    """The text of a string that a reference leads to; ``address`` is that of the string."""

    __slots__ = ("address",)
    address: int

    def __new__(cls, text: str, address: int) -> Self:
        """Return ``text`` as that of the string at ``address``."""
        value = super().__new__(cls, text)
        value.address = address
        return value


class Unreadable:
    """A value that could not be read, and ``reason`` why; it is no value, and null least of all."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"<unreadable: {self.reason}>"


class ClrStruct:
    """A value of a struct type, at ``address``: in an object, an array or a box."""

    def __init__(self, heap: ClrHeap, kind: ClrType, address: int) -> None:
        self.heap = heap
        self.type = kind
        self.address = address

    def __getitem__(self, name: str) -> Value:
        field = self.type.find_field(name)
        if field is None:
            raise FieldNotFound(self.type.name, name)
        return read_field(self.heap, field, self.address, interior=True)

    def values(self) -> Iterator[tuple[ClrField, Value]]:
        """Yield every field with its value."""
        for field in self.type.fields:
            yield field, read_field(self.heap, field, self.address, interior=True)

    @property
    def elements(self) -> Iterator[Value]:
        """The elements of an inline array or a fixed buffer; nothing of any other struct."""
        field = self.type.inline_element
        if field is None:
            return
        size = self.type.inline_element_size
        for number in range(self.type.value_size // size):
            yield read_field(self.heap, field, self.address + number * size, interior=True)

    def __repr__(self) -> str:
        return f"<ClrStruct {self.type.name} at {self.address:#x}>"


def read_field(heap: ClrHeap, field: ClrField, address: int, *, interior: bool = False) -> Value:
    """Return the value of ``field`` of the object at ``address``, or of the struct there where it is ``interior``.

    Raises ``MemoryFault`` where it is not there; a reference to no object is ``Unreadable``.
    """
    return read_value(heap, field, field.address_in(address, interior=interior))


def read_value(heap: ClrHeap, field: ClrField, place: int) -> Value:
    """Return the value of ``field`` that lies at ``place``; raises ``MemoryFault`` where it is not there."""
    if field.is_reference:
        return read_reference(heap, place)
    if field.element is ElementType.BYREF:
        return Pointer(heap.access.reader.pointer(place))
    if field.is_number:
        return primitive_value(field.element, heap.access.reader.memory.read(place, FORMATS[field.element].size))
    kind = field.type
    if kind is None:
        return Unreadable(f"{field.type_name} is not loaded, so its layout is not known")
    return read_struct(heap, kind, place)


def read_reference(heap: ClrHeap, place: int) -> Value:
    """Return the object that the reference at ``place`` leads to: a string as text, None for null."""
    address = heap.access.reader.pointer(place)
    if not address:
        return None
    try:
        found = heap.object(address)
    except InvalidObject as error:
        return Unreadable(str(error))
    return StringValue(found.text, address) if found.type.is_string else found


def read_struct(heap: ClrHeap, kind: ClrType, place: int) -> Value:
    """Return the value of the value type ``kind`` that lies at ``place``."""
    from dotdump.clr.model.known_values import known_value, size_of_known

    memory = heap.access.reader.memory
    size = size_of_known(kind.name)
    if size:
        try:
            return known_value(kind.name, memory.read(place, size))
        except FormatError as error:
            return Unreadable(str(error))
    fields = kind.fields
    if kind.is_enum or kind.is_primitive:
        element = fields[0].element if fields else ElementType.END
        if element not in FORMATS:
            return Unreadable(f"{kind.name} has no number in it")
        number = primitive_value(element, memory.read(place, FORMATS[element].size))
        return EnumValue(number, kind) if kind.is_enum and isinstance(number, int) else number
    if kind.is_nullable and len(fields) == 2:
        return _read_nullable(heap, kind, place)
    found = ClrStruct(heap, kind, place)
    return _big_integer(found) if kind.name == _BIG_INTEGER else found


def _big_integer(found: ClrStruct) -> Value:
    """Return the number that a ``BigInteger`` is; itself where it is very long, or its fields are other ones."""
    sign, bits = (found[name] if found.type.find_field(name) is not None else None for name in ("_sign", "_bits"))
    if bits is None and isinstance(sign, int):
        return sign
    words = getattr(bits, "array", None)
    if not isinstance(sign, int) or words is None or len(words) > _LONGEST_BIG_INTEGER:
        return found
    magnitude = int.from_bytes(found.heap.access.reader.memory.read(words.address_of(0), 4 * len(words)), "little")
    return -magnitude if sign < 0 else magnitude


def _read_nullable(heap: ClrHeap, kind: ClrType, place: int) -> Value:
    flag, value = sorted(kind.fields, key=lambda field: field.name != "hasValue")
    if value.type is not None and value.type.is_nullable:
        return Unreadable(f"{kind.name} is of what may be null itself")
    return read_field(heap, value, place, interior=True) if read_field(heap, flag, place, interior=True) else None
