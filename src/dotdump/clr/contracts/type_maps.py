"""Where a module keeps the types it has loaded: by TypeDef, by TypeRef, and the constructed ones in a hash table.

Nothing is hashed: a table of constructed types is read once, as a whole, and found by definition and arguments.
Source of truth: ceeload.h (LookupMap), dacenumerablehash.h and ngenhash.h of 3.1, typehash.h.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.type_flags import TypeFlags, canonical_of
from dotdump.clr.contracts.type_handles import is_type_desc
from dotdump.clr.data.loaded_types import EETypeHashEntry, EETypeHashTable, MethodTable, Module, ModuleLookupMap
from dotdump.errors import FormatError, LimitExceeded, MemoryFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dotdump.clr.contracts.type_names import TypeNames
    from dotdump.clr.data_access import DataAccess

_FLAG_BITS = 7
"""Low bits of a table's entry that are no part of the address."""

_SPECIAL_SLOTS = 3
"""Before the buckets of a table: their number, the next table, the mark that ends its chains."""

_PIECE = 1 << 20
"""Bytes of a table that are read at once, whatever it says of its size."""

Definition = tuple[int, int]
"""A module's address and the row id of a TypeDef in it."""


def _unbounded(_entries: int) -> None:
    """Let everything be read."""


class TypeMaps:
    """The loaded types of every module that is asked for.

    What lists types tells ``spend`` how many entries it is going to look at, empty ones too; what that raises ends it.
    """

    def __init__(self, access: DataAccess, names: TypeNames) -> None:
        self._access = access
        self._names = names
        self._constructed: dict[int, dict[Definition, list[tuple[tuple[int, ...], int]]]] = {}

    def find_definition(self, module: int, row_id: int) -> int:
        """Return the MethodTable of a TypeDef, 0 where it is not loaded."""
        return self.find_entry(module, "TypeDefToMethodTableMap", row_id)

    def find_reference(self, module: int, row_id: int) -> int:
        """Return the MethodTable that a TypeRef leads to, 0 where nobody followed it yet."""
        return self.find_entry(module, "TypeRefToMethodTableMap", row_id)

    def definitions(self, module: int, spend: Callable[[int], None] = _unbounded) -> Iterator[int]:
        """Yield the MethodTable of every TypeDef of a module that is loaded."""
        return self._entries(Module(self._access, module).address_of("TypeDefToMethodTableMap"), spend)

    def references(self, module: int, spend: Callable[[int], None] = _unbounded) -> Iterator[int]:
        """Yield the MethodTable of every TypeRef of a module that somebody followed."""
        return self._entries(Module(self._access, module).address_of("TypeRefToMethodTableMap"), spend)

    def constructed(self, module: int, spend: Callable[[int], None] = _unbounded) -> Iterator[int]:
        """Yield the MethodTables of the constructed types that a module keeps.

        Raises ``FormatError`` and ``MemoryFault`` where not all could be read, when those that can be were yielded.
        """
        return self._method_tables(module, spend)

    def find_constructed(self, definition: Definition, arguments: tuple[int, ...], modules: set[int]) -> int:
        """Return the MethodTable of a generic type with ``arguments``, kept by one of ``modules``; 0 where none is.

        Where that type is not loaded, one of the same layout is returned, whose references are of other classes.
        """
        alike = 0
        for module in modules:
            for theirs, method_table in self._constructed_by(module).get(definition, ()):
                if theirs == arguments:
                    return method_table
                if self._are_alike(theirs, arguments):
                    alike = alike or canonical_of(self._access, method_table)
        return alike

    def is_value_type(self, handle: int) -> bool:
        """Return whether values of a TypeHandle lie in place."""
        if is_type_desc(handle):
            return False
        category = MethodTable(self._access, handle).flags & TypeFlags.CATEGORY_VALUE_TYPE_MASK
        return category == TypeFlags.CATEGORY_VALUE_TYPE

    def _are_alike(self, theirs: tuple[int, ...], ours: tuple[int, ...]) -> bool:
        pairs = zip(theirs, ours, strict=False)
        return len(theirs) == len(ours) and all(
            a == b or not (is_type_desc(a) or is_type_desc(b) or self.is_value_type(a) or self.is_value_type(b))
            for a, b in pairs
        )

    def find_entry(self, module: int, name: str, row_id: int) -> int:
        """Return what a module's table called ``name`` has for a row of its metadata; 0 for nothing."""
        for block in self._blocks(Module(self._access, module).address_of(name)):
            count = block.count
            if row_id < count:
                return self._access.reader.pointer(block.table + 8 * row_id) & ~_FLAG_BITS
            row_id -= count
        return 0

    def _entries(self, address: int, spend: Callable[[int], None]) -> Iterator[int]:
        """Yield what stands in a table of types; raises ``MemoryFault``, ``LimitExceeded``."""
        for block in self._blocks(address):
            spend(1)
            end = block.table + 8 * min(block.count, limits.LOOKUP_MAP_ENTRIES)
            for place in range(block.table, end, _PIECE):
                size = min(_PIECE, end - place)
                spend(size // 8)
                data = self._access.reader.memory.read(place, size)
                yield from (found for word in memoryview(data).cast("Q") if (found := word & ~_FLAG_BITS))

    def _blocks(self, address: int) -> Iterator[ModuleLookupMap]:
        """Yield the blocks of a table of types."""
        for _ in range(limits.LOOKUP_MAP_BLOCKS):
            block = ModuleLookupMap(self._access, address)
            yield block
            address = block.next
            if not address:
                return
        raise LimitExceeded(f"more than {limits.LOOKUP_MAP_BLOCKS} blocks", source=f"table of types at {address:#x}")

    def _constructed_by(self, module: int) -> dict[Definition, list[tuple[tuple[int, ...], int]]]:
        if module not in self._constructed:
            found: dict[Definition, list[tuple[tuple[int, ...], int]]] = {}
            left = limits.KEPT_ARGUMENTS
            for method_table in self._readable(module):
                with suppress(FormatError, MemoryFault):
                    arguments = self._names.arguments_of(method_table)
                    left -= len(arguments)
                    if arguments and left >= 0:
                        key = (self._names.module_of(method_table), self._names.token_of(method_table))
                        found.setdefault(key, []).append((arguments, method_table))
            self._constructed[module] = found
        return self._constructed[module]

    def _readable(self, module: int) -> Iterator[int]:
        """Yield the constructed types of a module as far as its table can be read."""
        with suppress(FormatError, MemoryFault):
            yield from self._method_tables(module, _unbounded)

    def _method_tables(self, module: int, spend: Callable[[int], None]) -> Iterator[int]:
        """Yield the constructed types of a module that have a MethodTable; raises as ``_handles`` does."""
        address = Module(self._access, module).constructed_types
        heads = self._buckets(EETypeHashTable(self._access, address), spend) if address else ()
        for handle in self._handles(heads, f"constructed types at {address:#x}"):
            spend(1)
            if handle and not is_type_desc(handle):
                yield handle

    def _buckets(self, table: EETypeHashTable, spend: Callable[[int], None]) -> Iterator[int]:
        reader, first = self._access.reader, table.buckets
        beside = self._access.has("EETypeHashTable", "BucketCount")
        count = table.bucket_count if beside else reader.u64(first)
        if count > limits.CONSTRUCTED_TYPES:
            raise LimitExceeded(f"{count} buckets", source=f"constructed types at {table.address:#x}")
        spend(count)
        start = first if beside else first + 8 * _SPECIAL_SLOTS
        yield from memoryview(reader.memory.read(start, 8 * count)).cast("Q")

    def _handles(self, heads: Iterable[int], source: str) -> Iterator[int]:
        """Yield the TypeHandle of each entry of the chains from ``heads`` on, 0 for none.

        A damaged chain ends where it is damaged; raises when all have been followed, ``FormatError`` or
        ``MemoryFault``, what the first of them ended with.
        """
        seen, damage = set[int](), None
        for head in heads:
            entry = head
            try:
                while entry and not entry & 1:
                    _require_new(entry, seen, source)
                    view = EETypeHashEntry(self._access, entry)
                    yield view.value & ~1
                    entry = view.next
            except (FormatError, MemoryFault) as error:
                damage = damage or error
        if damage is not None:
            raise damage.with_traceback(None)


def _require_new(entry: int, seen: set[int], source: str) -> None:
    """Note one more entry: it has one place in one chain, whichever leads to it."""
    if entry in seen:
        raise FormatError(f"chains come back to {entry:#x}", source=source)
    if len(seen) >= limits.CONSTRUCTED_TYPES:
        raise LimitExceeded(f"more than {limits.CONSTRUCTED_TYPES:,} entries", source=source)
    seen.add(entry)
