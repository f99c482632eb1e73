"""What a type is called that a signature spells: as ``type_names`` writes loaded ones, ``Outer<Arg>+Inner[]``.

Knows one metadata image and the arguments of the type that the signature is in; nothing of memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.type_names import SUFFIXES, brackets, with_arguments
from dotdump.errors import FormatError
from dotdump.formats.metadata import signatures as s
from dotdump.formats.metadata.rows import RESOLUTION_SCOPE
from dotdump.formats.metadata.schema import TypeDef, TypeRef, TypeSpec
from dotdump.formats.metadata.signature_blobs import parse_type_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dotdump.formats.metadata.image import Metadata

MAX_NESTING = 64
PRIMITIVE_NAMES = {
    s.ElementType.VOID: "System.Void",
    s.ElementType.BOOLEAN: "System.Boolean",
    s.ElementType.CHAR: "System.Char",
    s.ElementType.I1: "System.SByte",
    s.ElementType.U1: "System.Byte",
    s.ElementType.I2: "System.Int16",
    s.ElementType.U2: "System.UInt16",
    s.ElementType.I4: "System.Int32",
    s.ElementType.U4: "System.UInt32",
    s.ElementType.I8: "System.Int64",
    s.ElementType.U8: "System.UInt64",
    s.ElementType.R4: "System.Single",
    s.ElementType.R8: "System.Double",
    s.ElementType.STRING: "System.String",
    s.ElementType.TYPEDBYREF: "System.TypedReference",
    s.ElementType.I: "System.IntPtr",
    s.ElementType.U: "System.UIntPtr",
    s.ElementType.OBJECT: "System.Object",
}
_SUFFIXES = {**SUFFIXES, s.ElementType.PINNED: ""}


class SignatureNames:
    """Names of types in signatures of ``metadata``; ``arguments`` are the names of the enclosing type's arguments."""

    def __init__(self, metadata: Metadata, arguments: Sequence[str] = (), name_of: Callable[[int], str] = hex) -> None:
        self._metadata = metadata
        self._arguments = arguments
        self._name_of = name_of
        self._depth = 0
        self._left = 0

    def name(self, signature: s.TypeSignature) -> str:
        """Return the name of a type; raises ``FormatError`` where the metadata contradicts itself."""
        if self._depth == 0:
            self._left = limits.NAME_PARTS
        self._depth += 1
        self._left -= 1
        try:
            if self._depth > s.MAX_DEPTH or self._left < 0:
                raise FormatError(f"types nest more than {s.MAX_DEPTH} deep, or too many in all", source="signature")
            return self._name(signature)
        finally:
            self._depth -= 1

    def _name(self, signature: s.TypeSignature) -> str:  # noqa: PLR0911 - one return for each kind of type there is
        match signature:
            case s.Primitive(element):
                return PRIMITIVE_NAMES[element]
            case s.Named(table, row_id):
                return self.named(table, row_id)
            case s.Handle(address):
                return self._name_of(address)
            case s.Wrapped(element, of):
                return self.name(of) + _SUFFIXES[element]
            case s.ArrayOf(of, rank):
                return self.name(of) + brackets(rank)
            case s.Instantiation(of, arguments):
                return with_arguments(self.name(of), [self.name(argument) for argument in arguments])
            case s.Variable(element, number):
                return self._variable(element, number)
            case s.Modified(_, _, of):
                return self.name(of)
            case s.FunctionPointer(method):
                return self._function(method)

    def named(self, table: int, row_id: int) -> str:
        """Return the name of a TypeDef, TypeRef or TypeSpec."""
        if table == TypeDef.table:
            return self._metadata.type_name(row_id)
        if table == TypeSpec.table:
            return self.name(parse_type_signature(self._metadata.blob(self._metadata.row(TypeSpec, row_id).signature)))
        if table != TypeRef.table:
            raise FormatError(f"table {table:#x} names no type", source="signature")
        return self._reference(row_id)

    def _reference(self, row_id: int) -> str:
        names: list[str] = []
        for _ in range(MAX_NESTING):
            row = self._metadata.row(TypeRef, row_id)
            names.append(self._metadata.string(row.name))
            table, row_id = RESOLUTION_SCOPE.decode(row.resolution_scope)
            if table != TypeRef.table:
                namespace = self._metadata.string(row.namespace)
                full = "+".join(reversed(names))
                return f"{namespace}.{full}" if namespace else full
        raise FormatError("references to types nested in a loop", source="signature")

    def _variable(self, element: s.ElementType, number: int) -> str:
        if element == s.ElementType.VAR and number < len(self._arguments):
            return self._arguments[number]
        return f"{'!' if element == s.ElementType.VAR else '!!'}{number}"

    def _function(self, method: s.MethodSignature) -> str:
        parameters = ", ".join(self.name(parameter) for parameter in method.parameters)
        return f"{self.name(method.returns)}({parameters})"
