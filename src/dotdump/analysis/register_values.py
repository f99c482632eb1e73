"""Structs whose bytes are at hand, as those in a register are: what ``value_text`` says of one in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.value_text import VALUE_LIMIT, text_of
from dotdump.clr.contracts.primitive_values import FORMATS, primitive_value
from dotdump.clr.model.known_values import known_value, size_of_known
from dotdump.clr.model.value import EnumValue
from dotdump.errors import FormatError
from dotdump.formats.metadata.signatures import ElementType

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.clr.model.field import ClrField
    from dotdump.clr.model.type import ClrType

_DEPTH = 8
"""Structs within each other in a register: of more the fields are one and the same word."""


def struct_text(kind: ClrType, data: bytes, of_reference: Callable[[int], str], depth: int = 0) -> str:
    """Return a value of the value type ``kind`` in one line; ``of_reference`` says what an address in it leads to.

    Raises ``FormatError`` where it needs more bytes than there are, or its layout is not known.
    """
    if kind.value_size > len(data) or depth >= _DEPTH:
        raise FormatError(f"{kind.name} of {kind.value_size} bytes is not in {len(data)}", source="register")
    if size_of_known(kind.name):
        return text_of(known_value(kind.name, data[: size_of_known(kind.name)]), limit=VALUE_LIMIT)
    if kind.is_enum or kind.is_primitive:
        number = primitive_value(kind.fields[0].element if kind.fields else ElementType.END, data)
        return text_of(EnumValue(number, kind) if kind.is_enum and isinstance(number, int) else number)
    texts = {field.name: _field_text(field, data, of_reference, depth) for field in kind.fields}
    if kind.is_nullable and len(texts) == 2 and (has_value := texts.pop("hasValue", "")):
        return "".join(texts.values()) if has_value == "true" else "null"
    return f"{{{', '.join(f'{name}={text}' for name, text in texts.items())}}}"


def _field_text(field: ClrField, data: bytes, of_reference: Callable[[int], str], depth: int) -> str:
    data = data[field.address_in(0, interior=True) :]
    if field.is_reference:
        return of_reference(int.from_bytes(data[:8], "little"))
    if field.element is ElementType.BYREF:
        return f"{int.from_bytes(data[:8], 'little'):#x}"
    if field.is_number:
        return text_of(primitive_value(field.element, data[: FORMATS[field.element].size]))
    if field.type is None:
        raise FormatError(f"{field.type_name} is not loaded, so its layout is not known", source="register")
    return struct_text(field.type, data, of_reference, depth + 1)
