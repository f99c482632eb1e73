"""What ClrMD says of types, beside ours: what is different, and which differences are ClrMD's and known by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dotdump.formats.metadata.signatures import ElementType

if TYPE_CHECKING:
    from dotdump.clr.model.type import ClrType

ELEMENTS = {
    "Int8": ElementType.I1,
    "Int16": ElementType.I2,
    "Int32": ElementType.I4,
    "Int64": ElementType.I8,
    "UInt8": ElementType.U1,
    "UInt16": ElementType.U2,
    "UInt32": ElementType.U4,
    "UInt64": ElementType.U8,
    "Boolean": ElementType.BOOLEAN,
    "Char": ElementType.CHAR,
    "Float": ElementType.R4,
    "Double": ElementType.R8,
    "NativeInt": ElementType.I,
    "NativeUInt": ElementType.U,
    "Struct": ElementType.VALUETYPE,
    "Pointer": ElementType.PTR,
    "FunctionPointer": ElementType.FNPTR,
}
REFERENCES = {"Object", "String", "Class", "SZArray", "Array"}
OURS_IS_RIGHT = {("Corpus.Box<System.Collections.Generic.Dictionary<System.String, Corpus.Line[]>>+Inner", "First")}
"""A nested type's field of the outer type's ``T``, for which ClrMD takes the first argument of the inner type."""


def compare(theirs: dict[str, Any], ours: ClrType) -> list[str]:
    """Return what is different and not explained."""
    statics = sorted(field.name for field in ours.static_fields if not field.is_thread_static)
    pairs = [
        ("name", theirs["name"].replace("<*>", "[*]"), ours.name),  # Int64[*], an array, is no generic type
        ("base", theirs["parent"], ours.base.name if ours.base else None),
        ("token", theirs["token"] & 0xFFFFFF, ours.token & 0xFFFFFF),  # of arrays theirs is that of row 0
        ("array", theirs["isArray"], ours.is_array),
        ("enum", theirs["isEnum"], ours.is_enum),
        ("statics", sorted(field["name"] for field in theirs["statics"]), statics),
    ]
    told = [f"{ours.name}: {what} is {found}, not {wanted}" for what, wanted, found in pairs if wanted != found]
    return told + compare_fields(theirs["fields"], ours)


def compare_fields(theirs: list[dict[str, Any]], ours: ClrType) -> list[str]:
    """Return what of the fields of instances is different and not explained."""
    fields = {(field.name, field.offset): field for field in ours.fields}
    expected = {(field["name"], field["offset"]): field for field in theirs}
    pairs: list[tuple[str, object, object]] = [("fields", set(expected), set(fields))]
    for key in expected.keys() & fields.keys():
        element, declared = fields[key].element, fields[key].type_name
        known = expected[key]["element"] if expected[key]["type"] != "System.Void" else "Object"  # a class not loaded
        same = fields[key].is_reference if known in REFERENCES else ELEMENTS[known] == element
        pairs.append((f"element of {key}", True, same))
        is_ours = (ours.name.rpartition("<System.Nullable")[0], key[0]) in OURS_IS_RIGHT
        if not is_ours and not is_explained(expected[key]["type"], declared):
            pairs.append((f"type of {key}", expected[key]["type"], declared))
    return [f"{ours.name}: {what} is {found}, not {wanted}" for what, wanted, found in pairs if wanted != found]


NOT_LOADED = {"Object": "", "System.Void": "", "Object[]": "[]", "System.ValueType[]": "[]", "System.ValueType*": "*"}
"""What ClrMD calls a type that the DAC has not loaded, and how its true name ends."""


def is_explained(theirs: str | None, ours: str) -> bool:
    """Return whether a declared type is the same, or different for a reason we know.

    ClrMD names the type that the DAC has loaded for a field, as that of shared code (``System.__Canon``) where it has
    no other. Where none is loaded it shows a stand-in; of a generic one the definition without arguments
    (``Dictionary`2+Entry[]``, ``List<T1>``, ``K[]``); of a function pointer or an untyped one an integer.
    """
    if theirs is None or theirs == ours or (theirs in NOT_LOADED and ours.endswith(NOT_LOADED[theirs])):
        return True
    if theirs in ("System.IntPtr", "System.UIntPtr"):
        return "*" in ours or ours.endswith(")")
    if "System.__Canon" in theirs:
        return re.fullmatch(re.escape(theirs).replace(re.escape("System.__Canon"), ".+"), ours) is not None
    if re.fullmatch(r"[TKV]\w*\[\]", theirs):
        return ours.endswith("[]")
    return without_arguments(theirs) == without_arguments(ours) and bool(re.search(r"<T\d|`\d", theirs))


def without_arguments(name: str) -> str:
    previous = ""
    while previous != name:
        previous, name = name, re.sub(r"<[^<>]*>|`\d+", "", name)
    return name
