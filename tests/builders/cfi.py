"""Call frame information from first principles: entries of .eh_frame and the table of .eh_frame_hdr."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PCREL_SDATA4 = 0x1B
DATAREL_SDATA4 = 0x3B


def uleb(value: int) -> bytes:
    out = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        if not value:
            return bytes((*out, byte))
        out.append(byte | 0x80)


def sleb(value: int) -> bytes:
    out = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        if value == (-1 if byte & 0x40 else 0):
            return bytes((*out, byte))
        out.append(byte | 0x80)


def entry(body: bytes, alignment: int = 8) -> bytes:
    """Return an entry: its length, then ``body``, padded with DW_CFA_nop."""
    body += bytes(-(4 + len(body)) % alignment)
    return pack("<I", len(body)) + body


def cie(
    instructions: bytes = b"",
    *,
    letters: str = "zR",
    augmentation: bytes = bytes([PCREL_SDATA4]),
    code_alignment: int = 1,
    data_alignment: int = -8,
    return_register: int = 16,
    version: int = 1,
) -> bytes:
    """Return a CIE, by default as GCC writes it for x86-64."""
    head = pack("<IB", 0, version) + letters.encode() + b"\0"
    head += b"\x08\0" if version == 4 else b""
    head += uleb(code_alignment) + sleb(data_alignment)
    head += bytes([return_register]) if version == 1 else uleb(return_register)
    if letters.startswith("z"):
        head += uleb(len(augmentation)) + augmentation
    return entry(head + instructions)


def fde(at: int, cie_at: int, start: int, size: int, instructions: bytes = b"") -> bytes:
    """Return the FDE that lies at ``at``, its function's start relative to where it is written."""
    return entry(pack("<IiI", at + 4 - cie_at, start - (at + 8), size) + b"\0" + instructions)


class EhFrame:
    """A section at ``address``: one CIE, then FDEs for functions, and the header that indexes them."""

    def __init__(self, address: int, common: bytes) -> None:
        self.address = address
        self.data = bytearray(common)
        self.rows: list[tuple[int, int]] = []

    def add(self, start: int, size: int, instructions: bytes = b"") -> None:
        at = self.address + len(self.data)
        self.rows.append((start, at))
        self.data += fde(at, self.address, start, size, instructions)

    def section(self) -> bytes:
        return bytes(self.data) + bytes(4)

    def header(self, address: int) -> bytes:
        head = bytes([1, PCREL_SDATA4, 0x03, DATAREL_SDATA4])
        head += pack("<iI", self.address - (address + 4), len(self.rows))
        return head + b"".join(pack("<ii", s - address, e - address) for s, e in sorted(self.rows))


def x86_cie(instructions: bytes = b"", **options: object) -> bytes:
    """Return the CIE of ordinary x86-64 code: CFA is rsp + 8, the return address just below it."""
    return cie(b"\x0c\x07\x08\x90\x01" + instructions, **options)  # type: ignore[arg-type] # options pass through


def arm_cie(instructions: bytes = b"") -> bytes:
    """Return the CIE of ordinary arm64 code: CFA is sp, the return address in x30."""
    return cie(b"\x0c\x1f\x00" + instructions, code_alignment=4, return_register=30)


def advance(rows: Sequence[tuple[int, bytes]]) -> bytes:
    """Return instructions that apply each change after so many units of code."""
    return b"".join(bytes([0x40 | distance]) + change for distance, change in rows)
