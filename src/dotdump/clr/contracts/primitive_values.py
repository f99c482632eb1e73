"""Primitive values: the bytes of an element type as a Python value.

Source of truth: ECMA-335 II.23.1.16 for the element types, II.22.9 for constants.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.formats.metadata.signatures import ElementType as E

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMATS: Mapping[int, Struct] = {
    E.BOOLEAN: Struct("<?"),
    E.CHAR: Struct("<H"),
    E.I1: Struct("<b"),
    E.U1: Struct("<B"),
    E.I2: Struct("<h"),
    E.U2: Struct("<H"),
    E.I4: Struct("<i"),
    E.U4: Struct("<I"),
    E.I8: Struct("<q"),
    E.U8: Struct("<Q"),
    E.R4: Struct("<f"),
    E.R8: Struct("<d"),
    E.I: Struct("<q"),
    E.U: Struct("<Q"),
    E.PTR: Struct("<Q"),
    E.FNPTR: Struct("<Q"),
}
"""The element types that are numbers; of 64-bit targets."""

Primitive = int | float | str | bool


def primitive_value(element: int, data: bytes) -> Primitive:
    """Return the value in the first bytes of ``data``; raises ``FormatError`` for another type, or too few bytes."""
    form = FORMATS.get(element)
    if form is None or len(data) < form.size:
        raise FormatError(f"{len(data)} bytes are no value of element type {element:#x}", source="value")
    (value,) = form.unpack_from(data)
    if element == E.CHAR:
        return chr(value)
    result: Primitive = value
    return result


def constant_value(element: int, data: bytes) -> Primitive | None:
    """Return the value of a literal: of ``CLASS`` it is ``null``."""
    if element == E.CLASS:
        return None
    if element == E.STRING:
        return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
    return primitive_value(element, data)
