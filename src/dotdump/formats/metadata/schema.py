"""The metadata tables, one class a table: what a row holds is declared, how wide it is follows from the image.

A column is an integer: a number, an index into a heap, a row id of one table, or a coded index into several. Row ids
count from 1; 0 is none. Source of truth: ECMA-335 II.22 and II.24.2.6; the Portable PDB specification for 0x30 and up.
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

    def __init_subclass__(cls) -> None:
        cls.columns = tuple(kind.__metadata__[0] for kind in cls.__annotations__.values())
        for index, name in enumerate(cls.__annotations__):
            setattr(cls, name, property(itemgetter(index)))


class Module(Row):
    """0x00."""

    generation: U16
    name: String
    mvid: Guid
    enc_id: Guid
    enc_base_id: Guid


class TypeRef(Row):
    """0x01."""

    resolution_scope: ResolutionScope
    name: String
    namespace: String


class TypeDef(Row):
    """0x02."""

    flags: U32
    name: String
    namespace: String
    extends: TypeDefOrRef
    field_list: FieldId
    method_list: MethodDefId


class FieldPtr(Row):
    """0x03; only in uncompressed metadata."""

    field: FieldId


class Field(Row):
    """0x04."""

    flags: U16
    name: String
    signature: Blob


class MethodPtr(Row):
    """0x05; only in uncompressed metadata."""

    method: MethodDefId


class MethodDef(Row):
    """0x06."""

    rva: U32
    impl_flags: U16
    flags: U16
    name: String
    signature: Blob
    param_list: ParamId


class ParamPtr(Row):
    """0x07; only in uncompressed metadata."""

    param: ParamId


class Param(Row):
    """0x08."""

    flags: U16
    sequence: U16
    name: String


class InterfaceImpl(Row):
    """0x09."""

    type: TypeDefId
    interface: TypeDefOrRef


class MemberRef(Row):
    """0x0A."""

    parent: MemberRefParent
    name: String
    signature: Blob


class Constant(Row):
    """0x0B; ``type`` is an element type, its high byte padding."""

    type: U16
    parent: HasConstant
    value: Blob


class CustomAttribute(Row):
    """0x0C."""

    parent: HasCustomAttribute
    type: CustomAttributeType
    value: Blob


class FieldMarshal(Row):
    """0x0D."""

    parent: HasFieldMarshal
    native_type: Blob


class DeclSecurity(Row):
    """0x0E."""

    action: U16
    parent: HasDeclSecurity
    permission_set: Blob


class ClassLayout(Row):
    """0x0F."""

    packing_size: U16
    class_size: U32
    parent: TypeDefId


class FieldLayout(Row):
    """0x10."""

    offset: U32
    field: FieldId


class StandAloneSig(Row):
    """0x11."""

    signature: Blob


class EventMap(Row):
    """0x12."""

    parent: TypeDefId
    event_list: EventId


class EventPtr(Row):
    """0x13; only in uncompressed metadata."""

    event: EventId


class Event(Row):
    """0x14."""

    flags: U16
    name: String
    type: TypeDefOrRef


class PropertyMap(Row):
    """0x15."""

    parent: TypeDefId
    property_list: PropertyId


class PropertyPtr(Row):
    """0x16; only in uncompressed metadata."""

    property: PropertyId


class Property(Row):
    """0x17."""

    flags: U16
    name: String
    signature: Blob


class MethodSemantics(Row):
    """0x18."""

    semantics: U16
    method: MethodDefId
    association: HasSemantics


class MethodImpl(Row):
    """0x19."""

    type: TypeDefId
    body: MethodDefOrRef
    declaration: MethodDefOrRef


class ModuleRef(Row):
    """0x1A."""

    name: String


class TypeSpec(Row):
    """0x1B."""

    signature: Blob


class ImplMap(Row):
    """0x1C."""

    flags: U16
    member: MemberForwarded
    import_name: String
    import_scope: ModuleRefId


class FieldRva(Row):
    """0x1D."""

    rva: U32
    field: FieldId


class EncLog(Row):
    """0x1E."""

    token: U32
    function: U32


class EncMap(Row):
    """0x1F."""

    token: U32


class Assembly(Row):
    """0x20."""

    hash_algorithm: U32
    major: U16
    minor: U16
    build: U16
    revision: U16
    flags: U32
    public_key: Blob
    name: String
    culture: String


class AssemblyProcessor(Row):
    """0x21."""

    processor: U32


class AssemblyOs(Row):
    """0x22."""

    platform: U32
    major: U32
    minor: U32


class AssemblyRef(Row):
    """0x23."""

    major: U16
    minor: U16
    build: U16
    revision: U16
    flags: U32
    public_key_or_token: Blob
    name: String
    culture: String
    hash_value: Blob


class AssemblyRefProcessor(Row):
    """0x24."""

    processor: U32
    assembly_ref: AssemblyRefId


class AssemblyRefOs(Row):
    """0x25."""

    platform: U32
    major: U32
    minor: U32
    assembly_ref: AssemblyRefId


class File(Row):
    """0x26."""

    flags: U32
    name: String
    hash_value: Blob


class ExportedType(Row):
    """0x27."""

    flags: U32
    type_def_id: U32
    name: String
    namespace: String
    implementation: Implementation


class ManifestResource(Row):
    """0x28."""

    offset: U32
    flags: U32
    name: String
    implementation: Implementation


class NestedClass(Row):
    """0x29."""

    nested: TypeDefId
    enclosing: TypeDefId


class GenericParam(Row):
    """0x2A."""

    number: U16
    flags: U16
    owner: TypeOrMethodDef
    name: String


class MethodSpec(Row):
    """0x2B."""

    method: MethodDefOrRef
    instantiation: Blob


class GenericParamConstraint(Row):
    """0x2C."""

    owner: GenericParamId
    constraint: TypeDefOrRef


class Document(Row):
    """0x30, Portable PDB; ``name`` is a document name blob."""

    name: Blob
    hash_algorithm: Guid
    hash: Blob
    language: Guid


class MethodDebugInformation(Row):
    """0x31, Portable PDB; one row for each MethodDef."""

    document: DocumentId
    sequence_points: Blob


class LocalScope(Row):
    """0x32, Portable PDB."""

    method: MethodDefId
    import_scope: ImportScopeId
    variable_list: LocalVariableId
    constant_list: LocalConstantId
    start_offset: U32
    length: U32


class LocalVariable(Row):
    """0x33, Portable PDB."""

    attributes: U16
    slot: U16
    name: String


class LocalConstant(Row):
    """0x34, Portable PDB."""

    name: String
    signature: Blob


class ImportScope(Row):
    """0x35, Portable PDB."""

    parent: ImportScopeId
    imports: Blob


class StateMachineMethod(Row):
    """0x36, Portable PDB."""

    move_next: MethodDefId
    kickoff: MethodDefId


class CustomDebugInformation(Row):
    """0x37, Portable PDB."""

    parent: HasCustomDebugInformation
    kind: Guid
    value: Blob


TABLES: dict[int, type[Row]] = dict(
    enumerate(
        (
            Module,
            TypeRef,
            TypeDef,
            FieldPtr,
            Field,
            MethodPtr,
            MethodDef,
            ParamPtr,
            Param,
            InterfaceImpl,
            MemberRef,
            Constant,
            CustomAttribute,
            FieldMarshal,
            DeclSecurity,
            ClassLayout,
            FieldLayout,
            StandAloneSig,
            EventMap,
            EventPtr,
            Event,
            PropertyMap,
            PropertyPtr,
            Property,
            MethodSemantics,
            MethodImpl,
            ModuleRef,
            TypeSpec,
            ImplMap,
            FieldRva,
            EncLog,
            EncMap,
            Assembly,
            AssemblyProcessor,
            AssemblyOs,
            AssemblyRef,
            AssemblyRefProcessor,
            AssemblyRefOs,
            File,
            ExportedType,
            ManifestResource,
            NestedClass,
            GenericParam,
            MethodSpec,
            GenericParamConstraint,
        )
    )
) | dict(
    enumerate(
        (
            Document,
            MethodDebugInformation,
            LocalScope,
            LocalVariable,
            LocalConstant,
            ImportScope,
            StateMachineMethod,
            CustomDebugInformation,
        ),
        start=0x30,
    )
)
"""Table number to the class of its rows."""

NUMBERS: dict[type[Row], int] = {row: number for number, row in TABLES.items()}
"""The class of a table's rows to its number."""
