"""``ClrRuntime``: a .NET runtime in a target, and the way to everything in it.

Opening one reads only what tells which runtime it is; each part is read when it is asked for, once, because a target
stands still.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Self

from dotdump.clr.contracts.loader import Loader
from dotdump.clr.contracts.type_names import TypeNames
from dotdump.clr.contracts.type_system import TypeSystem
from dotdump.clr.data_access import DataAccess
from dotdump.clr.layout_choice import choose_layouts
from dotdump.clr.model.heap import ClrHeap
from dotdump.clr.model.type import ClrTypes
from dotdump.clr.runtime_module import RuntimeKind, runtime_modules
from dotdump.clr.runtime_version import find_version
from dotdump.errors import MemoryFault, RuntimeNotFound, UnsupportedRuntime

if TYPE_CHECKING:
    from dotdump.clr.model.type import ClrType
    from dotdump.target.model import Module, Target


class ClrRuntime:
    """A runtime. ``access`` reads its structures by name; contracts are made of it."""

    def __init__(self, access: DataAccess) -> None:
        self.access = access

    @classmethod
    def of(cls, target: Target) -> Self:
        """Return the first runtime in ``target``; raises ``RuntimeNotFound`` where there is none."""
        found = cls.all_of(target)
        if not found:
            modules = len(target.modules)
            raise RuntimeNotFound(
                f"no .NET runtime among the {modules} loaded files of process {target.process.pid}",
                hint="is it a .NET process, and had its runtime started?",
            )
        return found[0]

    @classmethod
    def all_of(cls, target: Target) -> list[Self]:
        """Return every runtime in ``target``: a program can host one and load NativeAOT libraries."""
        runtimes = []
        for module in runtime_modules(target):
            version = find_version(target, module)
            runtimes.append(cls(DataAccess(target, module, version, choose_layouts(target, module, version))))
        return runtimes

    @property
    def target(self) -> Target:
        """What it is in."""
        return self.access.target

    @property
    def kind(self) -> RuntimeKind:
        """CoreCLR or NativeAOT."""
        return self.access.runtime.kind

    @property
    def module(self) -> Module:
        """The file it is in."""
        return self.access.runtime.module

    @property
    def version(self) -> str:
        """Its version, such as ``8.0.4``; empty where nothing says so."""
        return self.access.version

    @cached_property
    def heap(self) -> ClrHeap:
        """Its managed heap."""
        return ClrHeap(self.access, self.type_at)

    @cached_property
    def loader(self) -> Loader:
        """Its modules and their metadata."""
        return Loader(self.access)

    @cached_property
    def _type_names(self) -> TypeNames:
        return TypeNames(self.access, self.loader)

    @cached_property
    def type_system(self) -> TypeSystem:
        """What MethodTables lead to."""
        return TypeSystem(self.access, self.loader, self._type_names)

    @cached_property
    def _types(self) -> ClrTypes:
        return ClrTypes(self.type_system, self.type_name)

    def type_at(self, method_table: int) -> ClrType:
        """Return the type whose MethodTable is at an address."""
        return self._types.at(method_table)

    def type_name(self, method_table: int) -> str:
        """Return the full name of the type whose method table is at ``method_table``, as ClrMD writes it."""
        if self.kind is RuntimeKind.NATIVE_AOT:
            symbol = self.module.symbol_at(method_table)
            return symbol[0] if symbol and symbol[1] == 0 else f"<type at {method_table:#x}>"
        return self._type_names.name_of(method_table)

    def module_name(self, method_table: int) -> str:
        """Return the name of the module that defines a type, such as ``Corpus.dll``; empty where it is not known."""
        if self.kind is RuntimeKind.NATIVE_AOT:
            return PurePosixPath(self.module.path).name
        try:
            return self.loader.name_of(self._type_names.module_behind(method_table))
        except (MemoryFault, UnsupportedRuntime):
            return ""

    def __repr__(self) -> str:
        return f"<ClrRuntime {self.kind} {self.version or 'of unknown version'}>"
