"""Signatures out of the blobs that spell them. Depth and counts are bounded by the blob. Source: ECMA-335 II.23.2."""

from __future__ import annotations

from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.metadata.image import read_compressed, read_compressed_signed
from dotdump.formats.metadata.rows import TYPE_DEF_OR_REF
from dotdump.formats.metadata.signatures import (
    MAX_DEPTH,
    ArrayOf,
    ElementType,
    FunctionPointer,
    Handle,
    Instantiation,
    MethodSignature,
    Modified,
    Named,
    Primitive,
    TypeSignature,
    Variable,
    Wrapped,
)

_PRIMITIVES = frozenset(
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
_FIELD, _LOCALS = 0x06, 0x07
_HAS_THIS, _GENERIC, _CONVENTION = 0x20, 0x10, 0x0F


def parse_field_signature(blob: bytes) -> TypeSignature:
    """Return the type of a field."""
    cursor = _Cursor(blob)
    cursor.expect(_FIELD, "a field")
    return cursor.type()


def parse_method_signature(blob: bytes) -> MethodSignature:
    """Return the signature of a method definition or reference."""
    return _Cursor(blob).method()


def parse_local_signature(blob: bytes) -> tuple[TypeSignature, ...]:
    """Return the types of a method's locals."""
    cursor = _Cursor(blob)
    cursor.expect(_LOCALS, "locals")
    return cursor.types(cursor.count())


def parse_type_signature(blob: bytes) -> TypeSignature:
    """Return the type that a TypeSpec spells."""
    return _Cursor(blob).type()


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
        if element in _PRIMITIVES:
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
