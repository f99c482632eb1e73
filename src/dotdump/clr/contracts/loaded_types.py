"""Every type that a runtime has loaded, found from some of them: module by module, along what modules refer to.

A module keeps its own definitions, the types of others that it has referred to, and constructed types. So from the
modules of the types on the heap all those are found whose types these use; what only calls by reflection lead to, such
as a module made at run time, is in the list of assemblies alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.type_flags import TypeFlags
from dotdump.clr.data.loaded_types import MethodTable
from dotdump.errors import FormatError, LimitExceeded, MemoryFault, UnsupportedRuntime
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dotdump.clr.contracts.type_system import TypeSystem

_NO_OWN_STATICS = (TypeFlags.GENERICS_MASK, TypeFlags.GENERIC_SHARED_INSTANTIATION)


class LoadedTypes:
    """The loaded types of one runtime; ``problems`` says of which modules not all could be read."""

    def __init__(self, system: TypeSystem) -> None:
        self._system = system
        self._left = limits.LOADED_TYPES
        self.problems: list[Problem] = []

    def modules(self, method_tables: Iterable[int], listed: Iterable[int] = ()) -> list[int]:
        """Return the modules of these types, those that are ``listed``, and all that they refer to, by address."""
        waiting = sorted({*listed, *(module for table in method_tables if (module := self._module_of(table)))})
        found = dict.fromkeys(waiting)
        while waiting and len(found) < limits.LOADED_MODULES:
            module = waiting.pop()
            for table in self._entries(self._system.maps.references, module):
                other = self._module_of(table)
                if not other:
                    self._left -= limits.NO_TYPE
                elif other not in found:
                    found[other] = None
                    waiting.append(other)
        return sorted(found)

    def types(self, modules: Iterable[int]) -> Iterator[int]:
        """Yield the MethodTable of each loaded type of ``modules``, once."""
        seen: set[int] = set()
        for module in modules:
            for source in (self._system.maps.definitions, self._system.maps.constructed):
                for table in self._entries(source, module):
                    if table not in seen:
                        seen.add(table)
                        yield table

    def has_own_statics(self, method_table: int) -> bool:
        """Return whether a type can have statics: not what stands for several, nor an array."""
        flags = MethodTable(self._system.access, method_table).flags
        if flags & TypeFlags.HAS_COMPONENT_SIZE:
            return not self._system.is_array(method_table)
        return flags & TypeFlags.GENERICS_MASK not in _NO_OWN_STATICS

    def _module_of(self, method_table: int) -> int:
        try:
            return self._system.names.module_behind(method_table)
        except (FormatError, MemoryFault, UnsupportedRuntime):
            return 0

    def _entries(self, source: Callable[[int, Callable[[int], None]], Iterator[int]], module: int) -> Iterator[int]:
        if self._left < 0:
            return
        try:
            yield from source(module, self._spend)
        except (FormatError, MemoryFault, UnsupportedRuntime) as error:
            self.problems.append(Problem("types", f"loaded types of the module at {module:#x}: {error}"))

    def _spend(self, entries: int) -> None:
        self._left -= entries
        if self._left < 0:
            raise LimitExceeded(
                f"more than {limits.LOADED_TYPES:,} places with those of other modules, no more are read"
            )
