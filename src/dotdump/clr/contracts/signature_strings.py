"""A method's parameters in the runtime's own words: ``(System.Object, Boolean ByRef)``.

Source of truth: sigformat.cpp, the same from 3.1 to 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.metadata import signatures as s
from dotdump.formats.metadata.schema import TypeDef, TypeRef
from dotdump.formats.metadata.signature_blobs import parse_method_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dotdump.formats.metadata.image import Metadata

_E = s.ElementType
PRIMITIVES = {
    _E.VOID: "Void",
    _E.BOOLEAN: "Boolean",
    _E.I1: "SByte",
    _E.U1: "Byte",
    _E.I2: "Int16",
    _E.U2: "UInt16",
    _E.CHAR: "Char",
    _E.I: "IntPtr",
    _E.U: "UIntPtr",
    _E.I4: "Int32",
    _E.U4: "UInt32",
    _E.I8: "Int64",
    _E.U8: "UInt64",
    _E.R4: "Single",
    _E.R8: "Double",
    _E.OBJECT: "System.Object",
    _E.STRING: "System.String",
    _E.TYPEDBYREF: "TypedReference",
}
MARKS = {_E.PTR: "*", _E.BYREF: " ByRef", _E.SZARRAY: "[]", _E.PINNED: ""}
"""What stands behind the name of the type that one is made of, in lists of parameters."""
_VARARG = 5


class SignatureStrings:
    """Writes signatures of one method: tokens are of ``metadata``, variables those of the type and of the method.

    ``name_of`` names a TypeHandle, which a signature made at run time can hold.
    """

    def __init__(
        self,
        metadata: Metadata | None,
        type_arguments: Sequence[str],
        method_arguments: Sequence[str],
        name_of: Callable[[int], str],
    ) -> None:
        self._metadata = metadata
        self._arguments = {_E.VAR: type_arguments, _E.MVAR: method_arguments}
        self._name_of = name_of
        self._parts = 0

    def parameters(self, blob: bytes) -> str:
        """Return the list of parameters in brackets; raises ``FormatError`` where the signature is damaged."""
        method = parse_method_signature(blob)
        names = list(self._limited(map(self._name, method.parameters)))
        if method.convention == _VARARG:
            names.append("...")
        return f"({', '.join(names)})"

    def type_name(self, signature: s.TypeSignature) -> str:
        """Return the name of one type; raises ``FormatError`` where it is damaged."""
        self._parts = 0
        return self._name(signature)

    def _name(self, signature: s.TypeSignature) -> str:  # noqa: PLR0911 - one return for each kind of type there is
        self._count()
        match signature:
            case s.Primitive(element):
                return PRIMITIVES[element]
            case s.Named(table, row_id):
                return self._named(table, row_id)
            case s.Handle(address):
                return self._name_of(address)
            case s.Wrapped(element, of):
                return self._name(of) + MARKS[element]
            case s.ArrayOf(of, rank):
                return f"{self._name(of)}[{',' * (min(rank, limits.ARRAY_RANK) - 1)}]"
            case s.Instantiation(of, arguments):
                return f"{self._name(of)}<{','.join(map(self._name, arguments))}>"
            case s.Variable(element, number):
                return self._variable(element, number)
            case s.Modified(_, _, of):
                return self._name(of)
            case s.FunctionPointer(method):
                return f"{self._name(method.returns)} ({', '.join(map(self._name, method.parameters))})"

    @staticmethod
    def _limited(names: Iterator[str]) -> Iterator[str]:
        """Yield ``names`` as long as they are not too long together: each variable can stand for a long one."""
        length = 0
        for name in names:
            length += len(name)
            if length > limits.NAME_LENGTH:
                raise LimitExceeded(f"more than {limits.NAME_LENGTH} characters", source="signature")
            yield name

    def _variable(self, element: s.ElementType, number: int) -> str:
        given = self._arguments[element]
        return given[number] if number < len(given) else f"{'!' if element == _E.VAR else '!!'}{number}"

    def _count(self) -> None:
        self._parts += 1
        if self._parts > limits.NAME_PARTS:
            raise LimitExceeded(f"more than {limits.NAME_PARTS} types", source="signature")

    def _named(self, table: int, row_id: int) -> str:
        if self._metadata is None:
            raise FormatError("a token without metadata", source="signature")
        if table not in (TypeDef.table, TypeRef.table):
            return ""
        row = self._metadata.row(TypeDef, row_id) if table == TypeDef.table else self._metadata.row(TypeRef, row_id)
        name, namespace = self._metadata.string(row.name), self._metadata.string(row.namespace)
        return f"{namespace}.{name}" if namespace else name
