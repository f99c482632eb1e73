"""NativeAOT's embedded metadata: the names of the types that a program can reflect on.

Reads definitions of types, namespaces and assemblies, as far as names need; nothing of members or signatures.
Source of truth: src/coreclr/tools/Common/Internal/Metadata/NativeFormat/Generator/SchemaDef.cs of dotnet/runtime, read
from 10.0; the number of bits that a handle gives to its kind has changed over time, so it is found by trying.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import FormatError
from dotdump.formats.native_format import NativeBytes
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGNATURE = 0xDEADDFFD.to_bytes(4, "little")
_KIND_BITS = (7, 8)
_SAMPLE = 64
_FIELDS_BEFORE_ENCLOSING = 6


@record
class NativeTypeName:
    """A type's full ``name`` as reflection writes it, ``Namespace.Outer+Inner`1``, and its ``assembly``."""

    name: str
    assembly: str


class NativeMetadata:
    """The metadata in ``data``; ``tokens`` are some of TypeDefinitions in it. Raises ``FormatError``.

    ``bytes`` decodes it; ``kind_bits`` is how many bits of a handle tell what it leads to.
    """

    def __init__(self, data: bytes, tokens: Sequence[int], source: str = "embedded metadata") -> None:
        if data[:4] != _SIGNATURE:
            raise FormatError(f"signature is {data[:4].hex()}, not {_SIGNATURE.hex()}", source=source, offset=0)
        self.bytes = NativeBytes(data, source)
        self._names: dict[int, NativeTypeName] = {}
        self._namespaces: dict[int, NativeTypeName] = {}
        self.kind_bits = next((bits for bits in _KIND_BITS if self._fits(bits, tokens[:_SAMPLE])), 0)
        if not self.kind_bits:
            raise FormatError("its handles have a form that is not known here", source=source)

    def type_name(self, token: int) -> NativeTypeName:
        """Return the name of the TypeDefinition that ``token`` means, and of its assembly."""
        return self._definition(token & self._offset_mask, 0)

    def _fits(self, kind_bits: int, tokens: Sequence[int]) -> bool:
        """Return whether all of ``tokens`` are of one kind and lead to names with that many bits for the kind."""
        self.kind_bits = kind_bits
        try:
            found = [self.type_name(token) for token in tokens]
        except FormatError:
            found = []
        self._names.clear()
        self._namespaces.clear()
        return bool(found) and all(one.name and one.assembly for one in found)

    @property
    def _offset_mask(self) -> int:
        return (1 << 32 - self.kind_bits) - 1

    def _definition(self, offset: int, depth: int) -> NativeTypeName:
        if offset not in self._names:
            self._within(depth)
            place = offset
            values = []
            for _ in range(_FIELDS_BEFORE_ENCLOSING + 1):
                value, place = self.bytes.unsigned(place)
                values.append(value)
            _flags, _base, namespace, name, _size, _packing, enclosing = values
            text = self.bytes.text(name)
            if enclosing:
                outer = self._definition(enclosing, depth + 1)
                found = NativeTypeName(f"{outer.name}+{text}", outer.assembly)
            else:
                outer = self._namespace(namespace, depth + 1)
                found = NativeTypeName(f"{outer.name}.{text}" if outer.name else text, outer.assembly)
            self.bytes.require_name(len(found.name), offset)
            self._names[offset] = found
        return self._names[offset]

    def _namespace(self, offset: int, depth: int) -> NativeTypeName:
        """Return the full name of a namespace, and the assembly at the end of its parents."""
        if offset not in self._namespaces:
            self._within(depth)
            parent, place = self.bytes.unsigned(offset)
            name, _ = self.bytes.unsigned(place)
            outer = parent >> self.kind_bits
            if not name:  # the root namespace, whose parent is the assembly
                found = NativeTypeName("", self._assembly(outer))
            else:
                text, parents = self.bytes.text(name), self._namespace(outer, depth + 1)
                found = NativeTypeName(f"{parents.name}.{text}" if parents.name else text, parents.assembly)
            self.bytes.require_name(len(found.name), offset)
            self._namespaces[offset] = found
        return self._namespaces[offset]

    def _assembly(self, offset: int) -> str:
        _flags, place = self.bytes.unsigned(offset)
        name, _ = self.bytes.unsigned(place)
        return self.bytes.text(name)

    def _within(self, depth: int) -> None:
        if depth > limits.NAME_NESTING:
            raise FormatError(f"names nest more than {limits.NAME_NESTING} deep", source=self.bytes.source)
