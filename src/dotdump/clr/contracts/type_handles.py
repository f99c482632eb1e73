"""What a TypeHandle stands for: a definition or instance of one, a compound, a type variable, a function pointer.

Source of truth: typehandle.h, typedesc.h, methodtable.h; in 3.1 arrays too are TypeDescs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.type_flags import TypeFlags, canonical_of, is_array
from dotdump.clr.data.loaded_types import ArrayClass, MethodTable, ParamTypeDesc, TypeDesc
from dotdump.clr.data.methods import FnPtrTypeDesc, TypeVarTypeDesc
from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.metadata.signatures import ElementType
from dotdump.formats.metadata.tokens import ROW_ID
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess

TYPE_DESC = 2
"""The bit of a TypeHandle that tells a TypeDesc from a MethodTable."""
_COMPOUNDS = (ElementType.PTR, ElementType.BYREF, ElementType.SZARRAY, ElementType.ARRAY)


@record
class DefinedType:
    """A type of metadata, or an instance of one."""

    method_table: int
    is_primitive: bool


@record
class CompoundType:
    """A pointer, reference or array of ``of``."""

    element: ElementType
    of: int
    rank: int = 1


@record
class TypeVariable:
    """A generic parameter, by the row id of its GenericParam in the metadata of ``module``."""

    module: int
    row_id: int


@record
class FunctionType:
    """A function pointer."""

    returns: int
    parameters: tuple[int, ...]


def is_type_desc(handle: int) -> bool:
    """Return whether a TypeHandle is tagged as a TypeDesc, and no MethodTable."""
    return bool(handle & TYPE_DESC)


def read_type_handle(access: DataAccess, handle: int) -> DefinedType | CompoundType | TypeVariable | FunctionType:
    """Return what ``handle`` stands for; raises ``FormatError`` where it is none, ``MemoryFault``."""
    if is_type_desc(handle):
        return _type_desc(access, handle & ~TYPE_DESC)
    table = MethodTable(access, handle)
    flags = table.flags
    if not is_array(flags):
        primitive = flags & TypeFlags.CATEGORY_MASK == TypeFlags.CATEGORY_TRUE_PRIMITIVE
        return DefinedType(handle, primitive)
    if flags & TypeFlags.CATEGORY_MASK == TypeFlags.CATEGORY_SZARRAY:
        return CompoundType(ElementType.SZARRAY, table.instantiation)
    return CompoundType(ElementType.ARRAY, table.instantiation, _rank(access, handle))


def _type_desc(access: DataAccess, address: int) -> CompoundType | TypeVariable | FunctionType:
    kind = TypeDesc(access, address).type_and_flags & 0xFF
    if kind in _COMPOUNDS:
        view = ParamTypeDesc(access, address)
        rank = _rank(access, view.template) if kind == ElementType.ARRAY else 1
        return CompoundType(ElementType(kind), view.argument, rank)
    if kind in (ElementType.VAR, ElementType.MVAR):
        variable = TypeVarTypeDesc(access, address)
        return TypeVariable(variable.module, variable.token & ROW_ID)
    if kind != ElementType.FNPTR:
        raise FormatError(f"a type of kind {kind:#x}", source=f"type at {address:#x}")
    function = FnPtrTypeDesc(access, address)
    count = function.parameter_count
    if count > limits.TYPE_ARGUMENTS:
        raise LimitExceeded(f"{count} parameters", source=f"type at {address:#x}")
    place = function.address_of("RetAndArgTypes")
    returns, *parameters = (access.reader.pointer(place + 8 * number) for number in range(count + 1))
    return FunctionType(returns, tuple(parameters))


def _rank(access: DataAccess, method_table: int) -> int:
    eeclass = MethodTable(access, canonical_of(access, method_table)).class_or_canonical
    return min(ArrayClass(access, eeclass).rank, limits.ARRAY_RANK)
