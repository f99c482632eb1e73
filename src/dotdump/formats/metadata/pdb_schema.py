"""The tables that debug information adds, one class a table. Source of truth: the Portable PDB specification."""

from dotdump.formats.metadata.rows import (
    U16,
    U32,
    Blob,
    DocumentId,
    Guid,
    HasCustomDebugInformation,
    ImportScopeId,
    LocalConstantId,
    LocalVariableId,
    MethodDefId,
    Row,
    String,
)


class Document(Row, table=0x30):
    """``name`` is a document name blob."""

    name: Blob
    hash_algorithm: Guid
    hash: Blob
    language: Guid


class MethodDebugInformation(Row, table=0x31):
    """One row for each MethodDef."""

    document: DocumentId
    sequence_points: Blob


class LocalScope(Row, table=0x32):
    """A block of a method: its variables and constants, and the range of IL that they are known in."""

    method: MethodDefId
    import_scope: ImportScopeId
    variable_list: LocalVariableId
    constant_list: LocalConstantId
    start_offset: U32
    length: U32


class LocalVariable(Row, table=0x33):
    """A variable of a scope; ``slot`` is its number among the method's locals."""

    attributes: U16
    slot: U16
    name: String


class LocalConstant(Row, table=0x34):
    """A constant of a scope."""

    name: String
    signature: Blob


class ImportScope(Row, table=0x35):
    """What a scope imports, and which scope that is in."""

    parent: ImportScopeId
    imports: Blob


class StateMachineMethod(Row, table=0x36):
    """A method that a compiler made of another: ``move_next`` runs what the source calls ``kickoff``."""

    move_next: MethodDefId
    kickoff: MethodDefId


class CustomDebugInformation(Row, table=0x37):
    """Anything else, of a ``kind`` that a GUID names, about any row."""

    parent: HasCustomDebugInformation
    kind: Guid
    value: Blob


TABLES: dict[int, type[Row]] = {kind.table: kind for kind in Row.__subclasses__() if kind.__module__ == __name__}
"""Each table's number, and the class of its rows."""
