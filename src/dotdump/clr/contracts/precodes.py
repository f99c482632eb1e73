"""``Precodes``: which method a stub calls that stands for the method until, and after, its code is there.

Function pointers, so those in delegates, point to such a stub. Source of truth: precode.h of 3.1; precode.h and
``{amd64,arm64}/thunktemplates.S`` of 8, 9 and 10, whose stubs read the MethodDesc from a page of data beside the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.method_descs import METHOD_ALIGNMENT
from dotdump.formats.machine import Machine

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess

_SIZE = 24
"""Bytes of the longest stub that are looked at."""
_MOV_R10_FROM = b"\x4c\x8b\x15"
"""``mov r10, [rip + rel32]``: the MethodDesc, for the compiler or the method itself."""
_JUMP_BY_DATA = b"\xff\x25"
"""``jmp [rip + rel32]``, six bytes."""
_MOV_R10 = b"\x49\xba"
"""``mov r10, imm64``."""
_CALLS = (0xE8, 0xE9)
_FIXUP_SIZE = 8
_LDR_X12, _LDR_MASK = 0x5800000C, 0xFF00001F
"""``ldr x12, [pc + 4 * imm19]``."""


class Precodes:
    """The stubs of one runtime."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access

    def method_of(self, entry: int) -> int:
        """Return the address of the MethodDesc whose stub begins at ``entry``; 0 where there is none that is known.

        Raises ``MemoryFault`` where what the stub reads is not there.
        """
        code = self._access.reader.memory.read_available(entry, _SIZE)
        if len(code) < _SIZE:
            return 0
        if self._access.target.platform.machine is Machine.AARCH64:
            return self._arm64(entry, code)
        return self._amd64(entry, code) if self._access.major >= 8 else self._amd64_before_8(entry, code)

    def _amd64(self, entry: int, code: bytes) -> int:
        start = 6 if code.startswith(_JUMP_BY_DATA) else 0
        if code[start : start + 3] != _MOV_R10_FROM:
            return 0
        end = start + 7
        return self._access.reader.pointer(entry + end + _signed(code[start + 3 : end]))

    def _amd64_before_8(self, entry: int, code: bytes) -> int:
        """Of a FixupPrecode the method is the n-th of a chunk whose address is behind the last stub of the chunk."""
        if code.startswith(_MOV_R10):
            return int.from_bytes(code[2:10], "little")
        if code[0] not in _CALLS:
            return 0
        in_methods, in_stubs = code[6], code[7]
        base = self._access.reader.pointer(entry + _FIXUP_SIZE * (in_stubs + 1))
        return base + METHOD_ALIGNMENT * in_methods if base else 0

    def _arm64(self, entry: int, code: bytes) -> int:
        for place in range(0, _SIZE, 4):
            word = int.from_bytes(code[place : place + 4], "little")
            if word & _LDR_MASK == _LDR_X12:
                words = (word >> 5 & 0x7FFFF) - (word >> 5 & 0x40000) * 2
                return self._access.reader.pointer(entry + place + 4 * words)
        return 0


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)
