"""``ClrField``: a field of a type, as the runtime keeps it and as metadata declares it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.clr.contracts.field_descs import FieldAttributes
from dotdump.clr.contracts.primitive_values import FORMATS, constant_value
from dotdump.formats.metadata.signatures import ElementType, Modified, Primitive
from dotdump.formats.metadata.tokens import FIELD

if TYPE_CHECKING:
    from dotdump.clr.contracts.type_system import DeclaredField
    from dotdump.clr.model.type import ClrType

_OBJECT_HEADER = 8


class ClrField:
    """A field of ``declaring_type``. ``offset`` counts from the first byte after an object's MethodTable.

    The offset of a static field counts in its type's statics; a literal has none, and its ``constant`` is the value.
    """

    def __init__(self, declaring_type: ClrType, declared: DeclaredField) -> None:
        self.declaring_type = declaring_type
        self.signature = declared.signature
        self.name = declared.name
        self.type_name = declared.type_name
        self.attributes = declared.attributes
        self.token = FIELD | declared.row_id
        self._record = declared.record
        self._constant = declared.constant

    @property
    def offset(self) -> int:
        """Bytes from the first one after the MethodTable, or from the first of its type's statics; -1 of a literal."""
        return self._record.offset if self._record is not None else -1

    @property
    def element(self) -> ElementType:
        """What the runtime keeps in it: of an enum the number, ``CLASS`` for every reference."""
        if self._record is None:
            return self._constant[0] if self._constant else ElementType.END
        return self._record.element

    @cached_property
    def type(self) -> ClrType | None:
        """The loaded type that it is declared as; None for arrays, pointers and what is not loaded."""
        return self.declaring_type.resolve(self.signature)

    @property
    def is_static(self) -> bool:
        """Whether the type has it and not each instance; true of literals."""
        return bool(self.attributes & FieldAttributes.STATIC)

    @property
    def is_thread_static(self) -> bool:
        """Whether each thread has one."""
        return self._record is not None and self._record.is_thread_static

    @property
    def is_rva(self) -> bool:
        """Whether it lies in the image, as the bytes of an initialised array do."""
        return self._record is not None and self._record.is_rva

    @property
    def is_literal(self) -> bool:
        """Whether it is a constant that exists in metadata only."""
        return bool(self.attributes & FieldAttributes.LITERAL)

    @cached_property
    def is_reference(self) -> bool:
        """Whether it holds the address of an object."""
        return self.element in (ElementType.CLASS, ElementType.STRING, ElementType.OBJECT, ElementType.SZARRAY)

    @cached_property
    def is_number(self) -> bool:
        """Whether it holds a number that is not of an enum which is loaded, as its declaration says."""
        signature = self.signature
        while isinstance(signature, Modified):
            signature = signature.of
        return self.element in FORMATS and (isinstance(signature, Primitive) or self.type is None)

    @property
    def is_struct(self) -> bool:
        """Whether it holds a value of a struct type, no enum nor a number."""
        return self.element is ElementType.VALUETYPE

    @property
    def constant(self) -> int | float | str | bool | None:
        """The value of a literal; None for ``null`` and for what is no literal."""
        return constant_value(*self._constant) if self._constant is not None else None

    def address_in(self, address: int, *, interior: bool = False) -> int:
        """Return where the field lies of the object at ``address``, or of the struct there where it is ``interior``."""
        return address + self.offset + (0 if interior else _OBJECT_HEADER)

    def __repr__(self) -> str:
        return f"<ClrField {self.type_name} {self.declaring_type.name}.{self.name} at {self.offset}>"
