"""Registers per architecture, as tables: names and offsets in the register sets that core notes and ptrace carry.

No algorithm is here, and no register is known anywhere else. Source of truth: ``user_regs_struct`` and
``user_pt_regs`` in the kernel's uapi ``asm/ptrace.h``, ``struct user_i387_struct``, the Intel SDM vol. 1 ch. 10 and
13 (FXSAVE, XSAVE standard form), and ``elfcore``'s note types in uapi ``linux/elf.h``.
"""

from __future__ import annotations

from struct import pack, unpack_from

from dotdump.formats.machine import Machine
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


RED_ZONE = 128
"""Bytes below the stack pointer that a function of x86-64 may use (psABI); AArch64 has none on Linux."""
_WORD = 8


@record
class Register:
    """``size`` bytes at ``offset`` of a register set, little-endian."""

    name: str
    offset: int
    size: int = 8


@record
class RegisterSet:
    """A note that carries registers: what owner and type it has, what users call it, what is in it."""

    owner: str
    type: int
    name: str
    registers: tuple[Register, ...] = ()


@record
class RegisterFile:
    """An architecture: the names of its general registers, which of them are special, its other sets.

    General registers are words of 8 bytes, one after another: ``pr_reg``.
    """

    machine: Machine
    general: tuple[str, ...]
    instruction_pointer: str
    stack_pointer: str
    frame_pointer: str
    others: tuple[RegisterSet, ...]

    @property
    def general_size(self) -> int:
        """Bytes of ``pr_reg``."""
        return _WORD * len(self.general)

    def parse_general(self, data: bytes | memoryview, offset: int = 0) -> dict[str, int]:
        """Return the general registers that lie whole in ``pr_reg``, which is at ``offset`` of ``data``, by name."""
        count = min((len(data) - offset) // _WORD, len(self.general))
        return dict(zip(self.general, unpack_from(f"<{count}Q", data, offset), strict=False))

    def build_general(self, values: Mapping[str, int]) -> bytes:
        """Return ``pr_reg`` with ``values``; registers without one are 0."""
        return pack(f"<{len(self.general)}Q", *(values.get(name, 0) for name in self.general))

    def set_of(self, owner: str, kind: int) -> RegisterSet | None:
        """Return the register set that a note carries, or None."""
        return next((s for s in self.others if (s.owner, s.type) == (owner, kind)), None)


def parse_registers(registers: tuple[Register, ...], data: bytes) -> dict[str, int]:
    """Return those registers that lie whole in ``data``, by name."""
    return {
        r.name: int.from_bytes(data[r.offset : r.offset + r.size], "little")
        for r in registers
        if r.offset + r.size <= len(data)
    }


def build_registers(registers: tuple[Register, ...], values: dict[str, int], size: int) -> bytes:
    """Return ``size`` bytes with ``values`` at their offsets; registers without a value are 0."""
    data = bytearray(size)
    for r in registers:
        data[r.offset : r.offset + r.size] = values.get(r.name, 0).to_bytes(r.size, "little")
    return bytes(data)


def without_vectors(registers: tuple[Register, ...], data: bytes) -> bytes:
    """Return a register set of the same size that has only those of its registers that are no wider than a word."""
    narrow = tuple(r for r in registers if r.size <= _WORD)
    return build_registers(narrow, parse_registers(narrow, data), len(data))


def _row(names: str, start: int = 0, size: int = 8, stride: int = 0) -> Iterator[Register]:
    for index, name in enumerate(names.split()):
        yield Register(name, start + index * (stride or size), size)


def _words(names: str) -> tuple[str, ...]:
    return tuple(names.split())


def _numbered(prefix: str, count: int) -> str:
    return " ".join(f"{prefix}{number}" for number in range(count))


NT_PRSTATUS, NT_PRFPREG = 1, 2
NT_X86_XSTATE = 0x202

_FXSAVE = (
    *_row("fctrl fstat", size=2),
    Register("ftag", 4, 1),
    Register("fop", 6, 2),
    *_row("fip fdp", 8),
    *_row("mxcsr mxcsr_mask", 24, size=4),
    *_row(_numbered("st", 8), 32, size=10, stride=16),
    *_row(_numbered("xmm", 16), 160, size=16),
)
_XSAVE = (
    *_FXSAVE,
    Register("xcr0", 464),
    Register("xstate_bv", 512),
    *_row(" ".join(f"ymm{number}h" for number in range(16)), 576, size=16),
)

_AMD64_GENERAL = """
    r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax
    rip cs eflags rsp ss fs_base gs_base ds es fs gs"""

X86_64 = RegisterFile(
    machine=Machine.X86_64,
    general=_words(_AMD64_GENERAL),
    instruction_pointer="rip",
    stack_pointer="rsp",
    frame_pointer="rbp",
    others=(
        RegisterSet("CORE", NT_PRFPREG, "fpregs", _FXSAVE),
        RegisterSet("LINUX", NT_X86_XSTATE, "xstate", _XSAVE),
        RegisterSet("LINUX", 0x200, "tls"),
        RegisterSet("LINUX", 0x204, "shadow_stack", (Register("ssp", 0),)),
    ),
)

AARCH64 = RegisterFile(
    machine=Machine.AARCH64,
    general=_words(f"{_numbered('x', 31)} sp pc pstate"),
    instruction_pointer="pc",
    stack_pointer="sp",
    frame_pointer="x29",
    others=(
        RegisterSet(
            "CORE", NT_PRFPREG, "fpregs", (*_row(_numbered("v", 32), size=16), *_row("fpsr fpcr", 512, size=4))
        ),
        RegisterSet("LINUX", 0x401, "tls", tuple(_row("tpidr tpidr2"))),
        RegisterSet("LINUX", 0x402, "hardware_breakpoints"),
        RegisterSet("LINUX", 0x403, "hardware_watchpoints"),
        RegisterSet("LINUX", 0x404, "system_call", (Register("syscall", 0, 4),)),
        RegisterSet("LINUX", 0x405, "sve"),
        RegisterSet("LINUX", 0x406, "pac_mask", tuple(_row("pac_data_mask pac_code_mask"))),
        RegisterSet("LINUX", 0x407, "pac_address_keys"),
        RegisterSet("LINUX", 0x408, "pac_generic_keys"),
        RegisterSet("LINUX", 0x409, "tagged_address_control", (Register("tagged_address_control", 0),)),
        RegisterSet("LINUX", 0x40A, "pac_enabled_keys", (Register("pac_enabled_keys", 0),)),
        RegisterSet("LINUX", 0x40B, "streaming_sve"),
        RegisterSet("LINUX", 0x40C, "za"),
        RegisterSet("LINUX", 0x40D, "zt"),
        RegisterSet("LINUX", 0x40E, "fpmr", (Register("fpmr", 0),)),
    ),
)

REGISTER_FILES = {file.machine: file for file in (X86_64, AARCH64)}
