"""What rows of metadata tables are made of: a row's columns are declared, how wide they are follows from the image.

A column is an integer: a number, an index into a heap, a row id of one table, or a coded index into several. Row ids
count from 1; 0 is none. Source of truth: ECMA-335 II.24.2.6; the Portable PDB specification.
"""

from operator import itemgetter
from typing import Annotated, ClassVar

from dotdump.records import record


@record
class Fixed:
    """A number of ``size`` bytes."""

    size: int


@record
class Heap:
    """An index into a heap: 4 bytes wide where ``bit`` is set in HeapSizes, else 2."""

    bit: int


@record
class RowId:
    """A row id of ``table``."""

    table: int


@record
class Coded:
    """A coded index: ``tag_bits`` low bits choose from ``tables`` (-1 where a tag is not used)."""

    tag_bits: int
    tables: tuple[int, ...]

    def decode(self, value: int) -> tuple[int, int]:
        """Return (table, row id); table -1 where the tag names none."""
        tag = value & ((1 << self.tag_bits) - 1)
        return (self.tables[tag] if tag < len(self.tables) else -1), value >> self.tag_bits


TYPE_DEF_OR_REF = Coded(2, (0x02, 0x01, 0x1B))
HAS_CONSTANT = Coded(2, (0x04, 0x08, 0x17))
HAS_CUSTOM_ATTRIBUTE = Coded(
    5,
    (6, 4, 1, 2, 8, 9, 10, 0, 14, 23, 20, 17, 26, 27, 32, 35, 38, 39, 40, 42, 44, 43),
)
HAS_FIELD_MARSHAL = Coded(1, (0x04, 0x08))
HAS_DECL_SECURITY = Coded(2, (0x02, 0x06, 0x20))
MEMBER_REF_PARENT = Coded(3, (0x02, 0x01, 0x1A, 0x06, 0x1B))
HAS_SEMANTICS = Coded(1, (0x14, 0x17))
METHOD_DEF_OR_REF = Coded(1, (0x06, 0x0A))
MEMBER_FORWARDED = Coded(1, (0x04, 0x06))
IMPLEMENTATION = Coded(2, (0x26, 0x23, 0x27))
CUSTOM_ATTRIBUTE_TYPE = Coded(3, (-1, -1, 0x06, 0x0A, -1))
RESOLUTION_SCOPE = Coded(2, (0x00, 0x1A, 0x23, 0x01))
TYPE_OR_METHOD_DEF = Coded(1, (0x02, 0x06))
HAS_CUSTOM_DEBUG_INFORMATION = Coded(
    5, (*HAS_CUSTOM_ATTRIBUTE.tables, 0x30, 0x32, 0x33, 0x34, 0x35)
)  # Portable PDB: the same tables, then its own

U16 = Annotated[int, Fixed(2)]
U32 = Annotated[int, Fixed(4)]
String = Annotated[int, Heap(1)]
Guid = Annotated[int, Heap(2)]
Blob = Annotated[int, Heap(4)]
TypeDefId = Annotated[int, RowId(0x02)]
FieldId = Annotated[int, RowId(0x04)]
MethodDefId = Annotated[int, RowId(0x06)]
ParamId = Annotated[int, RowId(0x08)]
EventId = Annotated[int, RowId(0x14)]
PropertyId = Annotated[int, RowId(0x17)]
ModuleRefId = Annotated[int, RowId(0x1A)]
AssemblyRefId = Annotated[int, RowId(0x23)]
GenericParamId = Annotated[int, RowId(0x2A)]
DocumentId = Annotated[int, RowId(0x30)]
LocalVariableId = Annotated[int, RowId(0x33)]
LocalConstantId = Annotated[int, RowId(0x34)]
ImportScopeId = Annotated[int, RowId(0x35)]
TypeDefOrRef = Annotated[int, TYPE_DEF_OR_REF]
HasConstant = Annotated[int, HAS_CONSTANT]
HasCustomAttribute = Annotated[int, HAS_CUSTOM_ATTRIBUTE]
HasFieldMarshal = Annotated[int, HAS_FIELD_MARSHAL]
HasDeclSecurity = Annotated[int, HAS_DECL_SECURITY]
MemberRefParent = Annotated[int, MEMBER_REF_PARENT]
HasSemantics = Annotated[int, HAS_SEMANTICS]
MethodDefOrRef = Annotated[int, METHOD_DEF_OR_REF]
MemberForwarded = Annotated[int, MEMBER_FORWARDED]
Implementation = Annotated[int, IMPLEMENTATION]
CustomAttributeType = Annotated[int, CUSTOM_ATTRIBUTE_TYPE]
ResolutionScope = Annotated[int, RESOLUTION_SCOPE]
TypeOrMethodDef = Annotated[int, TYPE_OR_METHOD_DEF]
HasCustomDebugInformation = Annotated[int, HAS_CUSTOM_DEBUG_INFORMATION]


Column = Fixed | Heap | RowId | Coded


class Row(tuple[int, ...]):
    """The columns of a row, by number and by name; subclasses declare them. There are many rows, so it is a tuple."""

    __slots__ = ()
    columns: ClassVar[tuple[Column, ...]]
    table: ClassVar[int]
    """The number of the table that they are rows of."""

    def __init_subclass__(cls, table: int) -> None:
        cls.table = table
        cls.columns = tuple(kind.__metadata__[0] for kind in cls.__annotations__.values())
        for index, name in enumerate(cls.__annotations__):
            setattr(cls, name, property(itemgetter(index)))
