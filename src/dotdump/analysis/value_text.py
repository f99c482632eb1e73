"""Values in one line, for tables, and as what JSON can have."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import islice
from math import isfinite, isnan
from typing import TYPE_CHECKING

from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.value import ClrStruct, EnumValue, StringValue, Unreadable
from dotdump.errors import UNREADABLE

if TYPE_CHECKING:
    from dotdump.clr.model.value import Value

    Plain = str | int | float | bool | None

TEXT_LIMIT = 200
"""Characters of a string that a line shows."""
VALUE_LIMIT = 80
"""Characters of a string that shares its line with other things."""

INLINE_ELEMENTS = 16
"""Elements of an inline array that a line shows."""

_BRACKETS = re.compile(r"(?:\[[,*]*\])+$")
_STRUCT_FIELDS = 8
_DEPTH = 3


def text_of(value: Value, *, limit: int = TEXT_LIMIT, depth: int = 0) -> str:
    """Return ``value`` in one line: strings in quotes and cut at ``limit``, objects as what they are."""
    if isinstance(value, str):
        return quoted(value, limit)
    if isinstance(value, ClrObject):
        return describe(value, limit=limit, depth=depth)
    if isinstance(value, ClrStruct):
        return _struct(value, limit, depth)
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, float):
        return _number(value)
    return repr(value) if isinstance(value, Unreadable) else str(value)


def plain_of(value: Value) -> Plain:
    """Return ``value`` as JSON has it: text where it has no form of its own, and for what is an object or a struct."""
    if isinstance(value, EnumValue):
        return value.name
    if isinstance(value, float):
        return value if isfinite(value) else _number(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value) if isinstance(value, Decimal) else text_of(value)


def address_text(value: Value) -> str | None:
    """Return where the object is that a value is, a string among them; None of any other value."""
    return f"{value.address:#x}" if isinstance(value, ClrObject | StringValue) else None


def describe(found: ClrObject, *, limit: int = TEXT_LIMIT, depth: int = 0) -> str:
    """Return what an object is, and as much of its value as a line has room for."""
    try:
        return _describe(found, limit, depth)
    except UNREADABLE as error:
        return f"{found.type.name} ({error})"


def quoted(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return ``text`` in quotes, its control characters escaped, cut at ``limit`` characters."""
    shown = text if len(text) <= limit else text[:limit] + "…"
    escaped = "".join(_ESCAPES.get(c) or (c if c.isprintable() else f"\\u{ord(c):04x}") for c in shown)
    return f'"{escaped}"'


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


def _describe(found: ClrObject, limit: int, depth: int) -> str:
    name = found.type.name
    if found.type.is_string:
        return quoted(found.read_text(limit + 1), limit)
    if found.type.is_value_type:
        return f"{name} {text_of(found.boxed, limit=limit, depth=depth + 1)}"
    if found.type.is_array:
        array = found.array
        lengths = ", ".join(str(length) for length in array.lengths) if array is not None else ""
        return _array(name, lengths)
    if found.type.is_exception:
        return f"{name}: {text_of(found['_message'], limit=limit)}"
    return name


def _number(value: float) -> str:
    if isfinite(value):
        return str(value)
    return "NaN" if isnan(value) else f"{'-' if value < 0 else ''}Infinity"


def _array(name: str, lengths: str) -> str:
    """Return ``System.Int32[3][]`` for an array of arrays: the outermost brackets, last in a name, go first."""
    match = _BRACKETS.search(name)
    if match is None or name.endswith("[*]"):
        return f"{name} of {lengths}"
    inner = reversed(match[0].replace("][", "] [").split()[:-1])
    return f"{name[: match.start()]}[{lengths}]{''.join(inner)}"


def _struct(value: ClrStruct, limit: int, depth: int) -> str:
    if depth >= _DEPTH:
        return value.type.name
    try:
        if value.type.inline_element is not None:
            return _inline(value, limit, depth)
        shown = [
            f"{field.name}={text_of(inner, limit=limit, depth=depth + 1)}"
            for field, inner in islice(value.values(), _STRUCT_FIELDS)
        ]
    except UNREADABLE as error:
        return f"{value.type.name} ({error})"
    more = ", …" if len(value.type.fields) > _STRUCT_FIELDS else ""
    return f"{{{', '.join(shown)}{more}}}"


def _inline(value: ClrStruct, limit: int, depth: int) -> str:
    """Return the elements of an inline array or a fixed buffer."""
    shown = [text_of(each, limit=limit, depth=depth + 1) for each in islice(value.elements, INLINE_ELEMENTS + 1)]
    more = ", …" if len(shown) > INLINE_ELEMENTS else ""
    return f"[{', '.join(shown[:INLINE_ELEMENTS])}{more}]"
