"""``DotNetRuntimeDebugHeader``: what a NativeAOT program says of its own structures, in place of a descriptor.

Knows the format of the header, not the structures. The pointers in it are null until the runtime has started.
Source of truth: src/coreclr/nativeaot/Runtime/DebugHeader.cpp; read from 10.0, where it is version 5.0.
"""

from __future__ import annotations

from struct import Struct

from dotdump import limits
from dotdump.clr.descriptor import Descriptor, FieldLayout, Global, TypeLayout
from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.runtime_files import DEBUG_HEADER
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dotdump.memory.reader import Reader
    from dotdump.target.model import Module

MAGIC = b"DNDH"
_HEADER = Struct("<4sHHIIQQ")
_TYPE_ENTRY = Struct("<QQII")
_GLOBAL_ENTRY = Struct("<QQ")


@record
class DebugHeader:
    """Field offsets by type and field name, and the addresses of globals by name."""

    major: int
    minor: int
    types: Mapping[str, TypeLayout]
    globals: Mapping[str, int]

    def descriptor(self) -> Descriptor:
        """Return the same in the form of a contract descriptor."""
        values = {name: Global(value, "pointer", indirect=True) for name, value in self.globals.items()}
        return Descriptor(self.types, values, {})


def find_debug_header(reader: Reader, module: Module) -> DebugHeader | None:
    """Return the header that ``module`` exports, or None; raises ``FormatError`` and ``MemoryFault``."""
    address = module.find_symbol(DEBUG_HEADER)
    return None if address is None else read_debug_header(reader, address)


def read_debug_header(reader: Reader, address: int) -> DebugHeader:
    """Read the header at ``address``."""
    magic, major, minor, _, _, types, values = _HEADER.unpack(reader.memory.read(address, _HEADER.size))
    if magic != MAGIC:
        raise FormatError(f"magic is {magic!r}, not {MAGIC!r}", source=f"debug header at {address:#x}", offset=0)
    fields: dict[str, dict[str, FieldLayout]] = {}
    for type_name, field_name, offset, _ in _entries(reader, types, _TYPE_ENTRY):
        fields.setdefault(_text(reader, type_name), {})[_text(reader, field_name)] = FieldLayout(offset)
    named = {_text(reader, name): value for name, value in _entries(reader, values, _GLOBAL_ENTRY)}
    return DebugHeader(major, minor, {name: TypeLayout(found) for name, found in fields.items()}, named)


def _entries(reader: Reader, address: int, layout: Struct) -> Iterator[tuple[int, ...]]:
    """Yield the entries of a table that ends with a null name; none where it is not there yet."""
    for index in range(limits.DEBUG_HEADER_ENTRIES if address else 0):
        entry = layout.unpack(reader.memory.read(address + index * layout.size, layout.size))
        if not entry[0]:
            return
        yield entry
    if address:
        raise LimitExceeded(f"more than {limits.DEBUG_HEADER_ENTRIES} entries", source=f"table at {address:#x}")


def _text(reader: Reader, address: int) -> str:
    return reader.cstring(address).decode("utf-8", "replace")
