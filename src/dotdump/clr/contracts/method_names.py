"""Full names of methods as the runtime's own debugger library writes them, and as ClrMD shows them.

``Namespace.Outer+Inner`1[[Arg, Assembly]].Method[[Arg, Assembly]](Parameter, Parameter ByRef)``. Source of truth:
``TypeString::AppendMethodInternal`` and ``ClrDataAccess::GetMethodDescName``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.method_descs import MethodKind
from dotdump.clr.contracts.signature_strings import SignatureStrings
from dotdump.clr.data.loaded_types import MethodTable
from dotdump.errors import FormatError, MemoryFault, UnsupportedRuntime
from dotdump.formats.metadata.rows import TYPE_OR_METHOD_DEF
from dotdump.formats.metadata.schema import GenericParam, MethodDef
from dotdump.formats.metadata.tokens import METHOD_DEF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.contracts.method_descs import MethodRecord
    from dotdump.clr.contracts.type_names import TypeNames
    from dotdump.clr.contracts.type_strings import TypeStrings
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.metadata.image import Metadata

DYNAMIC_CLASS, STUB_CLASS = "DynamicClass", "ILStubClass"
_ARRAY_METHODS = ("Get", "Set", "Address")


class MethodNames:
    """Names of the methods of one runtime."""

    def __init__(self, access: DataAccess, loader: Loader, names: TypeNames, strings: TypeStrings) -> None:
        self._access = access
        self._loader = loader
        self._names = names
        self._strings = strings

    def module_of(self, method: MethodRecord) -> int:
        """Return the address of the module whose metadata a method's tokens are of."""
        return self._names.module_of(method.method_table)

    def type_name_of(self, method: MethodRecord) -> str:
        """Return the name of the type that a method is in; of methods without metadata what stands in its place."""
        if method.kind is MethodKind.DYNAMIC:
            return STUB_CLASS if method.is_stub else DYNAMIC_CLASS
        return self._strings.full(method.method_table)

    def definition_name_of(self, method: MethodRecord) -> str:
        """Return the name of the definition of a method's type, without arguments; empty where nothing says it."""
        try:
            metadata = self._loader.find_metadata(self.module_of(method))
            row_id = self._names.token_of(method.method_table)
            return metadata.type_name(row_id) if metadata is not None and row_id else ""
        except (FormatError, MemoryFault, UnsupportedRuntime):
            return ""

    def name_of(self, method: MethodRecord) -> str:
        """Return a method's own name; where nothing says it, one that says its token."""
        if method.kind is MethodKind.DYNAMIC:
            return method.name
        if method.kind is MethodKind.ARRAY:
            index = method.slot - MethodTable(self._access, method.method_table).virtuals
            return _ARRAY_METHODS[index] if 0 <= index < len(_ARRAY_METHODS) else ".ctor"
        metadata = self._loader.find_metadata(self.module_of(method))
        if metadata is None or not method.row_id:
            return f"<method {METHOD_DEF | method.row_id:#x}>"
        return metadata.string(metadata.row(MethodDef, method.row_id).name)

    def type_arguments_of(self, method: MethodRecord) -> tuple[int, ...]:
        """Return the TypeHandles of the arguments of the type that a method is in."""
        return () if method.kind is MethodKind.DYNAMIC else self._names.arguments_of(method.method_table)

    def arguments_text(self, method: MethodRecord) -> str:
        """Return a generic method's arguments, ``[[Name, Assembly],...]``; empty for none."""
        return self._strings.arguments(method.arguments)

    def argument_names(self, method: MethodRecord) -> Iterator[str]:
        """Yield the name of each of a generic method's arguments, as the type is called everywhere else."""
        yield from (self._names.name_of(handle) for handle in method.arguments)

    def parameters_of(self, method: MethodRecord) -> str:
        """Return a method's parameters in brackets; empty where its signature cannot be had."""
        try:
            blob = self.signature_of(method)
            return self.writer_of(method).parameters(blob) if blob else ""
        except (FormatError, MemoryFault, UnsupportedRuntime):
            return ""

    def signature_of(self, method: MethodRecord) -> bytes:
        """Return a method's signature; empty where nothing says it."""
        if method.stored_signature:
            return method.stored_signature
        metadata = self._loader.find_metadata(self.module_of(method))
        if metadata is None or not method.row_id:
            return b""
        return metadata.blob(metadata.row(MethodDef, method.row_id).signature)

    def writer_of(self, method: MethodRecord) -> SignatureStrings:
        """Return what writes the types of a method's signature."""
        metadata = self._loader.find_metadata(self.module_of(method))
        type_arguments = [self._strings.short(handle) for handle in self.type_arguments_of(method)]
        method_arguments = [self._strings.short(handle) for handle in method.arguments]
        if method.is_definition and metadata is not None:
            method_arguments = list(_parameter_names(metadata, method.row_id))
        return SignatureStrings(metadata, type_arguments, method_arguments, self._strings.short)


def _parameter_names(metadata: Metadata, method_row_id: int) -> Iterator[str]:
    for row in metadata.rows(GenericParam):
        if TYPE_OR_METHOD_DEF.decode(row.owner) == (MethodDef.table, method_row_id):
            yield metadata.string(row.name)
