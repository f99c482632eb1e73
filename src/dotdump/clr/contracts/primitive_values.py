"""Primitive values: the bytes of an element type as a Python value.

Source of truth: ECMA-335 II.23.1.16 for the element types, II.22.9 for constants.
"""

from __future__ import annotations

from math import isfinite
from struct import Struct
from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.formats.metadata.signatures import ElementType as E
from dotdump.memory.space import ADDRESS_MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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

_LOWEST_ADDRESS = 1 << 16
_DIGITS = range(3, 10)
"""How many digits the shortest text of a ``Half`` or a ``Single`` may need."""

Primitive = int | float | str | bool


class Pointer(int):
    """A pointer to data or to a function: hexadecimal as text."""

    def __str__(self) -> str:
        return f"{int(self):#x}"


class NativeInteger(int):
    """An ``IntPtr`` or ``UIntPtr``: hexadecimal as text where it may be an address."""

    def __str__(self) -> str:
        return f"{int(self) & ADDRESS_MASK:#x}" if abs(self) >= _LOWEST_ADDRESS else int.__repr__(self)


def shortest(value: float, form: Struct) -> float:
    """Return the number of fewest digits that is ``value`` in a narrow format: 1.1, and not 1.100000023841858."""
    if isfinite(value):
        for digits in _DIGITS:
            near = float(f"{value:.{digits}g}")
            try:
                if form.unpack(form.pack(near)) == (value,):
                    return near
            except OverflowError:
                continue
    return value


def primitive_value(element: int, data: bytes) -> Primitive:
    """Return the value in the first bytes of ``data``; raises ``FormatError`` for another type, or too few bytes."""
    form = FORMATS.get(element)
    if form is None or len(data) < form.size:
        raise FormatError(f"{len(data)} bytes are no value of element type {element:#x}", source="value")
    (value,) = form.unpack_from(data)
    convert = _CONVERTERS.get(element)
    result: Primitive = convert(value) if convert is not None else value
    return result


_CONVERTERS: Mapping[int, Callable[..., Primitive]] = {
    E.CHAR: chr,
    E.R4: lambda value: shortest(value, FORMATS[E.R4]),
    E.I: NativeInteger,
    E.U: NativeInteger,
    E.PTR: Pointer,
    E.FNPTR: Pointer,
}


def constant_value(element: int, data: bytes) -> Primitive | None:
    """Return the value of a literal: of ``CLASS`` it is ``null``."""
    if element == E.CLASS:
        return None
    if element == E.STRING:
        return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
    return primitive_value(element, data)
