"""Signatures: how metadata spells types, fields, methods and locals.

A signature is parsed to a tree of small records; names are not looked up here. Depth and counts are bounded by the
blob. Source: ECMA-335 II.23.2; element type 0x21 (a TypeHandle in place) is the runtime's own, corhdr.h.
"""

from __future__ import annotations

from enum import IntEnum

from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.metadata.image import read_compressed, read_compressed_signed
from dotdump.formats.metadata.rows import TYPE_DEF_OR_REF
from dotdump.records import record

MAX_DEPTH = 64
"""Nesting of types in one signature: generic code in the wild stays below a dozen."""


class ElementType(IntEnum):
    """CorElementType."""

    END = 0x00
    VOID = 0x01
    BOOLEAN = 0x02
    CHAR = 0x03
    I1 = 0x04
    U1 = 0x05
    I2 = 0x06
    U2 = 0x07
    I4 = 0x08
    U4 = 0x09
    I8 = 0x0A
    U8 = 0x0B
    R4 = 0x0C
    R8 = 0x0D
    STRING = 0x0E
    PTR = 0x0F
    BYREF = 0x10
    VALUETYPE = 0x11
    CLASS = 0x12
    VAR = 0x13
    ARRAY = 0x14
    GENERICINST = 0x15
    TYPEDBYREF = 0x16
    I = 0x18  # noqa: E741 (corhdr.h's own name)
    U = 0x19
    FNPTR = 0x1B
    OBJECT = 0x1C
    SZARRAY = 0x1D
    MVAR = 0x1E
    CMOD_REQD = 0x1F
    CMOD_OPT = 0x20
    INTERNAL = 0x21
    CMOD_INTERNAL = 0x22
    SENTINEL = 0x41
    PINNED = 0x45


PRIMITIVES = frozenset(
    (
        ElementType.VOID,
        ElementType.BOOLEAN,
        ElementType.CHAR,
        ElementType.I1,
        ElementType.U1,
        ElementType.I2,
        ElementType.U2,
        ElementType.I4,
        ElementType.U4,
        ElementType.I8,
        ElementType.U8,
        ElementType.R4,
        ElementType.R8,
        ElementType.STRING,
        ElementType.TYPEDBYREF,
        ElementType.I,
        ElementType.U,
        ElementType.OBJECT,
    )
)


@record
class Primitive:
    """A type that its element type says in full."""

    element: ElementType


@record
class Named:
    """A TypeDef, TypeRef or TypeSpec, by table and row id."""

    table: int
    row_id: int
    is_value_type: bool


@record
class Handle:
    """A TypeHandle of the running process (element type INTERNAL)."""

    address: int


@record
class Wrapped:
    """PTR, BYREF, SZARRAY or PINNED around a type."""

    element: ElementType
    of: TypeSignature


@record
class ArrayOf:
    """A general array; ``sizes`` and ``lower_bounds`` as far as they are given."""

    of: TypeSignature
    rank: int
    sizes: tuple[int, ...]
    lower_bounds: tuple[int, ...]


@record
class Instantiation:
    """A generic type with its arguments."""

    of: TypeSignature
    arguments: tuple[TypeSignature, ...]


@record
class Variable:
    """Generic parameter ``number`` of the type (VAR) or of the method (MVAR)."""

    element: ElementType
    number: int


@record
class Modified:
    """A type with a custom modifier."""

    required: bool
    modifier: TypeSignature
    of: TypeSignature


@record
class FunctionPointer:
    """A pointer to a function."""

    signature: MethodSignature


TypeSignature = Primitive | Named | Handle | Wrapped | ArrayOf | Instantiation | Variable | Modified | FunctionPointer


@record
class MethodSignature:
    """A method's signature; ``convention`` is the low nibble of its first byte (0 default, 5 vararg)."""

    has_this: bool
    convention: int
    generic_parameters: int
    returns: TypeSignature
    parameters: tuple[TypeSignature, ...]

    @property
    def argument_count(self) -> int:
        """How many arguments a call of it has in IL: ``this`` is one."""
        return self.has_this + len(self.parameters)


FIELD = 0x06
LOCALS = 0x07
PROPERTY = 0x08
GENERIC_INSTANTIATION = 0x0A
_HAS_THIS, _GENERIC, _CONVENTION = 0x20, 0x10, 0x0F


def parse_field_signature(blob: bytes) -> TypeSignature:
    """Return the type of a field."""
    cursor = _Cursor(blob)
    cursor.expect(FIELD, "a field")
    return cursor.type()


def parse_method_signature(blob: bytes) -> MethodSignature:
    """Return the signature of a method definition or reference."""
    return _Cursor(blob).method()


def parse_local_signature(blob: bytes) -> tuple[TypeSignature, ...]:
    """Return the types of a method's locals."""
    cursor = _Cursor(blob)
    cursor.expect(LOCALS, "locals")
    return cursor.types(cursor.count())


def parse_property_signature(blob: bytes) -> TypeSignature:
    """Return the type of a property."""
    cursor = _Cursor(blob)
    if cursor.byte() & _CONVENTION != PROPERTY:
        raise FormatError("no signature of a property", source="signature", offset=0)
    cursor.count()
    return cursor.type()


def parse_type_signature(blob: bytes) -> TypeSignature:
    """Return the type that a TypeSpec spells."""
    return _Cursor(blob).type()


def parse_method_instantiation(blob: bytes) -> tuple[TypeSignature, ...]:
    """Return the type arguments of a MethodSpec."""
    cursor = _Cursor(blob)
    cursor.expect(GENERIC_INSTANTIATION, "a method instantiation")
    return cursor.types(cursor.count())


class _Cursor:
    """A position in a blob."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self._position = 0
        self._depth = 0

    def byte(self) -> int:
        if self._position >= len(self._blob):
            raise FormatError("a signature is cut", source="signature", offset=self._position)
        self._position += 1
        return self._blob[self._position - 1]

    def unsigned(self) -> int:
        value, self._position = read_compressed(self._blob, self._position, "signature")
        return value

    def signed(self) -> int:
        value, self._position = read_compressed_signed(self._blob, self._position, "signature")
        return value

    def count(self) -> int:
        """Return a count of things that take a byte each at least."""
        value = self.unsigned()
        if value > len(self._blob) - self._position:
            raise LimitExceeded(f"{value} items in a signature", source="signature", offset=self._position)
        return value

    def expect(self, kind: int, what: str) -> None:
        if self.byte() & _CONVENTION != kind:
            raise FormatError(f"no signature of {what}", source="signature", offset=0)

    def types(self, count: int) -> tuple[TypeSignature, ...]:
        return tuple(self.type() for _ in range(count))

    def type(self) -> TypeSignature:
        if self._depth >= MAX_DEPTH:
            raise LimitExceeded("a signature nests too deep", source="signature", offset=self._position)
        self._depth += 1
        try:
            return self._type(self.byte())
        finally:
            self._depth -= 1

    def _type(self, code: int) -> TypeSignature:
        try:
            element = ElementType(code)
        except ValueError as error:
            raise FormatError(f"unknown element type {code:#x}", source="signature", offset=self._position) from error
        if element in PRIMITIVES:
            return Primitive(element)
        parse = _PARSERS.get(element)
        if parse is None:
            raise FormatError(f"{element.name} starts no type", source="signature", offset=self._position)
        return parse(self, element)

    def named(self, element: ElementType) -> TypeSignature:
        table, row_id = TYPE_DEF_OR_REF.decode(self.unsigned())
        return Named(table, row_id, is_value_type=element == ElementType.VALUETYPE)

    def wrapped(self, element: ElementType) -> TypeSignature:
        return Wrapped(element, self.type())

    def variable(self, element: ElementType) -> TypeSignature:
        return Variable(element, self.unsigned())

    def array(self, _: ElementType) -> TypeSignature:
        of, rank = self.type(), self.unsigned()
        sizes = tuple(self.unsigned() for _ in range(self.count()))
        lower_bounds = tuple(self.signed() for _ in range(self.count()))
        return ArrayOf(of, rank, sizes, lower_bounds)

    def instantiation(self, _: ElementType) -> TypeSignature:
        return Instantiation(self.type(), self.types(self.count()))

    def function_pointer(self, _: ElementType) -> TypeSignature:
        return FunctionPointer(self.method())

    def modified(self, element: ElementType) -> TypeSignature:
        modifier = self.named(ElementType.CLASS)
        return Modified(element == ElementType.CMOD_REQD, modifier, self.type())

    def modified_by_handle(self, _: ElementType) -> TypeSignature:
        required = bool(self.byte())
        return Modified(required, self.handle(ElementType.INTERNAL), self.type())

    def handle(self, _: ElementType) -> TypeSignature:
        return Handle(int.from_bytes(bytes(self.byte() for _ in range(8)), "little"))

    def method(self) -> MethodSignature:
        flags = self.byte()
        generics = self.unsigned() if flags & _GENERIC else 0
        count = self.count()
        returns, parameters = self.type(), []
        for _ in range(count):
            if self._blob[self._position : self._position + 1] == bytes((ElementType.SENTINEL,)):
                self._position += 1
            parameters.append(self.type())
        return MethodSignature(bool(flags & _HAS_THIS), flags & _CONVENTION, generics, returns, tuple(parameters))


_PARSERS = {
    ElementType.VALUETYPE: _Cursor.named,
    ElementType.CLASS: _Cursor.named,
    ElementType.PTR: _Cursor.wrapped,
    ElementType.BYREF: _Cursor.wrapped,
    ElementType.SZARRAY: _Cursor.wrapped,
    ElementType.PINNED: _Cursor.wrapped,
    ElementType.VAR: _Cursor.variable,
    ElementType.MVAR: _Cursor.variable,
    ElementType.ARRAY: _Cursor.array,
    ElementType.GENERICINST: _Cursor.instantiation,
    ElementType.FNPTR: _Cursor.function_pointer,
    ElementType.CMOD_REQD: _Cursor.modified,
    ElementType.CMOD_OPT: _Cursor.modified,
    ElementType.CMOD_INTERNAL: _Cursor.modified_by_handle,
    ElementType.INTERNAL: _Cursor.handle,
}
