"""Registers as DWARF numbers them, by table: which there are, which a callee keeps, where a signal frame has them.

No algorithm is here. Source of truth: System V ABI for AMD64, figure 3.36 and "Register Usage"; DWARF for the Arm
64-bit Architecture (AADWARF64) and AAPCS64; ``struct ucontext`` and ``struct sigcontext`` of the kernel's uapi.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.records import record
from dotdump.target.model import Architecture

if TYPE_CHECKING:
    from collections.abc import Mapping


@record
class SignalTrampoline:
    """Code that a signal handler returns to, and where above its stack pointer the interrupted registers lie."""

    code: bytes
    registers: Mapping[int, int]
    instruction_pointer: int


@record
class DwarfRegisters:
    """An architecture. ``names`` by DWARF number; ``callee_saved`` have the caller's values wherever no rule is given.

    ``program_counter`` is the number of where a frame stands: the expressions of a PLT ask for it. ``link`` is the
    register that holds the return address of a function that called none, where there is one.
    """

    names: Mapping[int, str]
    program_counter: int
    stack_pointer: int
    frame_pointer: int
    callee_saved: tuple[int, ...]
    trampoline: SignalTrampoline
    link: int | None = None

    def kept(self, registers: Mapping[int, int]) -> dict[int, int]:
        """Return those of ``registers`` that a callee has to keep."""
        return {number: registers[number] for number in self.callee_saved if number in registers}


def _numbered(names: str) -> dict[int, str]:
    return dict(enumerate(names.split()))


X86_64 = DwarfRegisters(
    names=_numbered("rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15"),
    program_counter=16,
    stack_pointer=7,
    frame_pointer=6,
    callee_saved=(3, 6, 12, 13, 14, 15),
    trampoline=SignalTrampoline(
        code=bytes.fromhex("48c7c00f0000000f05"),  # mov $SYS_rt_sigreturn, %rax; syscall
        registers={
            number: 40 + 8 * index
            for index, number in enumerate((8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7))
        },
        instruction_pointer=40 + 8 * 16,
    ),
)
AARCH64 = DwarfRegisters(
    names=_numbered(" ".join([*(f"x{number}" for number in range(31)), "sp"])),
    program_counter=32,
    stack_pointer=31,
    frame_pointer=29,
    callee_saved=(*range(19, 31),),
    trampoline=SignalTrampoline(
        code=bytes.fromhex("681180d2010000d4"),  # mov x8, #SYS_rt_sigreturn; svc #0
        registers={number: 128 + 176 + 8 + 8 * number for number in range(32)},
        instruction_pointer=128 + 176 + 8 + 8 * 32,
    ),
    link=30,
)
DWARF_REGISTERS = {Architecture.X86_64: X86_64, Architecture.AARCH64: AARCH64}
