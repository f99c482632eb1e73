"""Types and method signatures in NativeAOT's embedded metadata, as text.

Source of truth: SchemaDef.cs and NativeFormatReaderCommonGen.cs (``HandleType``) of dotnet/runtime; read from 10.0.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.formats.native_metadata import NativeMetadata


class HandleKind(IntEnum):
    """What a handle leads to, as far as used."""

    ARRAY = 0x01
    BY_REFERENCE = 0x02
    FUNCTION_POINTER = 0x25
    METHOD_TYPE_VARIABLE = 0x2C
    MODIFIED_TYPE = 0x2D
    NAMESPACE_REFERENCE = 0x30
    POINTER = 0x32
    SZ_ARRAY = 0x37
    TYPE_DEFINITION = 0x3A
    TYPE_INSTANTIATION = 0x3C
    TYPE_REFERENCE = 0x3D
    TYPE_SPECIFICATION = 0x3E
    TYPE_VARIABLE = 0x3F


_ARITY = re.compile(r"`\d+")
_SUFFIXES = {HandleKind.SZ_ARRAY: "[]", HandleKind.POINTER: "*", HandleKind.BY_REFERENCE: "&"}
_VARIABLES = {HandleKind.TYPE_VARIABLE: "!", HandleKind.METHOD_TYPE_VARIABLE: "!!"}


class NativeSignatures:
    """Names what handles of ``metadata`` lead to; each once. Raises ``FormatError``."""

    def __init__(self, metadata: NativeMetadata) -> None:
        self._metadata = metadata
        self._bytes = metadata.bytes
        self._types: dict[tuple[int, int], str] = {}
        self._composers: dict[int, Callable[[int, int], str]] = {
            HandleKind.TYPE_SPECIFICATION: self._specification,
            HandleKind.TYPE_INSTANTIATION: self._instantiation,
            HandleKind.TYPE_REFERENCE: self._reference,
            HandleKind.ARRAY: self._array,
            HandleKind.MODIFIED_TYPE: self._modified,
            HandleKind.FUNCTION_POINTER: self._function_pointer,
        }

    def type_of_token(self, token: int) -> str:
        """Return the type that a token means: its kind in the highest bits."""
        shift = 32 - self._metadata.kind_bits
        return self._type(token >> shift, token & (1 << shift) - 1, 0)

    def parameters_of(self, offset: int) -> str:
        """Return the parameters of the method signature at ``offset``, in parentheses; variables as IL writes them."""
        _convention, place = self._bytes.unsigned(offset)
        _generic, place = self._bytes.signed(place)
        _returned, place = self._bytes.unsigned(place)
        parameters, _ = self._list(place, 0)
        return f"({', '.join(parameters)})"

    def arguments_of(self, offset: int) -> list[str]:
        """Return the texts of the list of strings at ``offset``: the arguments of a generic method."""
        count, place = self._count(offset)
        found, length = [], 0
        for _ in range(count):
            handle, place = self._bytes.unsigned(place)
            found.append(self._bytes.text(handle >> self._metadata.kind_bits) if handle else "")
            length += len(found[-1])
            self._bytes.require_name(length, place)
        return found

    def _handle(self, place: int, depth: int) -> tuple[str, int]:
        value, place = self._bytes.unsigned(place)
        bits = self._metadata.kind_bits
        return self._type(value & (1 << bits) - 1, value >> bits, depth), place

    def _list(self, place: int, depth: int) -> tuple[list[str], int]:
        count, place = self._count(place)
        found, length = [], 0
        for _ in range(count):
            name, place = self._handle(place, depth)
            found.append(name)
            length += len(name)
            self._bytes.require_name(length, place)
        return found, place

    def _count(self, place: int) -> tuple[int, int]:
        count, place = self._bytes.unsigned(place)
        if count > limits.SIGNATURE_TYPES:
            raise FormatError(f"{count} types", source=self._bytes.source, offset=place)
        return count, place

    def _type(self, kind: int, offset: int, depth: int) -> str:
        if depth > limits.NAME_NESTING:
            raise FormatError(f"types nest more than {limits.NAME_NESTING} deep", source=self._bytes.source)
        key = (kind, offset)
        if key not in self._types:
            name = self._compose(kind, offset, depth + 1)
            self._bytes.require_name(len(name), offset)
            self._types[key] = name
        return self._types[key]

    def _compose(self, kind: int, offset: int, depth: int) -> str:
        if kind == HandleKind.TYPE_DEFINITION:
            return self._metadata.type_name(offset).name
        if kind in _SUFFIXES:
            return self._handle(offset, depth)[0] + _SUFFIXES[HandleKind(kind)]
        if kind in _VARIABLES:
            return f"{_VARIABLES[HandleKind(kind)]}{self._bytes.signed(offset)[0]}"
        if kind not in self._composers:
            raise FormatError(f"a handle of kind {kind:#x} is no type", source=self._bytes.source, offset=offset)
        return self._composers[kind](offset, depth)

    def _specification(self, offset: int, depth: int) -> str:
        return self._handle(offset, depth)[0]

    def _array(self, offset: int, depth: int) -> str:
        element, place = self._handle(offset, depth)
        rank = min(max(self._bytes.signed(place)[0], 1), limits.ARRAY_RANK)
        return f"{element}[{',' * (rank - 1) or '*'}]"

    def _modified(self, offset: int, depth: int) -> str:
        """Return the type behind its modifier, and the byte that says whether that is optional."""
        _modifier, place = self._handle(offset + 1, depth)
        return self._handle(place, depth)[0]

    def _function_pointer(self, offset: int, depth: int) -> str:
        del offset, depth
        return "FnPtr"

    def _instantiation(self, offset: int, depth: int) -> str:
        definition, place = self._handle(offset, depth)
        arguments, _ = self._list(place, depth)
        return f"{_ARITY.sub('', definition)}<{', '.join(arguments)}>"

    def _reference(self, offset: int, depth: int) -> str:
        parent, place = self._bytes.unsigned(offset)
        name = self._bytes.text(self._bytes.unsigned(place)[0])
        bits = self._metadata.kind_bits
        kind, outer = parent & (1 << bits) - 1, parent >> bits
        if kind == HandleKind.TYPE_REFERENCE:
            return f"{self._type(kind, outer, depth)}+{name}"
        space = self._namespace(outer, depth) if kind == HandleKind.NAMESPACE_REFERENCE else ""
        return f"{space}.{name}" if space else name

    def _namespace(self, offset: int, depth: int) -> str:
        if depth > limits.NAME_NESTING:
            raise FormatError(f"names nest more than {limits.NAME_NESTING} deep", source=self._bytes.source)
        parent, place = self._bytes.unsigned(offset)
        name, _ = self._bytes.unsigned(place)
        if not name:
            return ""
        bits = self._metadata.kind_bits
        is_inner = parent & (1 << bits) - 1 == HandleKind.NAMESPACE_REFERENCE
        outer = self._namespace(parent >> bits, depth + 1) if is_inner else ""
        text = self._bytes.text(name)
        return f"{outer}.{text}" if outer else text
