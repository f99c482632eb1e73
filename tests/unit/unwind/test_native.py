from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders.cfi import advance, arm_cie, cie, sleb, uleb, x86_cie
from builders.code_target import STACK, TEXT, CodeTarget
from dotdump.formats.registers import AARCH64
from dotdump.target.model import Architecture
from dotdump.unwind.effort import Effort
from dotdump.unwind.fault_entry import PROLOGUE
from dotdump.unwind.frame import End, EndReason, Frame, FrameTrust
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from builders.fake_target import FakeTarget

UNDEFINED_RIP = b"\x07\x10"
PUSH_RBP = (1, b"\x0e\x10\x86\x02")
MOV_RBP = (3, b"\x0d\x06")
MAIN = (0x100, 0x100, UNDEFINED_RIP)


def walk(target: FakeTarget) -> tuple[list[Frame], End]:
    unwinder = NativeUnwinder(target)
    *frames, end = unwinder.walk(unwinder.frame_of(target.threads[0]))
    assert isinstance(end, End)
    return [frame for frame in frames if isinstance(frame, Frame)], end


def places(frames: list[Frame]) -> list[tuple[int, int]]:
    return [(frame.pc - TEXT, frame.sp - STACK) for frame in frames]


def test_a_callee_returns_to_its_caller_and_the_walk_ends_where_the_return_address_is_undefined() -> None:
    target = CodeTarget(
        [MAIN, (0x200, 0x40, advance([PUSH_RBP, MOV_RBP]))], {STACK + 0x20: 77, STACK + 0x28: TEXT + 0x110}
    )
    frames, end = walk(target.build(rip=TEXT + 0x210, rsp=STACK, rbp=STACK + 0x20))
    assert places(frames) == [(0x210, 0), (0x110, 0x30)]
    assert [frame.trust for frame in frames] == [FrameTrust.CONTEXT, FrameTrust.CFI]
    assert frames[1].registers[6] == 77
    assert end.reason is EndReason.BOTTOM


def test_the_row_is_that_of_the_instruction_the_thread_stands_at() -> None:
    code = CodeTarget(
        [MAIN, (0x200, 0x40, advance([PUSH_RBP, MOV_RBP]))], {STACK: TEXT + 0x110, STACK + 8: TEXT + 0x120}
    )
    assert places(walk(code.build(rip=TEXT + 0x200, rsp=STACK))[0])[1] == (0x110, 8)
    assert places(walk(code.build(rip=TEXT + 0x201, rsp=STACK))[0])[1] == (0x120, 0x10)


def test_a_call_that_is_the_last_instruction_belongs_to_its_own_function() -> None:
    follower = (0x240, 0x40, b"\x0e\x40")
    code = CodeTarget(
        [MAIN, (0x200, 0x40, b""), follower, (0x300, 0x10, b"")], {STACK: TEXT + 0x240, STACK + 8: TEXT + 0x110}
    )
    frames, _ = walk(code.build(rip=TEXT + 0x300, rsp=STACK))
    assert places(frames) == [(0x300, 0), (0x240, 8), (0x110, 0x10)]


def test_only_registers_that_a_callee_keeps_are_known_in_its_caller() -> None:
    code = CodeTarget([MAIN, (0x200, 0x40, b"")], {STACK: TEXT + 0x110})
    frames, _ = walk(code.build(rip=TEXT + 0x200, rsp=STACK, rax=1, rbx=2, r12=3, r11=4))
    assert dict(frames[1].registers) == {3: 2, 7: STACK + 8, 12: 3, 16: TEXT + 0x110}


def test_a_plt_finds_its_frame_by_an_expression() -> None:
    # rsp + 8 + ((rip & 15) >= 11) * 8, as linkers write it; register 16 is where the frame stands
    expression = b"\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22"
    plt = (0x200, 0x40, b"\x0f" + uleb(len(expression)) + expression)
    code = CodeTarget([MAIN, plt], {STACK: TEXT + 0x110, STACK + 8: TEXT + 0x120})
    assert places(walk(code.build(rip=TEXT + 0x206, rsp=STACK))[0])[1] == (0x110, 8)
    assert places(walk(code.build(rip=TEXT + 0x20B, rsp=STACK))[0])[1] == (0x120, 0x10)


def test_a_signal_frame_gives_all_registers_of_where_it_interrupted() -> None:
    rules = b"".join(
        b"\x10" + uleb(n) + uleb(len(e)) + e for n, e in ((16, b"\x77\x20"), (7, b"\x77\x10"), (0, b"\x77\x18"))
    )
    cfa = b"\x0f\x03\x77\x10\x06"
    common = cie(cfa + rules, letters="zRS")
    stack = {STACK + 0x10: STACK + 0x100, STACK + 0x18: 5, STACK + 0x20: TEXT + 0x300}
    target = CodeTarget([(0x200, 0x40, b"")], stack, common=common).build(rip=TEXT + 0x210, rsp=STACK, rbx=9)
    unwinder = NativeUnwinder(target)
    frame = unwinder.frame_of(target.threads[0])
    assert unwinder.is_signal_frame(frame)
    interrupted = unwinder.step(frame)
    assert isinstance(interrupted, Frame)
    assert interrupted.interrupted
    assert (interrupted.pc, interrupted.sp) == (TEXT + 0x300, STACK + 0x100)
    assert (interrupted.registers[0], interrupted.registers[3]) == (5, 9)


@pytest.mark.parametrize(
    ("architecture", "code", "offsets", "names"),
    [
        (Architecture.X86_64, "48c7c00f0000000f05", (168, 160), ("rip", "rsp")),
        (Architecture.AARCH64, "681180d2010000d4", (568, 560), ("pc", "sp")),
    ],
)
def test_a_signal_frame_is_known_by_its_code_where_nothing_describes_it(
    architecture: Architecture, code: str, offsets: tuple[int, int], names: tuple[str, str]
) -> None:
    (pc_at, sp_at), (pc, sp) = offsets, names
    text = bytes(0x210) + bytes.fromhex(code) + bytes(0x100)
    stack = {STACK + pc_at: TEXT + 0x300, STACK + sp_at: STACK + 0x1000}
    target = CodeTarget([], stack, text=text, architecture=architecture).build(**{pc: TEXT + 0x210, sp: STACK})
    unwinder = NativeUnwinder(target)
    frame = unwinder.frame_of(target.threads[0])
    assert unwinder.is_signal_frame(frame)
    interrupted = unwinder.step(frame)
    assert isinstance(interrupted, Frame)
    assert (interrupted.pc, interrupted.sp) == (TEXT + 0x300, STACK + 0x1000)


def test_signal_frames_that_lead_to_one_another_end_the_walk() -> None:
    text = bytes(0x210) + bytes.fromhex("48c7c00f0000000f05") + bytes(0x100)
    code = CodeTarget([], {STACK + 168: TEXT + 0x210, STACK + 160: STACK}, text=text)
    frames, end = walk(code.build(rip=TEXT + 0x210, rsp=STACK))
    assert len(frames) == 65
    assert end.reason is EndReason.BUDGET


def test_a_frame_that_returns_to_itself_ends_the_walk() -> None:
    code = CodeTarget([(0x200, 0x40, b"\x0e\x00\x90\x00")], {STACK + 0: TEXT + 0x210})
    frames, end = walk(code.build(rip=TEXT + 0x210, rsp=STACK))
    assert len(frames) == 2
    assert end.reason is EndReason.NOT_GROWING


def test_a_walk_has_a_budget() -> None:
    stack = {STACK + 8 * index: TEXT + 0x210 for index in range(100)}
    target = CodeTarget([(0x200, 0x40, b"")], stack).build(rip=TEXT + 0x210, rsp=STACK)
    unwinder = NativeUnwinder(target)
    found = list(unwinder.walk(unwinder.frame_of(target.threads[0]), budget=10))
    assert len(found) == 11
    assert isinstance(found[-1], End)
    assert found[-1].reason is EndReason.BUDGET


def test_stepping_through_code_without_call_frame_information_says_so() -> None:
    target = CodeTarget([MAIN]).build(rip=TEXT + 0x1000, rsp=STACK)
    unwinder = NativeUnwinder(target)
    end = unwinder.step(unwinder.frame_of(target.threads[0]))
    assert str(end) == f"no CFI at ip: {TEXT + 0x1000:#x} of /app/code"


def test_code_without_call_frame_information_is_left_by_its_frame_pointer() -> None:
    code = CodeTarget([MAIN], {STACK + 0x40: STACK + 0x80, STACK + 0x48: TEXT + 0x110})
    frames, _ = walk(code.build(rip=TEXT + 0x1000, rsp=STACK, rbp=STACK + 0x40))
    assert places(frames) == [(0x1000, 0), (0x110, 0x50)]
    assert frames[1].trust is FrameTrust.FRAME_POINTER
    assert frames[1].registers[6] == STACK + 0x80


def test_without_a_frame_pointer_the_stack_is_scanned_for_what_follows_a_call() -> None:
    text = bytearray(b"\x90" * 0x3000)
    text[0x10B] = 0xE8
    code = CodeTarget([MAIN], {STACK + 0x18: TEXT + 0x130, STACK + 0x20: TEXT + 0x110}, text=bytes(text))
    frames, end = walk(code.build(rip=TEXT + 0x1000, rsp=STACK, rbp=1))
    assert places(frames) == [(0x1000, 0), (0x110, 0x28)]
    assert frames[1].trust is FrameTrust.SCAN
    assert end.reason is EndReason.BOTTOM


def test_a_call_to_where_no_code_is_leaves_its_return_address_on_top() -> None:
    text = bytearray(b"\x90" * 0x3000)
    text[0x10E:0x110] = b"\xff\xd0"
    code = CodeTarget([MAIN], {STACK: TEXT + 0x110}, text=bytes(text))
    frames, _ = walk(code.build(rip=0, rsp=STACK, rbp=STACK + 0x100))
    assert places(frames)[1] == (0x110, 8)


def test_a_call_of_null_that_a_signal_interrupted_is_left_as_one() -> None:
    text = bytearray(b"\x90" * 0x3000)
    text[0x10E:0x110] = b"\xff\xd0"
    text[0x210:0x219] = bytes.fromhex("48c7c00f0000000f05")
    stack = {STACK + 168: 0, STACK + 160: STACK + 0x1000, STACK + 0x1000: TEXT + 0x110}
    frames, end = walk(CodeTarget([MAIN], stack, text=bytes(text)).build(rip=TEXT + 0x210, rsp=STACK))
    assert [(frame.pc, frame.sp - STACK) for frame in frames[1:]] == [(0, 0x1000), (TEXT + 0x110, 0x1008)]
    assert end.reason is EndReason.BOTTOM


def test_a_scan_does_not_pass_what_a_handler_returns_to() -> None:
    text = bytearray(b"\x90" * 0x3000)
    text[0x210:0x219] = bytes.fromhex("48c7c00f0000000f05")
    stack = {STACK + 8: TEXT + 0x210, STACK + 0x10 + 168: TEXT + 0x110, STACK + 0x10 + 160: STACK + 0x1000}
    frames, _ = walk(CodeTarget([MAIN], stack, text=bytes(text)).build(rip=TEXT + 0x1000, rsp=STACK, rbp=1))
    assert places(frames) == [(0x1000, 0), (0x210, 0x10), (0x110, 0x1000)]


def test_a_scan_passes_what_a_handler_returned_to_long_ago() -> None:
    text = bytearray(b"\x90" * 0x3000)
    text[0x10E:0x110] = b"\xff\xd0"
    text[0x210:0x219] = bytes.fromhex("48c7c00f0000000f05")
    stack = {STACK + 8: TEXT + 0x210, STACK + 0x10 + 168: 0, STACK + 0x10 + 160: 0, STACK + 0x18: TEXT + 0x110}
    frames, end = walk(CodeTarget([MAIN], stack, text=bytes(text)).build(rip=TEXT + 0x1000, rsp=STACK, rbp=1))
    assert places(frames) == [(0x1000, 0), (0x110, 0x20)]
    assert end.reason is EndReason.BOTTOM


def test_a_stack_that_is_not_there_ends_the_walk_and_says_where() -> None:
    code = CodeTarget([(0x200, 0x40, b"\x0e" + uleb(0x20000))])
    _, end = walk(code.build(rip=TEXT + 0x210, rsp=STACK))
    assert end.reason is EndReason.UNREADABLE
    assert f"{STACK + 0x20000 - 8:#x}" in end.detail


def test_damaged_instructions_end_the_walk_and_say_where() -> None:
    _, end = walk(CodeTarget([(0x200, 0x40, b"\x0b")]).build(rip=TEXT + 0x210, rsp=STACK))
    assert end.reason is EndReason.DAMAGED
    assert "no remembered state" in end.detail


def test_arm64_leaves_are_left_through_the_link_register() -> None:
    saved = b"\x0e\x20\x9d\x04\x9e\x03"
    functions = [(0x100, 0x100, b"\x07\x1e"), (0x200, 0x40, advance([(1, saved)])), (0x300, 0x40, b"")]
    code = CodeTarget(
        functions, {STACK: 77, STACK + 8: TEXT + 0x110}, common=arm_cie(), architecture=Architecture.AARCH64
    )
    frames, end = walk(code.build(pc=TEXT + 0x310, sp=STACK, x30=TEXT + 0x210, x29=5))
    assert places(frames) == [(0x310, 0), (0x210, 0), (0x110, 0x20)]
    assert frames[2].registers[29] == 77
    assert end.reason is EndReason.BOTTOM


@pytest.mark.parametrize("mask", [None, 0x007F000000000000])
def test_signed_return_addresses_of_arm64_are_stripped(mask: int | None) -> None:
    layout = AARCH64.set_of("LINUX", 0x406)
    assert layout is not None
    notes = {} if mask is None else {("LINUX", 0x406): mask.to_bytes(8, "little") * 2}
    signed = b"\x2d\x0e\x10\x9e\x01"
    code = CodeTarget(
        [(0x100, 0x100, b"\x07\x1e"), (0x200, 0x40, advance([(1, signed)]))],
        {STACK + 8: 0x0035000000000000 | (TEXT + 0x110)},
        common=arm_cie(),
        architecture=Architecture.AARCH64,
        notes=notes,
    )
    frames, _ = walk(code.build(pc=TEXT + 0x210, sp=STACK))
    assert frames[1].pc == TEXT + 0x110


def test_a_return_address_register_may_be_another_register() -> None:
    moved = b"\x09\x10\x0b"  # rip is in r11
    target = CodeTarget([MAIN, (0x200, 0x40, moved)]).build(rip=TEXT + 0x210, rsp=STACK, r11=TEXT + 0x110)
    assert places(walk(target)[0])[1] == (0x110, 8)


def test_offsets_may_be_negative_values_and_expressions() -> None:
    rules = b"\x14\x03\x02" + b"\x15\x0c" + sleb(-1) + b"\x16\x0d\x02\x23\x05" + b"\x11\x0e" + sleb(-1)
    target = CodeTarget([MAIN, (0x200, 0x40, rules)], {STACK: TEXT + 0x110, STACK + 0x10: 99})
    frames, _ = walk(target.build(rip=TEXT + 0x210, rsp=STACK))
    registers, cfa = frames[1].registers, STACK + 8
    assert [registers[n] for n in (3, 12, 13, 14)] == [cfa - 16, cfa + 8, cfa + 5, 99]


def test_remembered_states_come_back() -> None:
    states = b"\x0a" + advance([(1, b"\x0e\x20"), (1, b"\x0b")])
    code = CodeTarget([MAIN, (0x200, 0x40, states)], {STACK: TEXT + 0x110, STACK + 0x18: TEXT + 0x120})
    found = [places(walk(code.build(rip=TEXT + 0x200 + at, rsp=STACK))[0])[1] for at in range(3)]
    assert found == [(0x110, 8), (0x120, 0x20), (0x110, 8)]


@pytest.mark.parametrize(("version", "letters"), [(1, "zR"), (3, "zR"), (4, "zRB"), (3, "zRS")])
def test_common_entries_of_every_version_are_understood(version: int, letters: str) -> None:
    common = x86_cie(version=version, letters=letters)
    code = CodeTarget([MAIN, (0x200, 0x40, b"")], {STACK: TEXT + 0x110}, common=common)
    assert places(walk(code.build(rip=TEXT + 0x210, rsp=STACK))[0])[1] == (0x110, 8)


def test_the_work_that_a_target_can_make_is_bounded() -> None:
    stack = {STACK + 8 * index: TEXT + 0x210 for index in range(100)}
    target = CodeTarget([(0x200, 0x40, b"")], stack).build(rip=TEXT + 0x210, rsp=STACK)
    unwinder = NativeUnwinder(target, Effort(60))
    ends = [[*unwinder.walk(unwinder.frame_of(target.threads[0]))][-1] for _ in range(3)]
    assert [end.reason for end in ends if isinstance(end, End)] == [EndReason.BUDGET] * 3


def test_the_entry_of_a_fault_of_native_aot_has_pushed_where_the_fault_was() -> None:
    slots = {15: 2, 14: 3, 13: 4, 12: 5, 3: 7, 6: 9}
    saved = b"".join(bytes([0x80 | number, slot]) for number, slot in slots.items())
    entry = (0x200, 0x80, b"\x0e" + uleb(0x190 + 88) + saved)
    context = STACK + 0x190
    stack = {context: TEXT + 0x110, context + 8: STACK + 0x308, context + 16: 6, context + 32: 3}
    code = CodeTarget([MAIN, entry], stack, b"\x90" * 0x200 + PROLOGUE.ljust(0x2E00, b"\x90"))
    frames, end = walk(code.build(rip=TEXT + 0x26B, rsp=STACK))
    assert places(frames) == [(0x26B, 0), (0x110, 0x308)]
    fault = frames[1]
    assert (fault.interrupted, fault.registers[3], fault.registers[6]) == (True, 3, 6)
    assert end.reason is EndReason.BOTTOM
    assert len(walk(CodeTarget([MAIN, entry], stack).build(rip=TEXT + 0x26B, rsp=STACK))[0]) == 1
