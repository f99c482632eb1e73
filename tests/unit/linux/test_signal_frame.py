"""Offsets here are counted from uapi/asm headers, not taken from the code under test."""

from struct import unpack_from

import pytest

from dotdump.linux.signal_frame import build_frame, frame_size

REGISTERS = [0x1000 + index for index in range(27)]
USER_REGS = [
    "r15",
    "r14",
    "r13",
    "r12",
    "rbp",
    "rbx",
    "r11",
    "r10",
    "r9",
    "r8",
    "rax",
    "rcx",
    "rdx",
    "rsi",
    "rdi",
    "orig_rax",
    "rip",
    "cs",
    "eflags",
    "rsp",
    "ss",
]
SIGCONTEXT = [
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
    "rdi",
    "rsi",
    "rbp",
    "rbx",
    "rdx",
    "rax",
    "rcx",
    "rsp",
    "rip",
    "eflags",
]
CONTEXT, MASK = 8, 8 + 40 + 256
"""The ucontext follows the return address; its mask follows 40 bytes of head and a sigcontext of 256."""


def extended(features: int = 7, size: int = 832) -> bytes:
    state = bytearray(range(256)) * 4
    state[464:472] = features.to_bytes(8, "little")
    return bytes(state[:size])


def test_a_return_finds_the_way_to_rt_sigreturn_and_every_register_in_its_place() -> None:
    frame = build_frame(0x7FFF_0008, 0x4711, REGISTERS, 0xF0F0)
    assert unpack_from("<Q", frame)[0] == 0x4711
    found = dict(zip(SIGCONTEXT, unpack_from("<18Q", frame, CONTEXT + 40), strict=True))
    assert found == {name: REGISTERS[USER_REGS.index(name)] for name in SIGCONTEXT}
    code, gs, fs, stack = unpack_from("<4H", frame, CONTEXT + 40 + 18 * 8)
    assert (code, gs, fs, stack) == (REGISTERS[17] & 0xFFFF, 0, 0, REGISTERS[20] & 0xFFFF)
    assert unpack_from("<Q", frame, MASK)[0] == 0xF0F0


def test_the_alternate_stack_is_left_alone() -> None:
    frame = build_frame(0x7FFF_0008, 0, REGISTERS, 0)
    assert unpack_from("<Q", frame, CONTEXT)[0] & 0b111 == 0b111
    assert unpack_from("<i", frame, CONTEXT + 24)[0] not in (0, 1, 2)  # SS_ONSTACK and SS_DISABLE would be taken


@pytest.mark.parametrize("address", [0x7FFF_0008, 0x7FFF_0018, 0x7FFF_0028, 0x7FFF_0038])
def test_extended_state_lies_aligned_and_marked_as_the_kernel_marks_its_own(address: int) -> None:
    state = extended()
    frame = build_frame(address, 0, REGISTERS, 0, state)
    pointer = unpack_from("<Q", frame, CONTEXT + 40 + 18 * 8 + 40)[0]
    assert pointer % 64 == 0
    at = pointer - address
    magic, whole, features, size = unpack_from("<IIQI", frame, at + 464)
    assert (magic, whole, features, size) == (0x46505853, len(state) + 4, 7, len(state))
    assert unpack_from("<I", frame, at + len(state))[0] == 0x46505845
    assert frame[at : at + 464] == state[:464]
    assert frame[at + 512 : at + len(state)] == state[512:]
    assert len(frame) <= frame_size(state)


@pytest.mark.parametrize("state", [b"", extended(size=512)])
def test_without_whole_extended_state_none_is_restored(state: bytes) -> None:
    frame = build_frame(0x7FFF_0008, 0, REGISTERS, 0, state)
    assert unpack_from("<Q", frame, CONTEXT + 40 + 18 * 8 + 40)[0] == 0
    assert len(frame) == MASK + 8
