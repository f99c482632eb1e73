"""``RuntimeContracts``: the contracts of one runtime, each made when it is asked for, once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.clr.contracts.loader import Loader
from dotdump.clr.contracts.type_names import TypeNames
from dotdump.clr.contracts.type_system import TypeSystem
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import FormatError, MemoryFault, UnsupportedRuntime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.contracts.assemblies import Assemblies
    from dotdump.clr.contracts.debug_info import DebugInfos
    from dotdump.clr.contracts.execution_manager import CodeManager
    from dotdump.clr.contracts.method_descs import MethodDescs
    from dotdump.clr.contracts.method_names import MethodNames
    from dotdump.clr.contracts.method_variables import MethodVariables
    from dotdump.clr.contracts.native_aot_image import NativeAotImage
    from dotdump.clr.contracts.native_aot_methods import NativeAotMethods
    from dotdump.clr.contracts.native_aot_names import NativeAotNames
    from dotdump.clr.contracts.native_aot_types import NativeAotTypeSystem
    from dotdump.clr.contracts.precodes import Precodes
    from dotdump.clr.contracts.source_lines import SourceLines
    from dotdump.clr.contracts.stack_walk import StackWalker
    from dotdump.clr.contracts.threads import Threads
    from dotdump.clr.data_access import DataAccess


class RuntimeContracts:
    """The contracts of a runtime; ``access`` reads its structures by name."""

    def __init__(self, access: DataAccess) -> None:
        self.access = access

    @property
    def kind(self) -> RuntimeKind:
        """CoreCLR or NativeAOT."""
        return self.access.runtime.kind

    @property
    def version(self) -> str:
        """Its version, such as ``8.0.4``; empty where nothing says so."""
        return self.access.version

    @cached_property
    def loader(self) -> Loader:
        """Its modules and their metadata."""
        return Loader(self.access)

    @cached_property
    def assemblies(self) -> Assemblies:
        """What it has loaded."""
        from dotdump.clr.contracts.assemblies import Assemblies

        return Assemblies(self.access)

    @cached_property
    def thread_list(self) -> Threads:
        """What the runtime keeps of its threads."""
        from dotdump.clr.contracts.threads import Threads

        return Threads(self.access)

    @cached_property
    def stack_walker(self) -> StackWalker:
        """What walks the stacks of its threads; raises ``UnsupportedRuntime`` for NativeAOT, whose code is native."""
        from dotdump.clr.contracts.stack_walk import StackWalker

        if self.kind is RuntimeKind.NATIVE_AOT:
            raise UnsupportedRuntime(self.version, "managed frames", hint="its stacks are native: --native shows them")
        return StackWalker(self.access, self.code)

    @cached_property
    def code(self) -> CodeManager:
        """Its code: which method an instruction pointer is in."""
        from dotdump.clr.contracts.execution_manager import CodeManager

        return CodeManager(self.access)

    @cached_property
    def precodes(self) -> Precodes:
        """The stubs that stand for its methods."""
        from dotdump.clr.contracts.precodes import Precodes

        return Precodes(self.access)

    @cached_property
    def debug_infos(self) -> DebugInfos:
        """Which IL its code comes from."""
        from dotdump.clr.contracts.debug_info import DebugInfos

        return DebugInfos(self.access)

    @cached_property
    def source_lines(self) -> SourceLines:
        """Which source its IL comes from."""
        from dotdump.clr.contracts.source_lines import SourceLines

        return SourceLines(self.access, self.loader)

    @cached_property
    def method_records(self) -> MethodDescs:
        """What it keeps of its methods."""
        from dotdump.clr.contracts.method_descs import MethodDescs

        return MethodDescs(self.access)

    @cached_property
    def method_names(self) -> MethodNames:
        """What its methods are called."""
        from dotdump.clr.contracts.method_names import MethodNames
        from dotdump.clr.contracts.type_strings import TypeStrings

        strings = TypeStrings(self.access, self.loader, self._type_names)
        return MethodNames(self.access, self.loader, self._type_names, strings)

    @cached_property
    def method_variables(self) -> MethodVariables:
        """What its methods call their arguments and locals."""
        from dotdump.clr.contracts.method_variables import MethodVariables

        return MethodVariables(self.method_records, self.loader, self.method_names, self.source_lines)

    @cached_property
    def native_methods(self) -> NativeAotMethods:
        """The methods of a NativeAOT program, by their code."""
        from dotdump.clr.contracts.native_aot_methods import NativeAotMethods

        return NativeAotMethods(self.access, self._native_image)

    @cached_property
    def type_system(self) -> TypeSystem | NativeAotTypeSystem:
        """What MethodTables lead to."""
        if self.kind is RuntimeKind.NATIVE_AOT:
            from dotdump.clr.contracts.native_aot_types import NativeAotTypeSystem

            return NativeAotTypeSystem(self.access, self._native_names)
        return TypeSystem(self.access, self.loader, self._type_names)

    @property
    def named_types(self) -> Sequence[int]:
        """The TypeHandles of which names were asked for so far, and those that are in these names."""
        return self._type_names.named

    def type_name(self, method_table: int) -> str:
        """Return the full name of the type whose method table is at ``method_table``, as ClrMD writes it."""
        names = self._native_names if self.kind is RuntimeKind.NATIVE_AOT else self._type_names
        return names.name_of(method_table)

    def module_name(self, method_table: int) -> str:
        """Return the name of the module that defines a type, such as ``Corpus.dll``; empty where it is not known.

        Of NativeAOT it is the name of the assembly that the type was compiled from.
        """
        if self.kind is RuntimeKind.NATIVE_AOT:
            return self._native_names.assembly_of(method_table)
        try:
            return self.loader.name_of(self._type_names.module_behind(method_table))
        except (FormatError, MemoryFault, UnsupportedRuntime):
            return ""

    @cached_property
    def _type_names(self) -> TypeNames:
        return TypeNames(self.access, self.loader)

    @cached_property
    def _native_image(self) -> NativeAotImage:
        from dotdump.clr.contracts.native_aot_image import NativeAotImage

        return NativeAotImage(self.access)

    @cached_property
    def _native_names(self) -> NativeAotNames:
        from dotdump.clr.contracts.native_aot_names import NativeAotNames

        return NativeAotNames(self.access, self._native_image)
