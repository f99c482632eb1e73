"""Names of types as they stand in full names of methods: two notations, both the runtime's own.

``full`` is that of ``Type.FullName``: ``Outer+Inner`1[[System.Int32, System.Private.CoreLib]]``, with the assembly of
each argument. ``short`` is that of parameters: primitives without a namespace, nested types without the type around
them, ``Box`1<System.String>``, ``Int32 ByRef``. Source of truth: typestring.cpp and sigformat.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.signature_strings import MARKS
from dotdump.clr.contracts.type_handles import CompoundType, DefinedType, FunctionType, TypeVariable, read_type_handle
from dotdump.clr.contracts.type_names import MAX_DEPTH, SUFFIXES, brackets
from dotdump.errors import FormatError, LimitExceeded, MemoryFault, UnsupportedRuntime
from dotdump.formats.metadata.schema import Assembly, GenericParam, TypeDef

if TYPE_CHECKING:
    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.contracts.type_names import TypeNames
    from dotdump.clr.data_access import DataAccess

_RESERVED = str.maketrans({character: f"\\{character}" for character in ",[]&*+\\"})


class TypeStrings:
    """Names of the types of one runtime; what cannot be named is given its address."""

    def __init__(self, access: DataAccess, loader: Loader, names: TypeNames) -> None:
        self._access = access
        self._loader = loader
        self._names = names
        self._left = 0
        self._short: dict[int, str] = {}
        self._full: dict[int, str] = {}

    def full(self, handle: int) -> str:
        """Return the full name of a TypeHandle, without its own assembly."""
        if handle not in self._full:
            self._full[handle] = self._whole(handle, short=False)
        return self._full[handle]

    def short(self, handle: int) -> str:
        """Return the name of a TypeHandle as in a list of parameters."""
        if handle not in self._short:
            self._short[handle] = self._whole(handle, short=True)
        return self._short[handle]

    def arguments(self, handles: tuple[int, ...]) -> str:
        """Return a list of type arguments, ``[[Name, Assembly],...]``; empty for none."""
        self._left = limits.NAME_LENGTH
        try:
            return self._argument_list(handles, 0)
        except LimitExceeded:
            return f"[<{len(handles)} types>]"

    def _whole(self, handle: int, *, short: bool) -> str:
        self._left = limits.NAME_LENGTH
        try:
            return self._name(handle, 0, short=short)
        except LimitExceeded:
            return _unnamed(handle)

    def _name(self, handle: int, depth: int, *, short: bool) -> str:
        try:
            match self._read(handle, depth):
                case CompoundType(element, of, rank):
                    mark = (MARKS if short else SUFFIXES).get(element)
                    mark = mark or (f"[{',' * (rank - 1)}]" if short else brackets(rank))
                    return self._name(of, depth + 1, short=short) + mark
                case FunctionType(returns, parameters):
                    names = ", ".join(self._name(parameter, depth + 1, short=short) for parameter in parameters)
                    return f"{self._name(returns, depth + 1, short=short)}{' ' if short else ''}({names})"
                case TypeVariable(module, row_id):
                    return self._variable(module, row_id)
                case DefinedType(method_table, is_primitive):
                    if short:
                        return self._short_defined(method_table, depth, is_primitive=is_primitive)
                    arguments = self._argument_list(self._names.arguments_of(method_table), depth + 1)
                    return self._nested_name(method_table) + arguments
        except LimitExceeded:
            raise
        except (FormatError, MemoryFault, UnsupportedRuntime):
            return _unnamed(handle)

    def _short_defined(self, method_table: int, depth: int, *, is_primitive: bool) -> str:
        name = self._short_definition(method_table, is_primitive=is_primitive)
        arguments = self._names.arguments_of(method_table)
        given = ",".join(self._name(argument, depth + 1, short=True) for argument in arguments)
        return f"{name}<{given}>" if arguments else name

    def _argument_list(self, handles: tuple[int, ...], depth: int) -> str:
        return f"[{','.join(self._argument(handle, depth) for handle in handles)}]" if handles else ""

    def _argument(self, handle: int, depth: int) -> str:
        name = self._name(handle, depth, short=False)
        assembly = self._assembly_of(handle)
        return f"[{name}, {assembly}]" if assembly else name

    def _assembly_of(self, handle: int) -> str:
        """Return the simple name of the assembly that a type is from; empty for type variables."""
        try:
            if isinstance(read_type_handle(self._access, handle), TypeVariable):
                return ""
            metadata = self._loader.find_metadata(self._names.module_behind(handle))
            return self._spent(metadata.string(metadata.row(Assembly, 1).name)) if metadata is not None else ""
        except LimitExceeded:
            raise
        except (FormatError, MemoryFault, UnsupportedRuntime):
            return ""

    def _short_definition(self, method_table: int, *, is_primitive: bool) -> str:
        metadata = self._loader.find_metadata(self._names.module_of(method_table))
        if metadata is None:
            return _unnamed(method_table)
        row = metadata.row(TypeDef, self._names.token_of(method_table))
        name, namespace = metadata.string(row.name), metadata.string(row.namespace)
        return self._spent(f"{namespace}.{name}" if namespace and not is_primitive else name)

    def _nested_name(self, method_table: int) -> str:
        module, row_id = self._names.module_of(method_table), self._names.token_of(method_table)
        metadata = self._loader.find_metadata(module)
        if not row_id:
            return "(dynamicClass)"
        if metadata is None:
            return _unnamed(method_table)
        return self._spent("+".join(part.translate(_RESERVED) for part in metadata.type_name(row_id).split("+")))

    def _variable(self, module: int, row_id: int) -> str:
        metadata = self._loader.find_metadata(module)
        if metadata is None:
            return f"!{row_id:#x}"
        return self._spent(metadata.string(metadata.row(GenericParam, row_id).name))

    def _read(self, handle: int, depth: int) -> DefinedType | CompoundType | TypeVariable | FunctionType:
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"types nest more than {MAX_DEPTH} deep", source="type name")
        self._spent(" ")
        return read_type_handle(self._access, handle)

    def _spent(self, text: str) -> str:
        """Return ``text``, which is a part of the name that is being made."""
        self._left -= len(text)
        if self._left < 0:
            raise LimitExceeded(f"a name of more than {limits.NAME_LENGTH} characters", source="type name")
        return text


def _unnamed(handle: int) -> str:
    return f"<type at {handle:#x}>"
