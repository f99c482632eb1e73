"""Names of types, as ClrMD writes them: ``Namespace.Outer<Arg>+Inner[]``.

A method table names its definition by module and token; arguments of generics are distributed over the nesting of the
definition by their arity. What cannot be named is given its address, so that no two types get one name by accident.
Source of truth: methodtable.h (WFLAGS2_ENUM), the same bits from 3.1 to 10 as far as used.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.type_flags import TypeFlags, canonical_of, is_array
from dotdump.clr.contracts.type_handles import (
    TYPE_DESC,
    CompoundType,
    DefinedType,
    FunctionType,
    is_type_desc,
    read_type_handle,
)
from dotdump.clr.data.loaded_types import ArrayClass, MethodTable
from dotdump.errors import FormatError, MemoryFault, UnsupportedRuntime
from dotdump.formats.metadata.signatures import ElementType
from dotdump.formats.metadata.tokens import TYPE_DEF

if TYPE_CHECKING:
    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.data_access import DataAccess

MAX_DEPTH = 32
FREE = "Free"
"""What free space is called; a program may have a class of that name."""
_ARITY_DIGITS = 5
"""Digits of how many arguments a generic type has, which metadata numbers with 16 bits."""

_VTABLE_SLOTS_PER_CHUNK = 8
SLOTS_IN_PLACE = 2
SUFFIXES = {ElementType.PTR: "*", ElementType.BYREF: "&", ElementType.SZARRAY: "[]"}
"""What stands behind the name of the type that a pointer, a reference or an array is of, as in C#."""


class _Flags2(IntFlag):
    """Which optional slots there are, in their order; only before 9 is the module of a definition one of them."""

    EARLIER_SLOTS = 0x000F
    HAS_MODULE_OVERRIDE = 0x0010


class TypeNames:
    """Names of the types of one runtime, each found once."""

    def __init__(self, access: DataAccess, loader: Loader) -> None:
        self._access = access
        self._loader = loader
        self._names: dict[int, str] = {}
        self._left = 0

    def name_of(self, handle: int) -> str:
        """Return the name of a TypeHandle: a method table, or a tagged TypeDesc."""
        return self._name(handle, 0)

    def module_of(self, method_table: int) -> int:
        """Return the address of the module that defines a type."""
        table = MethodTable(self._access, method_table)
        if self._access.has("MethodTable", "Module"):
            return table.module
        return self._module_before_9(table)

    def token_of(self, method_table: int) -> int:
        """Return the row id of a type's TypeDef; 0 where it has none."""
        table = MethodTable(self._access, method_table)
        return table.token if self._access.has("MethodTable", "Token") else table.flags2 >> 8

    def module_behind(self, handle: int) -> int:
        """Return the module that defines a type or, of an array or pointer, the type that it is made of.

        Raises ``FormatError`` where none does: of a function pointer.
        """
        for _ in range(MAX_DEPTH):
            match read_type_handle(self._access, handle):
                case CompoundType(_, of):
                    handle = of
                case DefinedType(method_table):
                    return self.module_of(method_table)
                case _:
                    break
        raise FormatError("no module defines it", source=f"type at {handle:#x}")

    @property
    def named(self) -> tuple[int, ...]:
        """The TypeHandles that have been named so far."""
        return tuple(self._names)

    def _name(self, handle: int, depth: int) -> str:
        if depth == 0:
            self._left = limits.NAME_PARTS
        if handle not in self._names:
            try:
                name = self._compose(handle, depth)
            except (FormatError, MemoryFault, UnsupportedRuntime):
                name = f"<type at {handle:#x}>"
            if depth:
                return name
            self._names[handle] = name
        return self._names[handle]

    def _compose(self, handle: int, depth: int) -> str:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise FormatError(f"more than {MAX_DEPTH} types in one another, or too many in all", source="type name")
        if is_type_desc(handle):
            return self._type_desc(handle, depth)
        table = MethodTable(self._access, handle)
        flags = table.flags
        if table.class_or_canonical == 0:
            return FREE
        if is_array(flags):
            return self._array(table, flags, depth)
        arguments = self.arguments_of(handle)
        if len(arguments) > self._left:
            raise FormatError(f"too many types in all, with {len(arguments)} arguments", source="type name")
        return self._defined(handle, [self._name(argument, depth + 1) for argument in arguments])

    def _defined(self, method_table: int, arguments: list[str]) -> str:
        module, row_id = self.module_of(method_table), self.token_of(method_table)
        metadata = self._loader.find_metadata(module)
        if metadata is None or not row_id:
            return f"<type {TYPE_DEF | row_id:#x} of module {module:#x}>"
        return with_arguments(metadata.type_name(row_id), arguments)

    def _array(self, table: MethodTable, flags: int, depth: int) -> str:
        element = self._name(table.instantiation, depth + 1)
        if flags & TypeFlags.CATEGORY_MASK == TypeFlags.CATEGORY_SZARRAY:
            return f"{element}[]"
        rank = ArrayClass(self._access, self._class(table)).rank
        return element + brackets(rank)

    def _type_desc(self, handle: int, depth: int) -> str:
        match read_type_handle(self._access, handle):
            case CompoundType(element, of, rank):
                return self._name(of, depth + 1) + (SUFFIXES.get(element) or brackets(rank))
            case FunctionType(returns, parameters):
                names = [self._name(parameter, depth + 1) for parameter in parameters]
                return f"{self._name(returns, depth + 1)}({', '.join(names)})"
            case _:
                return f"<type variable at {handle & ~TYPE_DESC:#x}>"

    def _class(self, table: MethodTable) -> int:
        """Return the address of a type's EEClass, which its canonical method table holds."""
        return MethodTable(self._access, canonical_of(self._access, table.address)).class_or_canonical

    def arguments_of(self, method_table: int) -> tuple[int, ...]:
        """Return the TypeHandles of a generic type's arguments: the last dictionary of its PerInstInfo."""
        table = MethodTable(self._access, method_table)
        flags = table.flags
        if flags & TypeFlags.HAS_COMPONENT_SIZE or flags & TypeFlags.GENERICS_MASK not in (
            TypeFlags.GENERIC_INSTANTIATION,
            TypeFlags.GENERIC_SHARED_INSTANTIATION,
        ):
            return ()
        reader, dictionaries = self._access.reader, table.instantiation
        count, arguments = reader.u16(dictionaries - 4), reader.u16(dictionaries - 2)
        if not 0 < count <= MAX_DEPTH or arguments > limits.TYPE_ARGUMENTS:
            raise FormatError(f"{arguments} type arguments in {count} dictionaries", source="type name")
        last = reader.pointer(dictionaries + 8 * (count - 1))
        return tuple(memoryview(reader.memory.read(last, 8 * arguments)).cast("Q"))

    def _module_before_9(self, table: MethodTable) -> int:
        """Return the module that an optional slot holds: the first two slots are in place, others behind the vtable."""
        if not table.flags & (TypeFlags.HAS_COMPONENT_SIZE | TypeFlags.GENERICS_MASK):
            return table.loader_module
        mask = self._access.global_integer("CanonicalMethodTableMask")
        value = table.class_or_canonical
        if value & mask == self._access.global_integer("CanonicalMethodTableTag"):
            table = MethodTable(self._access, value & ~mask)
        present = table.flags2
        if not present & _Flags2.HAS_MODULE_OVERRIDE:
            return table.loader_module
        return self._access.reader.pointer(optional_slot(table, (present & _Flags2.EARLIER_SLOTS).bit_count()))


def optional_slot(table: MethodTable, index: int) -> int:
    """Return where optional slot ``index`` lies: the first ``SLOTS_IN_PLACE`` are there, others behind the vtable."""
    place = table.address_of("PerInstInfo") + 8 * index
    return place if index < SLOTS_IN_PLACE else place + 8 * -(-table.virtuals // _VTABLE_SLOTS_PER_CHUNK)


def brackets(rank: int) -> str:
    """Return what follows the element of a general array; ``[*]`` for rank 1, which is not ``[]``."""
    return f"[{',' * (min(rank, limits.ARRAY_RANK) - 1) or '*'}]"


def with_arguments(name: str, arguments: list[str]) -> str:
    """Return ``name`` with its arities (`` `1``) replaced by that many of ``arguments``, from the outermost type on."""
    parts, used = [], 0
    for part in name.split("+"):
        stem, _, arity = part.partition("`")
        if not arity.isdecimal() or len(arity) > _ARITY_DIGITS:
            parts.append(part)
            continue
        taken = arguments[used : used + int(arity)]
        used += len(taken)
        parts.append(f"{stem}<{', '.join(taken)}>" if taken else part)
    return "+".join(parts)
