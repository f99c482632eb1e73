"""Names of NativeAOT's types: from what a program carries for reflection, else from its symbols.

A map in the program leads from method tables of definitions to embedded metadata; arrays and constructed types are
put together from theirs. A type that was left out of the metadata has the name of its symbol, where there is one.
Source of truth: src/coreclr/nativeaot/Common/src/Internal/Runtime/MethodTable.cs, MethodTable.Constants.cs and
TypeLoaderEnvironment.Metadata.cs of dotnet/runtime, read from 10.0.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.native_aot_symbols import type_of_symbol
from dotdump.clr.contracts.type_names import FREE, MAX_DEPTH, brackets, with_arguments
from dotdump.clr.data.native_aot import NativeMethodTable
from dotdump.errors import FormatError, MemoryFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.native_aot_image import NativeAotImage
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.native_metadata import NativeTypeName

_INDIRECT = 1
_WORDS_BEHIND_INTERFACES = 10
_SZ_ARRAY_BASE_SIZE = 24
_MAX_ARITY = 64
_BOUNDS_OF_A_DIMENSION = 8


class NativeFlags(IntFlag):
    """Bits of the first word of a method table."""

    KIND_MASK = 0x00030000
    PARAMETERIZED = 0x00020000
    GENERIC_DEFINITION = 0x00030000
    DYNAMIC = 0x00080000
    GENERIC = 0x02000000


class NativeElement(IntEnum):
    """What a type is, in the five bits below the highest of that word; 0 of free space and of static fields."""

    BOOLEAN = 0x02
    DOUBLE = 0x0F
    VALUE_TYPE = 0x10
    NULLABLE = 0x12
    CLASS = 0x14
    INTERFACE = 0x15
    ARRAY = 0x17
    SZ_ARRAY = 0x18
    BYREF = 0x19
    POINTER = 0x1A


_ELEMENT_SHIFT = 26
_ELEMENT_MASK = 0x1F
_SUFFIXES = {NativeElement.SZ_ARRAY: "[]", NativeElement.POINTER: "*", NativeElement.BYREF: "&"}


def element_of(table: NativeMethodTable) -> int:
    """Return what a type is, as in ``NativeElement``."""
    return table.flags >> _ELEMENT_SHIFT & _ELEMENT_MASK


class NativeAotNames:
    """Names of the types of one NativeAOT program or library, each found once."""

    def __init__(self, access: DataAccess, image: NativeAotImage) -> None:
        self._access = access
        self._image = image
        self._names: dict[int, str] = {}
        self._left = 0

    def name_of(self, method_table: int) -> str:
        """Return the full name as ClrMD would write it; where nothing names the type, one that says its address.

        The static fields of a class that refer to objects are an object of their own, of a type that has no name.
        """
        return self._name(method_table, 0)

    def module_of(self, method_table: int) -> int:
        """Return 0: a program keeps no record of the modules that it was made of."""
        del method_table
        return 0

    def token_of(self, method_table: int) -> int:
        """Return 0: what tokens of the assemblies it was made of were is not kept."""
        del method_table
        return 0

    def assembly_of(self, method_table: int) -> str:
        """Return the name of the assembly of a type or of an array's elements; empty where it is not known."""
        try:
            for _ in range(MAX_DEPTH):
                table = NativeMethodTable(self._access, method_table)
                if table.flags & NativeFlags.KIND_MASK != NativeFlags.PARAMETERIZED:
                    break
                method_table = table.related
            found = self._defined(self._definition_of(method_table))
        except (FormatError, MemoryFault):
            return ""
        return found.assembly if found is not None else ""

    def arguments_of(self, method_table: int) -> tuple[int, ...]:
        """Return the arguments of an instantiated generic type."""
        return self._instantiation(NativeMethodTable(self._access, method_table))[1]

    def interfaces_of(self, method_table: int) -> Iterator[int]:
        """Yield the interfaces of a type."""
        table = NativeMethodTable(self._access, method_table)
        if table.interface_count > limits.INTERFACES:
            raise FormatError(f"{table.interface_count} interfaces", source=f"type {method_table:#x}")
        place = self._behind_virtuals(table)
        yield from (self._direct(place + 8 * index) for index in range(table.interface_count))

    def _name(self, method_table: int, depth: int) -> str:
        if depth == 0:
            self._left = limits.NAME_PARTS
        if method_table not in self._names:
            try:
                name = self._compose(method_table, depth) or self._symbol(method_table)
            except (FormatError, MemoryFault):
                name = self._symbol(method_table)
            if depth:
                return name
            self._names[method_table] = name
        return self._names[method_table]

    def _compose(self, method_table: int, depth: int) -> str:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise FormatError(f"more than {MAX_DEPTH} types in one another, or too many in all", source="type name")
        table = NativeMethodTable(self._access, method_table)
        if not element_of(table):
            return f"<statics at {method_table:#x}>" if table.related else FREE
        if table.flags & NativeFlags.KIND_MASK == NativeFlags.PARAMETERIZED:
            element = self._name(table.related, depth + 1)
            return element + self._suffix(table)
        definition, arguments = self._instantiation(table)
        found = self._defined(definition)
        if found is None:
            return ""
        return with_arguments(found.name, [self._name(argument, depth + 1) for argument in arguments])

    def _suffix(self, table: NativeMethodTable) -> str:
        kind = element_of(table)
        if kind == NativeElement.ARRAY:
            rank = (table.base_size - _SZ_ARRAY_BASE_SIZE) // _BOUNDS_OF_A_DIMENSION
            return brackets(max(rank, 1))
        if kind not in _SUFFIXES:
            raise FormatError(f"a type of kind {kind:#x} is made of another", source=f"type {table.address:#x}")
        return _SUFFIXES[NativeElement(kind)]

    def _symbol(self, method_table: int) -> str:
        symbol = self._access.runtime.module.symbol_at(method_table)
        if symbol is None or symbol[1]:
            return f"<type at {method_table:#x}>"
        return type_of_symbol(symbol[0])

    def _definition_of(self, method_table: int) -> int:
        return self._instantiation(NativeMethodTable(self._access, method_table))[0]

    def _instantiation(self, table: NativeMethodTable) -> tuple[int, tuple[int, ...]]:
        """Return the definition and the arguments of a type; itself and none where it is not generic.

        They stand behind the interfaces, after a number of words that differs between types; what tells them is that
        the first leads to a generic definition.
        """
        if not table.flags & NativeFlags.GENERIC:
            return table.address, ()
        relative = not table.flags & NativeFlags.DYNAMIC
        width = 4 if relative else 8
        place = self._behind_virtuals(table) + 8 * table.interface_count
        for at in range(place, place + width * _WORDS_BEHIND_INTERFACES, width):
            definition = self._pointer(at, relative=relative)
            arity = self._arity(definition)
            if arity:
                return definition, self._arguments(at + width, arity, relative=relative)
        raise FormatError("no generic definition is found", source=f"type {table.address:#x}")

    def _arity(self, definition: int) -> int:
        """Return the arguments that the generic definition at an address takes, in place of a size; 0 where none is."""
        if definition % 8 or not self._access.reader.memory.read_available(definition, 24):
            return 0
        table = NativeMethodTable(self._access, definition)
        is_definition = table.flags & NativeFlags.KIND_MASK == NativeFlags.GENERIC_DEFINITION
        if not is_definition or table.related or table.virtuals or table.base_size > _MAX_ARITY:
            return 0
        return table.base_size

    def _arguments(self, place: int, arity: int, *, relative: bool) -> tuple[int, ...]:
        """Return the arguments that the word at ``place`` leads to: one argument itself, or a list of more."""
        first = self._pointer(place, relative=relative)
        if arity == 1:
            return (first,)
        width = 4 if relative else 8
        return tuple(self._pointer(first + width * index, relative=relative) for index in range(arity))

    def _behind_virtuals(self, table: NativeMethodTable) -> int:
        return table.address + self._access.size("MethodTable") + 8 * table.virtuals

    def _direct(self, place: int) -> int:
        return self._pointer(place, relative=False)

    def _pointer(self, place: int, *, relative: bool) -> int:
        """Return where the word at ``place`` leads, counted from itself where ``relative``; its low bit: to a cell."""
        reader = self._access.reader
        if not relative:
            value = reader.pointer(place)
            return reader.pointer(value & ~_INDIRECT) if value & _INDIRECT else value
        distance = reader.i32(place)
        return reader.pointer(place + (distance & ~_INDIRECT)) if distance & _INDIRECT else place + distance

    def _defined(self, method_table: int) -> NativeTypeName | None:
        token, metadata = self._image.tokens.get(method_table), self._image.metadata
        return metadata.type_name(token) if token is not None and metadata is not None else None
