"""``TypeResolver``: the loaded type that a signature spells, as a TypeHandle.

Only what the runtime itself has loaded is found: of a reference that nobody followed, and of arrays and pointers,
there is no handle, and none is needed to read a field of them.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.signature_names import PRIMITIVE_NAMES
from dotdump.clr.contracts.type_handles import is_type_desc
from dotdump.clr.data.loaded_types import MethodTable
from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.metadata import signatures as s
from dotdump.formats.metadata.rows import RESOLUTION_SCOPE
from dotdump.formats.metadata.schema import AssemblyRef, TypeDef, TypeRef, TypeSpec
from dotdump.formats.metadata.signature_blobs import parse_type_signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.contracts.type_maps import TypeMaps
    from dotdump.clr.contracts.type_names import TypeNames
    from dotdump.clr.data_access import DataAccess


_CORE_LIBRARIES = ("System.Private.CoreLib", "System.Runtime", "mscorlib", "netstandard")
"""What assemblies call the core library: its own name, and those that hand its types on."""
_VISIBILITY, _NESTED = 7, 2
"""Bits of the flags of a TypeDef (ECMA-335 II.23.1.15), and the least value of one that is in another."""


class TypeResolver:
    """Finds types by signature; the core library is found from the first type it is asked about, up its base types."""

    def __init__(self, access: DataAccess, loader: Loader, names: TypeNames, maps: TypeMaps) -> None:
        self._access = access
        self._loader = loader
        self._names = names
        self._maps = maps
        self._depth = 0
        self._left = 0
        self._core_library = 0

    def resolve(self, signature: s.TypeSignature, context: int) -> int:
        """Return the TypeHandle of a signature that stands in the type at ``context``, 0 where none is loaded.

        Raises ``FormatError`` where metadata is damaged, ``MemoryFault`` where the runtime's tables are not there.
        """
        if not self._core_library:
            self._core_library = self._names.module_of(self._root_of(context))
        self._left = limits.NAME_PARTS
        return self._resolve(signature, self._names.module_of(context), self._names.arguments_of(context))

    def _root_of(self, method_table: int) -> int:
        for _ in range(limits.BASE_TYPES):
            parent = MethodTable(self._access, method_table).parent
            if not parent:
                return method_table
            method_table = parent
        raise LimitExceeded(f"more than {limits.BASE_TYPES} base types", source=f"type {method_table:#x}")

    def _resolve(self, signature: s.TypeSignature, module: int, arguments: Sequence[int]) -> int:
        self._depth += 1
        self._left -= 1
        try:
            if self._depth > s.MAX_DEPTH or self._left < 0:
                raise FormatError(f"types nest more than {s.MAX_DEPTH} deep, or too many in all", source="signature")
            return self._find(signature, module, arguments)
        finally:
            self._depth -= 1

    def _find(self, signature: s.TypeSignature, module: int, arguments: Sequence[int]) -> int:
        match signature:
            case s.Primitive(element):
                return self._primitive(element)
            case s.Named(table, row_id):
                return self._named(table, row_id, module, arguments)
            case s.Instantiation(of, given):
                return self._instance(of, given, module, arguments)
            case s.Variable(s.ElementType.VAR, number) if number < len(arguments):
                return arguments[number]
            case s.Modified(_, _, of):
                return self._resolve(of, module, arguments)
        return signature.address if isinstance(signature, s.Handle) else 0

    def _primitive(self, element: s.ElementType) -> int:
        row_id = self._primitives.get(element, 0)
        return self._maps.find_definition(self._core_library, row_id) if row_id else 0

    def _named(self, table: int, row_id: int, module: int, arguments: Sequence[int]) -> int:
        if table == TypeDef.table:
            return self._maps.find_definition(module, row_id)
        if table == TypeRef.table:
            return self._maps.find_reference(module, row_id) or self._find_in_core_library(module, row_id)
        metadata = self._loader.find_metadata(module)
        if table != TypeSpec.table or metadata is None:
            return 0
        blob = metadata.blob(metadata.row(TypeSpec, row_id).signature)
        return self._resolve(parse_type_signature(blob), module, arguments)

    def _find_in_core_library(self, module: int, row_id: int) -> int:
        """Return the type of the core library that a TypeRef names; 0 where it names one of another assembly.

        A module that is emitted remembers nothing of its references that it had no room for when it was made.
        """
        metadata = self._loader.find_metadata(module)
        if metadata is None:
            return 0
        row = metadata.row(TypeRef, row_id)
        scope, scope_id = RESOLUTION_SCOPE.decode(row.resolution_scope)
        if scope != AssemblyRef.table or not scope_id:
            return 0
        if metadata.string(metadata.row(AssemblyRef, scope_id).name) not in _CORE_LIBRARIES:
            return 0
        found = self._core_types.get((metadata.string(row.namespace), metadata.string(row.name)), 0)
        return self._maps.find_definition(self._core_library, found) if found else 0

    def _instance(
        self, of: s.TypeSignature, given: Sequence[s.TypeSignature], module: int, arguments: Sequence[int]
    ) -> int:
        definition = self._resolve(of, module, arguments)
        handles = tuple(self._resolve(argument, module, arguments) for argument in given)
        if not definition or is_type_desc(definition):
            return 0
        handles = tuple(handle or self._any_reference(given[i]) for i, handle in enumerate(handles))
        if not all(handles):
            return 0
        home = self._names.module_of(definition)
        modules = {home} | self._modules_of(handles)
        return self._maps.find_constructed((home, self._names.token_of(definition)), handles, modules)

    def _any_reference(self, signature: s.TypeSignature) -> int:
        """Return ``System.Object`` in the place of a class that is not loaded: for the layout they are the same."""
        match signature:
            case s.Wrapped(s.ElementType.SZARRAY) | s.ArrayOf() | s.Named(is_value_type=False):
                return self._object
            case s.Instantiation(s.Named(is_value_type=False)):
                return self._object
        return 0

    def _modules_of(self, handles: Sequence[int]) -> set[int]:
        """Return the modules that a type with these arguments may belong to."""
        found: set[int] = set()
        seen: set[int] = set()
        waiting = list(handles)
        while waiting and len(seen) < limits.NAME_PARTS:
            handle = waiting.pop()
            if not is_type_desc(handle) and handle not in seen:
                seen.add(handle)
                found.add(self._names.module_of(handle))
                waiting.extend(self._names.arguments_of(handle))
        return found - {0}

    @cached_property
    def _primitives(self) -> dict[s.ElementType, int]:
        """Element type to the row id of its TypeDef in the core library."""
        rows = {element: self._core_types.get(_split(name), 0) for element, name in PRIMITIVE_NAMES.items()}
        return {element: row_id for element, row_id in rows.items() if row_id}

    @cached_property
    def _core_types(self) -> dict[tuple[str, str], int]:
        """Namespace and name to the row id of a TypeDef of the core library that is in no other type."""
        metadata = self._loader.find_metadata(self._core_library)
        if metadata is None:
            return {}
        found: dict[tuple[str, str], int] = {}
        for row_id, row in enumerate(metadata.rows(TypeDef), 1):
            if row.flags & _VISIBILITY < _NESTED:
                found.setdefault((metadata.string(row.namespace), metadata.string(row.name)), row_id)
        return found

    @cached_property
    def _object(self) -> int:
        return self._primitive(s.ElementType.OBJECT)


def _split(name: str) -> tuple[str, str]:
    """Return the namespace of a type and its own name."""
    namespace, _, own = name.rpartition(".")
    return namespace, own
