"""References of one managed frame: where its slots are, and which of them it is asked for."""

from __future__ import annotations

import pytest

from builders.fake_access import fake_access
from builders.gc_info import Method, build_gc_info
from dotdump.clr.contracts.code_block import CodeBlock, CodeKind
from dotdump.clr.contracts.funclets import Role
from dotdump.clr.contracts.managed_roots import ManagedFrame, ManagedRoots
from dotdump.clr.contracts.stack_reference import StackReference
from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.gc_info.decoder import Stop
from dotdump.formats.gc_info.encoding import encoding_of
from dotdump.formats.gc_info.header import HeaderFlags
from dotdump.formats.gc_info.slots import RegisterSlot, Slot, SlotBase, SlotFlags, StackSlot
from dotdump.formats.machine import Machine
from dotdump.unwind.frame import FrameTrust
from dotdump.unwind.native import NativeUnwinder

INFO, SP, FP, CALLER_SP = 0x5000, 0x8000, 0x8060, 0x8080
NONE, INTERIOR = SlotFlags(0), SlotFlags.INTERIOR
RBX, RBP, RDI = 3, 6, 5
WHOLE, PARENT = Role(), Role(untracked=False, is_parent=True)
CALL = 0x20
SLOTS: list[Slot] = [
    RegisterSlot(3, INTERIOR),
    RegisterSlot(7, NONE),
    StackSlot(SlotBase.SP, 0x08, INTERIOR),
    StackSlot(SlotBase.SP, 0x30, NONE),
    StackSlot(SlotBase.FRAME, 0x38, NONE),
]
UNTRACKED: list[Slot] = [StackSlot(SlotBase.CALLER_SP, -8, NONE)]


def method(flags: HeaderFlags = HeaderFlags.REPORT_ONLY_LEAF) -> Method:
    every = set(range(len(SLOTS)))
    return Method(
        0x100,
        flags=flags,
        frame_register=True,
        outgoing_area=0x10,
        tracked=SLOTS,
        untracked=UNTRACKED,
        calls=[(CALL, every)],
    )


def roots(said: Method) -> tuple[ManagedRoots, ManagedFrame]:
    access, target = fake_access({})
    target.put(INFO, build_gc_info(said, encoding_of(Machine.X86_64, 4)))
    target.words(SP, *range(0x100, 0x100 + 64))
    code = CodeBlock(CodeKind.JIT, 0x401F, 0x4000, CALL - 1, gc_info=INFO)
    context = WalkContext(0x4020, SP, {RBX: 0xB0B, RBP: FP, RDI: 0xD1}, {RBX: 0x7F00}, FrameTrust.UNWIND_CODES)
    return ManagedRoots(access, NativeUnwinder(target)), ManagedFrame(code, context, CALLER_SP)


def word(address: int) -> int:
    return 0x100 + (address - SP) // 8


PRESERVED = [
    StackReference(0x7F00, "rbx", 0xB0B, interior=True),
    StackReference(SP + 0x30, "", word(SP + 0x30)),
    StackReference(FP + 0x38, "", word(FP + 0x38)),
]
ALWAYS = [StackReference(CALLER_SP - 8, "", word(CALLER_SP - 8))]
SCRATCH = [StackReference(0, "rdi", 0xD1), StackReference(SP + 8, "", word(SP + 8), interior=True)]


def by_place(references: list[StackReference]) -> list[StackReference]:
    return sorted(references, key=lambda reference: (reference.register, reference.address))


def test_a_caller_has_what_its_callee_preserves_and_what_is_above_the_outgoing_arguments() -> None:
    found, frame = roots(method())
    assert by_place(list(found.of(frame, Stop(CALL), WHOLE))) == by_place([*PRESERVED, *ALWAYS])


def test_the_frame_that_runs_has_all() -> None:
    found, frame = roots(method())
    expected = by_place([*PRESERVED, *SCRATCH, *ALWAYS])
    assert by_place(list(found.of(frame, Stop(CALL, active=True), WHOLE))) == expected


def test_a_filter_leaves_out_what_is_not_tracked() -> None:
    found, frame = roots(method())
    assert by_place(list(found.of(frame, Stop(CALL), Role(untracked=False)))) == by_place(PRESERVED)


def test_a_parent_reports_only_if_its_method_does_not_leave_that_to_the_funclet() -> None:
    found, frame = roots(method())
    assert list(found.of(frame, Stop(CALL), PARENT)) == []
    found, frame = roots(method(HeaderFlags(0)))
    assert by_place(list(found.of(frame, Stop(CALL), PARENT))) == by_place(PRESERVED)


def test_a_thread_can_be_collected_where_code_is_interruptible_or_a_call_has_returned() -> None:
    found, frame = roots(method())
    assert not found.can_be_collected(frame)
    at_call = CodeBlock(CodeKind.JIT, 0x4020, 0x4000, CALL, gc_info=INFO)
    assert found.can_be_collected(ManagedFrame(at_call, frame.context, CALLER_SP))
    found, frame = roots(Method(0x100, tracked=SLOTS, ranges=[(0x10, 0x40)]))
    assert found.can_be_collected(frame)


def test_what_is_not_known_is_said_and_not_guessed() -> None:
    found, frame = roots(Method(0x100, tracked=SLOTS, ranges=[(0x80, 0x90)]))
    with pytest.raises(FormatError, match="nothing is said of offset 0x20"):
        list(found.of(frame, Stop(CALL), WHOLE))
    found, frame = roots(method())
    lost = WalkContext(0x4020, SP, {RBP: FP}, {}, FrameTrust.UNWIND_CODES)
    with pytest.raises(FormatError, match="value of rbx"):
        list(found.of(ManagedFrame(frame.code, lost, CALLER_SP), Stop(CALL), WHOLE))
    with pytest.raises(FormatError, match="has none"):
        list(found.of(ManagedFrame(CodeBlock(CodeKind.JIT, 0, 0, 0), lost, CALLER_SP), Stop(CALL), WHOLE))
    with pytest.raises(MemoryFault):
        list(found.of(ManagedFrame(frame.code, frame.context, 0x9999000), Stop(CALL), WHOLE))
