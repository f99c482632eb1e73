"""Cores from first principles: struct formats written down here once more, so that parser and builder can disagree."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

PAGE = 4096
X86_64, AARCH64 = 62, 183
REGISTERS = {X86_64: 27, AARCH64: 34}
STACK_REGISTER = {X86_64: 19, AARCH64: 31}
PC_REGISTER = {X86_64: 16, AARCH64: 32}


_ORIG_RAX = 15


def note(owner: bytes, kind: int, body: bytes) -> bytes:
    name = owner + b"\0"
    head = struct.pack("<III", len(name), len(body), kind)
    return head + name + bytes(-len(name) % 4) + body + bytes(-len(body) % 4)


def prstatus(tid: int, registers: list[int], signal: int = 0) -> bytes:
    head = struct.pack("<3ih2x2Q4i8q", signal, 0, 0, signal, 0, 0, tid, 1, 1, 1, *[0] * 8)
    return head + struct.pack(f"<{len(registers)}Qi4x", *registers, 1)


def prpsinfo(pid: int, name: bytes, arguments: bytes) -> bytes:
    return struct.pack("<b1sbb4xQIIiiii16s80s", 0, b"R", 0, 0, 0, 1000, 1000, pid, 1, 1, 1, name, arguments)


def file_note(files: list[tuple[int, int, int, bytes]]) -> bytes:
    rows = b"".join(struct.pack("<QQQ", start, end, offset // PAGE) for start, end, offset, _ in files)
    return struct.pack("<QQ", len(files), PAGE) + rows + b"".join(path + b"\0" for *_, path in files)


@dataclass
class Segment:
    """``data`` is in the file; the rest up to ``size`` is only in memory."""

    start: int
    data: bytes = b""
    size: int = 0
    flags: int = 6


@dataclass
class CoreBuilder:
    machine: int = X86_64
    pid: int = 100
    threads: list[int] = field(default_factory=lambda: [100, 101])
    signals: dict[int, int] = field(default_factory=dict)
    system_calls: dict[int, int] = field(default_factory=dict)
    """Threads of x86-64 to the numbers of the calls that they are in."""
    segments: list[Segment] = field(default_factory=list)
    files: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    auxv: dict[int, int] = field(default_factory=dict)
    extra: list[bytes] = field(default_factory=list)
    count_in_section: bool = False

    def notes(self) -> bytes:
        parts = [note(b"CORE", 3, prpsinfo(self.pid, b"shop", b"shop --serve"))]
        vector = b"".join(struct.pack("<QQ", *pair) for pair in [*self.auxv.items(), (0, 0)])
        parts.append(note(b"CORE", 6, vector))
        if self.files:
            parts.append(note(b"CORE", 0x46494C45, file_note(self.files)))
        for tid in self.threads:
            registers = [tid * 1000 + index for index in range(REGISTERS[self.machine])]
            registers[_ORIG_RAX] = self.system_calls.get(tid, registers[_ORIG_RAX])
            parts.append(note(b"CORE", 1, prstatus(tid, registers, self.signals.get(tid, 0))))
        return b"".join([*parts, *self.extra])

    def build(self) -> bytes:
        notes, count = self.notes(), len(self.segments) + 1
        extended = self.count_in_section or count >= 0xFFFF
        notes_at = 64 + 56 * count
        position = -(-(notes_at + len(notes)) // PAGE) * PAGE
        table = [struct.pack("<IIQQQQQQ", 4, 0, notes_at, 0, 0, len(notes), 0, 0)]
        body = bytearray()
        for segment in self.segments:
            size = max(segment.size, len(segment.data))
            row = (1, segment.flags, position + len(body), segment.start, 0, len(segment.data), size, PAGE)
            table.append(struct.pack("<IIQQQQQQ", *row))
            body += segment.data
        shoff = position + len(body) if extended else 0
        counts = (64, 56, 0xFFFF if extended else count, 64 if extended else 0, 1 if extended else 0, 0)
        head = b"\x7fELF\x02\x01\x01" + bytes(9)
        head += struct.pack("<HHIQQQI6H", 4, self.machine, 1, 0, 64, shoff, 0, *counts)
        section = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 1, 0, count, 0, 0) if extended else b""
        return (head + b"".join(table) + notes).ljust(position, b"\0") + bytes(body) + section
