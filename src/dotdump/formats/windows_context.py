"""CONTEXT: all registers of a thread in the form of Windows, which .NET uses on every system.

Source of truth: ``CONTEXT`` in winnt.h for AMD64 and ARM64; the same offsets in pal.h of dotnet/runtime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.formats.amd64_unwind_codes import DWARF_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Mapping

AMD64: Mapping[int, int] = {
    **{number: 0x78 + 8 * index for index, number in enumerate(DWARF_NUMBERS)},
    16: 0xF8,
}
"""Where each register lies, by DWARF number; 16 is rip."""
AMD64_PC_AND_SP = (AMD64[16], AMD64[7])
"""Where program counter and stack pointer lie."""

ARM64: Mapping[int, int] = {
    **{number: 8 + 8 * number for number in range(29)},
    29: 0xF0,
    30: 0xF8,
    31: 0x100,
    32: 0x108,
}
"""The same of arm64; 29 is fp, 30 lr, 31 sp, 32 pc."""


def parse_context(data: bytes, registers: Mapping[int, int]) -> dict[int, int]:
    """Return the registers in ``data``, by number; those that do not lie whole in it are left out."""
    return {
        number: int.from_bytes(data[offset : offset + 8], "little")
        for number, offset in registers.items()
        if offset + 8 <= len(data)
    }
