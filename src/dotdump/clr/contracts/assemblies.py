"""Assemblies: what the application domain has loaded, in the order in which it did.

There is one domain since .NET Core. A list that is cut or damaged ends with a problem. Source of truth:
docs/design/datacontracts/Loader.md; appdomain.hpp (``m_Assemblies``) and arraylist.h, read from 3.1.23, 8.0.4, 9.0.22
and 10.0.14.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.clr.data.loaded_types import ArrayListBase, ArrayListBlock, Assembly, DomainAssembly
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import FormatError, MemoryFault, UnsupportedRuntime
from dotdump.limits import ASSEMBLIES
from dotdump.records import record
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.data_access import DataAccess


@record
class LoadedAssembly:
    """Addresses: of the domain's entry, of the Assembly and of its Module, which is 0 until it has one."""

    entry: int
    assembly: int
    module: int


class Assemblies:
    """The assemblies of one runtime; ``problems`` says what of the list could not be read."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self.problems: list[Problem] = []

    @cached_property
    def domain(self) -> int:
        """The address of the application domain; 0 where none is known."""
        if self._access.runtime.kind is not RuntimeKind.CORECLR:
            return 0
        try:
            return self._access.global_pointer("AppDomain")
        except (UnsupportedRuntime, MemoryFault) as error:
            self.problems.append(Problem("assemblies", f"the application domain was not found: {error}"))
            return 0

    @cached_property
    def loaded(self) -> Sequence[LoadedAssembly]:
        """The assemblies that can be read."""
        found: list[LoadedAssembly] = []
        try:
            for entry in self._entries() if self.domain else ():
                assembly = DomainAssembly(self._access, entry).assembly
                found.append(LoadedAssembly(entry, assembly, Assembly(self._access, assembly).module))
        except (FormatError, MemoryFault, UnsupportedRuntime) as error:
            self.problems.append(Problem("assemblies", f"the list breaks after {len(found)}: {error}"))
        return tuple(found)

    @cached_property
    def modules(self) -> Sequence[int]:
        """The addresses of their Modules."""
        return tuple(one.module for one in self.loaded if one.module)

    def blocks(self) -> Iterator[tuple[int, int, int]]:
        """Yield of each block of the list where its entries begin, for how many it has room, and how many it has.

        Raises ``FormatError`` where the blocks end before the list does.
        """
        access = self._access
        place = self.domain + access.offset("AppDomain", "DomainAssemblyList")
        left = min(ArrayListBase(access, place).count, ASSEMBLIES)
        block, seen = place + access.offset("ArrayListBase", "FirstBlock"), set[int]()
        while left and block and block not in seen and len(seen) < ASSEMBLIES:
            seen.add(block)
            view = ArrayListBlock(access, block)
            room = min(view.size, ASSEMBLIES)
            used = min(room, left)
            yield block + access.offset("ArrayListBlock", "ArrayStart"), room, used
            left -= used
            block = view.next
        if left:
            raise FormatError(
                f"{left} entries are in none of {len(seen)} blocks", source="list of assemblies", offset=place
            )

    def _entries(self) -> Iterator[int]:
        reader = self._access.reader
        for items, _, count in self.blocks():
            for index in range(count):
                if entry := reader.pointer(items + reader.pointer_size * index):
                    yield entry
