"""A thread's registers as the ``CONTEXT`` record that the DAC asks for.

Source of truth: ``_CONTEXT`` of winnt.h for AMD64, as in src/coreclr/pal/inc/pal.h: 0x4d0 bytes; general registers
suffice for every walk.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dotdump.formats.windows_context import AMD64_PC_AND_SP

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE = 0x4D0
CONTROL_AND_INTEGERS = 0x10003F
INSTRUCTION_POINTER, STACK_POINTER = AMD64_PC_AND_SP
_FLAGS, _SEGMENTS, _EFLAGS, _INTEGERS = 0x30, 0x38, 0x44, 0x78
_SEGMENT_NAMES = ("cs", "ds", "es", "fs", "gs", "ss")
_INTEGER_NAMES = [
    "rax",
    "rcx",
    "rdx",
    "rbx",
    "rsp",
    "rbp",
    "rsi",
    "rdi",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
    "rip",
]


def amd64_context(registers: Mapping[str, int]) -> bytes:
    """Return the record of a thread with these ``registers``, by the kernel's names; those not there are 0."""
    record = bytearray(SIZE)
    struct.pack_into("<I", record, _FLAGS, CONTROL_AND_INTEGERS)
    struct.pack_into("<6H", record, _SEGMENTS, *(registers.get(name, 0) & 0xFFFF for name in _SEGMENT_NAMES))
    struct.pack_into("<I", record, _EFLAGS, registers.get("eflags", 0) & 0xFFFFFFFF)
    struct.pack_into("<17Q", record, _INTEGERS, *(registers.get(name, 0) for name in _INTEGER_NAMES))
    return bytes(record)
