"""Unwind information of x86-64, written from the documentation of its format and not with the parser's tables."""

from __future__ import annotations

import struct

MACHINE_NUMBERS = {name: n for n, name in enumerate(["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"])} | {
    f"r{n}": n for n in range(8, 16)
}


def unwind_info(
    *codes: bytes, prologue: int = 0, frame: tuple[str, int] | None = None, chained: tuple[int, int, int] | None = None
) -> bytes:
    """Return UNWIND_INFO with these codes, the last of the prologue first; ``frame`` is (register, offset / 16)."""
    count = sum(len(code) for code in codes) // 2
    register = MACHINE_NUMBERS[frame[0]] | frame[1] << 4 if frame else 0
    head = struct.pack("<BBBB", 1 | (4 << 3 if chained else 0), prologue, count, register)
    padding = b"\0\0" if count % 2 else b""
    return head + b"".join(codes) + padding + (struct.pack("<III", *chained) if chained else b"")


def code(place: int, opcode: int, operand: int = 0, *more: int) -> bytes:
    """Return one code that ends at ``place`` in the prologue; ``more`` are further 16-bit slots."""
    return struct.pack(f"<BB{len(more)}H", place, opcode | operand << 4, *more)


def push(place: int, register: str) -> bytes:
    return code(place, 0, MACHINE_NUMBERS[register])


def allocate(place: int, size: int) -> bytes:
    if size <= 128:
        return code(place, 2, size // 8 - 1)
    if size < 1 << 19:
        return code(place, 1, 0, size // 8)
    return code(place, 1, 1, size & 0xFFFF, size >> 16)


def set_frame(place: int) -> bytes:
    return code(place, 3)


def set_large_frame(place: int, offset: int) -> bytes:
    return code(place, 11, 0, offset // 16 & 0xFFFF, offset // 16 >> 16)


def save(place: int, register: str, offset: int) -> bytes:
    if offset < 1 << 19:
        return code(place, 4, MACHINE_NUMBERS[register], offset // 8)
    return code(place, 5, MACHINE_NUMBERS[register], offset & 0xFFFF, offset >> 16)
