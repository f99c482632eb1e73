"""Kinds of Frames by the table of vtables that the runtime keeps for its debugger library."""

from __future__ import annotations

import struct

import pytest

from builders.fake_access import Layout, fake_access
from dotdump.clr.contracts.frame_chain import FrameChains
from dotdump.target.model import Architecture
from dotdump.unwind.stack_words import StackWords

TABLE, VTABLES, CODE = 0x1000, 0x100000, 0x700000
KINDS = [f"Kind{number}Frame" for number in range(25)]
BEFORE = 12
FRAME_TOP = (1 << 64) - 1
ACROSS = 0x7F0B_0000_0000
"""Where 4 GiB end, in the middle of a runtime."""


def kinds(*, shift: int, readable: bool = True) -> list[str]:
    """Return what a chain of one Frame of each kind is, where as many variables more are in front of the vtables."""
    layouts: dict[str, Layout] = {"Frame": {"Next": 8, "Identifier": 0}}
    order: dict[str, int | str] = {"FrameVtableIndex": BEFORE, "FrameVtableOrder": " ".join(KINDS)}
    access, target = fake_access(layouts, globals_=order, version="8.0.31")
    access.runtime.module.symbols["g_dacTable"] = TABLE  # type: ignore[attr-defined] # of the fake one
    first = BEFORE + shift
    count = first + len(KINDS) + 10
    entries = [VTABLES + 0x200 * index for index in range(count)]
    target.chunks[TABLE] = struct.pack(f"<{count}Q", *entries)
    for index, entry in enumerate(entries) if readable else ():
        is_frame = first <= index < first + len(KINDS)
        functions = [CODE + 0x100 * index + slot if slot % 2 or not is_frame else CODE - slot for slot in range(16)]
        target.chunks[entry] = struct.pack("<16Q", *functions)
    for number in range(len(KINDS)):
        last = number == len(KINDS) - 1
        place = 0x9000 + 0x1000 * number
        target.chunks[place] = struct.pack("<QQ", entries[first + number], FRAME_TOP if last else place + 0x1000)
        target.chunks[place] += bytes(0x200)
    return [
        frame.kind
        for frame in FrameChains(access, StackWords(access.reader.memory), lambda _address: False).frames_of(0x9000, 0)
    ]


@pytest.mark.parametrize("shift", [0, 1, 3, -1, -4])
def test_vtables_are_found_wherever_an_update_has_moved_them(shift: int) -> None:
    assert kinds(shift=shift) == KINDS


def test_without_their_functions_they_are_where_the_version_has_them() -> None:
    assert kinds(shift=0, readable=False) == KINDS


@pytest.mark.parametrize(
    ("architecture", "sp_and_pc"), [(Architecture.X86_64, (0x98, 0xF8)), (Architecture.AARCH64, (0x100, 0x108))]
)
def test_without_a_table_a_fault_is_told_by_the_registers_in_its_frame(
    architecture: Architecture, sp_and_pc: tuple[int, int]
) -> None:
    layouts: dict[str, Layout] = {
        "Frame": {"Next": 8, "Identifier": 0},
        "FaultingExceptionFrame": {"TargetContext": 32},
    }
    access, target = fake_access(layouts, version="3.1.23", architecture=architecture)
    frame, context = 0x9000, bytearray(0x400)
    for place, value in zip(sp_and_pc, (frame + 0x1000, CODE), strict=True):
        struct.pack_into("<Q", context, place, value)
    target.chunks[frame] = struct.pack("<4Q", 0x1234, FRAME_TOP, 0, 0) + bytes(context)
    assert [
        found.kind for found in FrameChains(access, StackWords(access.reader.memory), CODE.__eq__).frames_of(frame, 0)
    ] == ["FaultingExceptionFrame"]


@pytest.mark.parametrize(
    ("implementation", "kind"),
    [
        (ACROSS + 0x40, "HelperMethodFrame"),
        (ACROSS - 0x40, "HelperMethodFrame"),
        (ACROSS - 0x8000, "Frame"),
        (ACROSS, "Frame"),
        (ACROSS + 1, "Frame"),
        (0, "Frame"),
    ],
)
def test_without_a_table_a_helper_is_told_by_its_thread_and_function_whatever_stands_for_its_method(
    implementation: int, kind: str
) -> None:
    """A GCFrame has a flag of four bytes where a helper has its function, and behind it half of what stood there."""
    layouts: dict[str, Layout] = {
        "Frame": {"Next": 8, "Identifier": 0},
        "HelperMethodFrame": {"MethodDescPtr": 16, "Attributes": 24, "Thread": 32, "FCallEntry": 40, "MachState": 48},
        "MachState": {"CaptureRsp": 8},
    }
    access, target = fake_access(layouts, version="3.1.23")
    module = access.runtime.module
    module.base, module.end = ACROSS - 0x1000, ACROSS + 0x1000  # type: ignore[misc]
    frame, thread = 0x9000, 0x5000
    near = frame + 0xC0  # what was in the stack before
    target.chunks[frame] = struct.pack("<8Q", 0x1234, FRAME_TOP, near, 0, thread, implementation, 0, frame + 0x30)
    chains = FrameChains(access, StackWords(access.reader.memory), lambda _address: False)
    assert [found.kind for found in chains.frames_of(frame, thread)] == [kind]
