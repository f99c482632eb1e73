"""The metadata tables, one class a table; the numbers are those of the standard's sections.

Source of truth: ECMA-335 II.22. Tables without a section are those of uncompressed metadata (``#-``), as .NET has them.
"""

from dotdump.formats.metadata.rows import (
    U16,
    U32,
    AssemblyRefId,
    Blob,
    CustomAttributeType,
    EventId,
    FieldId,
    GenericParamId,
    Guid,
    HasConstant,
    HasCustomAttribute,
    HasDeclSecurity,
    HasFieldMarshal,
    HasSemantics,
    Implementation,
    MemberForwarded,
    MemberRefParent,
    MethodDefId,
    MethodDefOrRef,
    ModuleRefId,
    ParamId,
    PropertyId,
    ResolutionScope,
    Row,
    String,
    TypeDefId,
    TypeDefOrRef,
    TypeOrMethodDef,
)


class Module(Row, table=0x00):
    """II.22.30."""

    generation: U16
    name: String
    mvid: Guid
    enc_id: Guid
    enc_base_id: Guid


class TypeRef(Row, table=0x01):
    """II.22.38."""

    resolution_scope: ResolutionScope
    name: String
    namespace: String


class TypeDef(Row, table=0x02):
    """II.22.37."""

    flags: U32
    name: String
    namespace: String
    extends: TypeDefOrRef
    field_list: FieldId
    method_list: MethodDefId


class FieldPtr(Row, table=0x03):
    """Only in uncompressed metadata."""

    field: FieldId


class Field(Row, table=0x04):
    """II.22.15."""

    flags: U16
    name: String
    signature: Blob


class MethodPtr(Row, table=0x05):
    """Only in uncompressed metadata."""

    method: MethodDefId


class MethodDef(Row, table=0x06):
    """II.22.26."""

    rva: U32
    impl_flags: U16
    flags: U16
    name: String
    signature: Blob
    param_list: ParamId


class ParamPtr(Row, table=0x07):
    """Only in uncompressed metadata."""

    param: ParamId


class Param(Row, table=0x08):
    """II.22.33."""

    flags: U16
    sequence: U16
    name: String


class InterfaceImpl(Row, table=0x09):
    """II.22.23."""

    type: TypeDefId
    interface: TypeDefOrRef


class MemberRef(Row, table=0x0A):
    """II.22.25."""

    parent: MemberRefParent
    name: String
    signature: Blob


class Constant(Row, table=0x0B):
    """II.22.9; ``type`` is an element type, its high byte padding."""

    type: U16
    parent: HasConstant
    value: Blob


class CustomAttribute(Row, table=0x0C):
    """II.22.10."""

    parent: HasCustomAttribute
    type: CustomAttributeType
    value: Blob


class FieldMarshal(Row, table=0x0D):
    """II.22.17."""

    parent: HasFieldMarshal
    native_type: Blob


class DeclSecurity(Row, table=0x0E):
    """II.22.11."""

    action: U16
    parent: HasDeclSecurity
    permission_set: Blob


class ClassLayout(Row, table=0x0F):
    """II.22.8."""

    packing_size: U16
    class_size: U32
    parent: TypeDefId


class FieldLayout(Row, table=0x10):
    """II.22.16."""

    offset: U32
    field: FieldId


class StandAloneSig(Row, table=0x11):
    """II.22.36."""

    signature: Blob


class EventMap(Row, table=0x12):
    """II.22.12."""

    parent: TypeDefId
    event_list: EventId


class EventPtr(Row, table=0x13):
    """Only in uncompressed metadata."""

    event: EventId


class Event(Row, table=0x14):
    """II.22.13."""

    flags: U16
    name: String
    type: TypeDefOrRef


class PropertyMap(Row, table=0x15):
    """II.22.35."""

    parent: TypeDefId
    property_list: PropertyId


class PropertyPtr(Row, table=0x16):
    """Only in uncompressed metadata."""

    property: PropertyId


class Property(Row, table=0x17):
    """II.22.34."""

    flags: U16
    name: String
    signature: Blob


class MethodSemantics(Row, table=0x18):
    """II.22.28."""

    semantics: U16
    method: MethodDefId
    association: HasSemantics


class MethodImpl(Row, table=0x19):
    """II.22.27."""

    type: TypeDefId
    body: MethodDefOrRef
    declaration: MethodDefOrRef


class ModuleRef(Row, table=0x1A):
    """II.22.31."""

    name: String


class TypeSpec(Row, table=0x1B):
    """II.22.39."""

    signature: Blob


class ImplMap(Row, table=0x1C):
    """II.22.22."""

    flags: U16
    member: MemberForwarded
    import_name: String
    import_scope: ModuleRefId


class FieldRva(Row, table=0x1D):
    """II.22.18."""

    rva: U32
    field: FieldId


class EncLog(Row, table=0x1E):
    """Only where a program was edited while it ran."""

    token: U32
    function: U32


class EncMap(Row, table=0x1F):
    """Only where a program was edited while it ran."""

    token: U32


class Assembly(Row, table=0x20):
    """II.22.2."""

    hash_algorithm: U32
    major: U16
    minor: U16
    build: U16
    revision: U16
    flags: U32
    public_key: Blob
    name: String
    culture: String


class AssemblyProcessor(Row, table=0x21):
    """II.22.4."""

    processor: U32


class AssemblyOs(Row, table=0x22):
    """II.22.3."""

    platform: U32
    major: U32
    minor: U32


class AssemblyRef(Row, table=0x23):
    """II.22.5."""

    major: U16
    minor: U16
    build: U16
    revision: U16
    flags: U32
    public_key_or_token: Blob
    name: String
    culture: String
    hash_value: Blob


class AssemblyRefProcessor(Row, table=0x24):
    """II.22.7."""

    processor: U32
    assembly_ref: AssemblyRefId


class AssemblyRefOs(Row, table=0x25):
    """II.22.6."""

    platform: U32
    major: U32
    minor: U32
    assembly_ref: AssemblyRefId


class File(Row, table=0x26):
    """II.22.19."""

    flags: U32
    name: String
    hash_value: Blob


class ExportedType(Row, table=0x27):
    """II.22.14."""

    flags: U32
    type_def_id: U32
    name: String
    namespace: String
    implementation: Implementation


class ManifestResource(Row, table=0x28):
    """II.22.24."""

    offset: U32
    flags: U32
    name: String
    implementation: Implementation


class NestedClass(Row, table=0x29):
    """II.22.32."""

    nested: TypeDefId
    enclosing: TypeDefId


class GenericParam(Row, table=0x2A):
    """II.22.20."""

    number: U16
    flags: U16
    owner: TypeOrMethodDef
    name: String


class MethodSpec(Row, table=0x2B):
    """II.22.29."""

    method: MethodDefOrRef
    instantiation: Blob


class GenericParamConstraint(Row, table=0x2C):
    """II.22.21."""

    owner: GenericParamId
    constraint: TypeDefOrRef


TABLES: dict[int, type[Row]] = {kind.table: kind for kind in Row.__subclasses__() if kind.__module__ == __name__}
"""Each table's number, and the class of its rows."""
