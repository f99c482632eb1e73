"""Prologues of arm64 functions: what each instruction does to a machine, and the unwind code that stands for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import pack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

FP, LR, SP = 29, 30, 31
SIGNATURE = 0x2A << 56


@dataclass
class Machine:
    """Registers and a stack; every register starts with a value of its own."""

    registers: dict[int, int] = field(default_factory=lambda: {n: 0x1000 + n for n in range(31)} | {SP: 0x7FFE00000000})
    memory: dict[int, int] = field(default_factory=dict)

    def store(self, offset: int, *registers: int) -> None:
        for number, register in enumerate(registers):
            self.memory[self.registers[SP] + offset + 8 * number] = self.registers[register]

    def read(self, address: int) -> int:
        return self.memory[address]


@dataclass(frozen=True)
class Instruction:
    """An instruction of a prologue: its code, and what it does."""

    code: bytes
    run: Callable[[Machine], None]


def _push(code: bytes, size: int, *registers: int) -> Instruction:
    def run(machine: Machine) -> None:
        machine.registers[SP] -= size
        machine.store(0, *registers)

    return Instruction(code, run)


def _store(code: bytes, offset: int, *registers: int) -> Instruction:
    return Instruction(code, lambda machine: machine.store(offset, *registers))


def _two(code: int) -> bytes:
    return code.to_bytes(2, "big")


def save_fplr_x(words: int) -> Instruction:
    return _push(bytes([0x80 | words - 1]), 8 * words, FP, LR)


def save_fplr(word: int) -> Instruction:
    return _store(bytes([0x40 | word]), 8 * word, FP, LR)


def save_r19r20_x(words: int) -> Instruction:
    return _push(bytes([0x20 | words]), 8 * words, 19, 20)


def save_regp(register: int, word: int) -> Instruction:
    return _store(_two(0xC800 | register - 19 << 6 | word), 8 * word, register, register + 1)


def save_regp_x(register: int, words: int) -> Instruction:
    return _push(_two(0xCC00 | register - 19 << 6 | words - 1), 8 * words, register, register + 1)


def save_reg(register: int, word: int) -> Instruction:
    return _store(_two(0xD000 | register - 19 << 6 | word), 8 * word, register)


def save_reg_x(register: int, words: int) -> Instruction:
    return _push(_two(0xD400 | register - 19 << 5 | words - 1), 8 * words, register)


def save_lrpair(register: int, word: int) -> Instruction:
    return _store(_two(0xD600 | (register - 19) // 2 << 6 | word), 8 * word, register, LR)


def save_next(register: int, word: int) -> Instruction:
    """Store the pair that follows the one stored before: what it is and where is not said."""
    return _store(b"\xe6", 8 * word, register, register + 1)


def save_any(register: int, word: int, *, pair: bool) -> Instruction:
    registers = (register, register + 1) if pair else (register,)
    unit = 2 if pair else 1
    return _store(b"\xe7" + _two(pair << 14 | register << 8 | word // unit), 8 * word, *registers)


def save_any_x(register: int, words: int, *, pair: bool) -> Instruction:
    registers = (register, register + 1) if pair else (register,)
    return _push(b"\xe7" + _two(pair << 14 | 1 << 13 | register << 8 | words // 2 - 1), 8 * words, *registers)


def save_fregp_x(words: int) -> Instruction:
    return _push(_two(0xDA00 | words - 1), 8 * words)


def save_freg(word: int) -> Instruction:
    return _store(_two(0xDC00 | word), 8 * word)


def alloc(size: int) -> Instruction:
    units = size // 16
    if units < 0x20:
        code = bytes([units])
    elif units < 0x800:
        code = _two(0xC000 | units)
    else:
        code = b"\xe0" + units.to_bytes(3, "big")
    return _push(code, size)


def set_fp(words: int = 0) -> Instruction:
    def run(machine: Machine) -> None:
        machine.registers[FP] = machine.registers[SP] + 8 * words

    return Instruction(bytes([0xE2, words]) if words else b"\xe1", run)


def nop() -> Instruction:
    return Instruction(b"\xe3", lambda _: None)


def sign() -> Instruction:
    def run(machine: Machine) -> None:
        machine.registers[LR] |= SIGNATURE

    return Instruction(b"\xfc", run)


def codes_of(prologue: Sequence[Instruction], end: bytes = b"\xe4") -> bytes:
    return b"".join(instruction.code for instruction in reversed(prologue)) + end


def xdata(
    codes: bytes, length: int, epilogues: Iterable[tuple[int, int]] = (), *, single: int | None = None, handler: int = 0
) -> bytes:
    """Return a record of .xdata of a function of ``length`` instructions; ``epilogues`` as (instruction, index)."""
    scopes = [start | index << 22 for start, index in epilogues]
    padded = codes + b"\xe3" * (-len(codes) % 4)
    words = len(padded) // 4
    count = single if single is not None else len(scopes)
    word = length | bool(handler) << 20 | (single is not None) << 21
    long = count > 31 or words > 31 or not (count or words)
    head = pack("<II", word, count | words << 16) if long else pack("<I", word | count << 22 | words << 27)
    return head + pack(f"<{len(scopes)}I", *scopes) + padded + (pack("<I", handler) if handler else b"")
