"""``MethodDescs``: what the runtime's record of a method says: its type, its token, its kind, its type arguments.

Knows no names. Source of truth: method.hpp of 3.1, 8, 9 and 10; docs/design/datacontracts/RuntimeTypeSystem.md.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.data.methods import (
    DynamicMethodDesc,
    InstantiatedMethodDesc,
    MethodDesc,
    MethodDescChunk,
    StoredSigMethodDesc,
)
from dotdump.errors import LimitExceeded
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess

_MAX_SIGNATURE = 1 << 16
_MAX_NAME = 1 << 12
_CLASSIFICATION = 7
_INSTANTIATION_KIND = 7
METHOD_ALIGNMENT = 8
"""What the size of a MethodDesc, and its place in its chunk, is a multiple of."""
_TOKEN_BITS = 24


class MethodKind(IntEnum):
    """``MethodClassification``: which subclass of MethodDesc a method is."""

    IL = 0
    FCALL = 1
    PINVOKE = 2
    EE_IMPL = 3
    ARRAY = 4
    INSTANTIATED = 5
    COM_INTEROP = 6
    DYNAMIC = 7


class _Instantiation(IntEnum):
    GENERIC_METHOD_DEFINITION = 0


@record
class MethodRecord:
    """A method's record. ``row_id`` is that of its MethodDef, 0 where metadata has none."""

    address: int
    method_table: int
    row_id: int
    kind: MethodKind
    slot: int
    arguments: tuple[int, ...] = ()
    """The TypeHandles of a generic method's arguments; none of its definition."""
    is_definition: bool = False
    """Whether it stands for all instances of a generic method, and is none itself."""
    name: str = ""
    """Of a method without metadata."""
    stored_signature: bytes = b""
    """Of a method without metadata, and of an array's."""
    is_stub: bool = False
    """Whether a method without metadata is a stub of the runtime's, and no ``DynamicMethod``."""


def chunk_of(access: DataAccess, method: int) -> int:
    """Return the address of the MethodDescChunk that the MethodDesc at ``method`` is in; raises ``MemoryFault``."""
    return method - access.size("MethodDescChunk") - MethodDesc(access, method).chunk_index * METHOD_ALIGNMENT


class MethodDescs:
    """The methods of one runtime."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access

    def read(self, address: int) -> MethodRecord:
        """Return the record at ``address``; raises ``MemoryFault`` and ``LimitExceeded`` where it cannot be one."""
        view = MethodDesc(self._access, address)
        chunk = MethodDescChunk(self._access, chunk_of(self._access, address))
        kind = MethodKind(view.flags & _CLASSIFICATION)
        method_table, row_id = chunk.method_table, self._row_id(view, chunk)
        match kind:
            case MethodKind.INSTANTIATED:
                arguments, is_definition = self._arguments(address)
                return MethodRecord(address, method_table, row_id, kind, view.slot, arguments, is_definition)
            case MethodKind.ARRAY:
                signature = self._signature(address)
                return MethodRecord(address, method_table, 0, kind, view.slot, stored_signature=signature)
            case MethodKind.DYNAMIC:
                return MethodRecord(
                    address,
                    method_table,
                    0,
                    kind,
                    view.slot,
                    name=self._dynamic_name(address),
                    stored_signature=self._signature(address),
                    is_stub=self._is_stub(address),
                )
        return MethodRecord(address, method_table, row_id, kind, view.slot)

    def _row_id(self, view: MethodDesc, chunk: MethodDescChunk) -> int:
        bits = self._access.global_integer("MethodDescTokenRemainderBitCount")
        if not 0 <= bits <= _TOKEN_BITS:
            raise LimitExceeded(f"{bits} bits of its token", source=f"method at {view.address:#x}")
        low = view.token_remainder & (1 << bits) - 1
        high = chunk.flags_and_token_range & (1 << _TOKEN_BITS - bits) - 1
        return high << bits | low

    def _arguments(self, address: int) -> tuple[tuple[int, ...], bool]:
        view = InstantiatedMethodDesc(self._access, address)
        if view.flags & _INSTANTIATION_KIND == _Instantiation.GENERIC_METHOD_DEFINITION:
            return (), True
        place, count = view.arguments, view.argument_count
        if count > limits.TYPE_ARGUMENTS:
            raise LimitExceeded(f"{count} type arguments", source=f"method at {address:#x}")
        return tuple(self._access.reader.pointer(place + 8 * i) for i in range(count)) if place else (), False

    def _signature(self, address: int) -> bytes:
        view = StoredSigMethodDesc(self._access, address)
        size = view.signature_size
        if size > _MAX_SIGNATURE:
            raise LimitExceeded(f"a signature of {size} bytes", source=f"method at {address:#x}")
        return self._access.reader.memory.read_available(view.signature, size) if view.signature else b""

    def _dynamic_name(self, address: int) -> str:
        name = DynamicMethodDesc(self._access, address).name
        return self._access.reader.cstring(name, _MAX_NAME).decode("utf-8", "replace") if name else ""

    def _is_stub(self, address: int) -> bool:
        flag = self._access.global_integer("DynamicMethodStubFlag")
        return bool(StoredSigMethodDesc(self._access, address).extended_flags & flag)
