"""What keeps a collectible type's code alive: each of its objects refers to a LoaderAllocator, as no GCDesc says.

The native allocator of a type's loader module holds a handle to that object, and the object's scout holds the native
allocator's address. Where both lie differs by version and is in no descriptor, so it is looked for: only a pair of
which each leads to the other is believed. Found once, the offsets are tried first for every other module.

Source of truth: ``AssemblyLoaderAllocator`` of loaderallocator.hpp and LoaderAllocator.cs (``m_scout``,
``m_nativeLoaderAllocator``), from 3.1 to 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.gc_desc import read_gc_desc
from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.columns import whole_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.clr.contracts.type_table import TypeTable
    from dotdump.clr.data_access import DataAccess
    from dotdump.kernels import Column

_MODULE_SIZE = 0x800
_ALLOCATOR_SIZE = 0x1000
_SEARCHES = 4
_SCOUT_WORDS = 16


class LoaderAllocators:
    """Finds the LoaderAllocator object of collectible types; ``in_heap`` tells where an object can be."""

    def __init__(self, access: DataAccess, types: TypeTable, in_heap: Callable[[int], bool]) -> None:
        self._access = access
        self._reader = access.reader
        self._types = types
        self._in_heap = in_heap
        self._by_module: dict[int, int | None] = {}
        self._offsets: tuple[int, int] | None = None
        self._searches = 0

    def by_type(self) -> dict[int, int]:
        """Return the address of the object that all objects of a type refer to, by type index."""
        found = {}
        for index, shape in enumerate(list(self._types.shapes)):
            address = self.find(shape.method_table) if shape.collectible else None
            if address is not None:
                found[index] = address
        return found

    def find(self, method_table: int) -> int | None:
        """Return the address of the LoaderAllocator object of a collectible type, or None."""
        try:
            module = self._loader_module(method_table)
        except MemoryFault:
            return None
        if module not in self._by_module:
            self._by_module[module] = self._of_module(module)
        return self._by_module[module]

    def _loader_module(self, method_table: int) -> int:
        access = self._access
        if access.has("MethodTableAuxiliaryData", "LoaderModule"):
            auxiliary = access.pointer(method_table, "MethodTable", "AuxiliaryData")
            return access.pointer(auxiliary, "MethodTableAuxiliaryData", "LoaderModule")
        return access.pointer(method_table, "MethodTable", "LoaderModule", "Module")

    def _of_module(self, module: int) -> int | None:
        if self._offsets is not None:
            return self._at(module, *self._offsets)
        if self._searches >= _SEARCHES:
            return None
        self._searches += 1
        for offset, allocator in self._words(module, _MODULE_SIZE):
            for inside, _ in self._words(allocator, _ALLOCATOR_SIZE):
                found = self._at(module, offset, inside)
                if found is not None:
                    self._offsets = (offset, inside)
                    return found
        return None

    def _at(self, module: int, offset: int, inside: int) -> int | None:
        """Return the object behind the handle there, if its scout points back."""
        try:
            allocator = self._reader.u64(module + offset)
            target = self._reader.u64(self._reader.u64(allocator + inside))
            return target if self._points_back(target, allocator) else None
        except (MemoryFault, FormatError):
            return None

    def _points_back(self, address: int, allocator: int) -> bool:
        if address % 8 or not self._in_heap(address):
            return False
        return any(allocator in self._object_words(scout) for scout in self._references(address))

    def _references(self, address: int) -> Iterator[int]:
        index = self._types.index_of(self._reader.u64(address) & ~7)
        shape = None if index is None else self._types.shapes[index]
        if shape is None or shape.component_size or not shape.contains_pointers:
            return
        _, *series = read_gc_desc(self._reader, shape)
        for offset, length in zip(series[::2], series[1::2], strict=True):
            for place in range(offset, offset + length + shape.base_size, 8):
                target = self._reader.u64(address + place)
                if target % 8 == 0 and self._in_heap(target):
                    yield target

    def _object_words(self, address: int) -> Column:
        data = self._reader.memory.read_available(address, 8 * _SCOUT_WORDS)
        return whole_words(data)

    def _words(self, address: int, size: int) -> Iterator[tuple[int, int]]:
        """Yield offset and value of each word that can be a pointer."""
        data = self._reader.memory.read_available(address, size)
        for index, word in enumerate(whole_words(data)):
            if word % 8 == 0 and 0x10000 < word < 1 << 56:
                yield 8 * index, word
