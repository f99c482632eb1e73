"""A ``Target`` with one loaded file of code, its call frame information, and a stack made of words."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from builders.cfi import EhFrame, x86_cie
from builders.fake_target import FakeTarget
from dotdump.formats.elf import ElfHeader, ProgramHeader, SegmentType, build_header, build_program_header
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace
from dotdump.target.model import Architecture, Platform, Thread

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE, TEXT, FRAMES, INDEX, END = 0x400000, 0x401000, 0x404000, 0x406000, 0x408000
STACK = 0x7FFF0000
MACHINES = {Architecture.X86_64: 62, Architecture.AARCH64: 183}


@dataclass(frozen=True)
class CodeModule:
    path: str = "/app/code"
    base: int = BASE
    end: int = END
    data_end: int = END
    build_id: bytes | None = None

    def find_symbol(self, name: str) -> int | None:
        return TEXT if name == "code" else None

    def symbol_at(self, address: int) -> tuple[str, int] | None:
        return ("code", address - TEXT) if TEXT <= address < FRAMES else None


@dataclass
class CodeTarget:
    """``functions`` are (offset into the text, size, instructions); ``stack`` maps addresses to words."""

    functions: list[tuple[int, int, bytes]] = field(default_factory=list)
    stack: Mapping[int, int] = field(default_factory=dict)
    text: bytes = b"\x90" * 0x3000
    common: bytes = field(default_factory=x86_cie)
    architecture: Architecture = Architecture.X86_64
    indexed: bool = True
    section: bytes | None = None
    notes: Mapping[tuple[str, int], bytes] = field(default_factory=dict)

    def build(self, **registers: int) -> FakeTarget:
        """Return the target, with one thread whose registers are these."""
        pc, sp = ("rip", "rsp") if self.architecture is Architecture.X86_64 else ("pc", "sp")
        thread = Thread(1, registers, registers.get(pc, 0), registers.get(sp, 0), notes=self.notes)
        return FakeTarget(
            memory=BytesSpace([(BASE, self._image()), (STACK, self._stack())]),
            regions=(
                Region(BASE, END, Protection.READ | Protection.EXECUTE, 0, "/app/code"),
                Region(STACK, STACK + 0x10000, Protection.READ | Protection.WRITE, 0, "[stack]"),
            ),
            threads=(thread,),
            platform=Platform(self.architecture),
            modules=(CodeModule(),),
        )

    def _image(self) -> bytes:
        frames = EhFrame(FRAMES, self.common)
        for offset, size, instructions in self.functions:
            frames.add(TEXT + offset, size, instructions)
        section, index = self.section or frames.section(), frames.header(INDEX)
        headers = [ProgramHeader(SegmentType.LOAD, 5, 0, 0, END - BASE, END - BASE)]
        if self.indexed:
            headers.append(ProgramHeader(SegmentType.GNU_EH_FRAME, 4, 0, INDEX - BASE, len(index), len(index)))
        head = build_header(ElfHeader(3, MACHINES[self.architecture], len(headers)))
        head += b"".join(build_program_header(header) for header in headers)
        parts = ((0, head), (TEXT - BASE, self.text), (FRAMES - BASE, section), (INDEX - BASE, index))
        image = bytearray(END - BASE)
        for at, data in parts:
            image[at : at + len(data)] = data
        return bytes(image)

    def _stack(self) -> bytes:
        data = bytearray(0x10000)
        for address, word in self.stack.items():
            struct.pack_into("<Q", data, address - STACK, word)
        return bytes(data)
