"""Custom attributes: the bytes of one, found by the name of its class.

Source of truth: ECMA-335 II.22.10 and II.23.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.formats.metadata.image import read_compressed
from dotdump.formats.metadata.rows import CUSTOM_ATTRIBUTE_TYPE, HAS_CUSTOM_ATTRIBUTE, MEMBER_REF_PARENT
from dotdump.formats.metadata.schema import Assembly, CustomAttribute, MemberRef, MethodDef, TypeDef, TypeRef

if TYPE_CHECKING:
    from dotdump.formats.metadata.image import Metadata

_FILE_VERSION = "System.Reflection.AssemblyFileVersionAttribute"
_PROLOG = b"\x01\x00"
_NULL = b"\xff"


def find_attribute(metadata: Metadata, table: int, row_id: int, name: str) -> bytes | None:
    """Return the value blob of the attribute of class ``name`` that row ``row_id`` of ``table`` has, or None."""
    for row in metadata.rows(CustomAttribute):
        if HAS_CUSTOM_ATTRIBUTE.decode(row.parent) == (table, row_id) and _class_of(metadata, row.type) == name:
            return metadata.blob(row.value)
    return None


def file_version(metadata: Metadata) -> str:
    """Return the version of an assembly's build, such as ``8.0.424.16909``; empty where it does not say it."""
    value = find_attribute(metadata, Assembly.table, 1, _FILE_VERSION)
    return first_text(value) if value is not None else ""


def first_text(value: bytes) -> str:
    """Return the first argument of an attribute, a string, from its value blob; empty where that is null.

    Raises ``FormatError`` where the blob holds no string.
    """
    if not value.startswith(_PROLOG):
        raise FormatError("no value of an attribute", source="metadata")
    start = len(_PROLOG)
    if value[start : start + 1] == _NULL:
        return ""
    size, start = read_compressed(value, start, "metadata")
    text = value[start : start + size]
    if len(text) < size:
        raise FormatError(f"a string of {size} bytes leaves the value of its attribute", source="metadata")
    return text.decode("utf-8", "replace")


def _class_of(metadata: Metadata, constructor: int) -> str:
    table, row_id = CUSTOM_ATTRIBUTE_TYPE.decode(constructor)
    if table == MethodDef.table:
        return metadata.type_name(metadata.declaring_type(row_id))
    if table != MemberRef.table:
        return ""
    table, row_id = MEMBER_REF_PARENT.decode(metadata.row(MemberRef, row_id).parent)
    if table == TypeDef.table:
        return metadata.type_name(row_id)
    if table != TypeRef.table:
        return ""
    row = metadata.row(TypeRef, row_id)
    return f"{metadata.string(row.namespace)}.{metadata.string(row.name)}"
