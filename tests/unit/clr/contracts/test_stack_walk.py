"""Why a walk ends at once: of a thread that has no stack in the target, of a target whose code took too much work.

And where it goes on from native code.
"""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from builders.fake_access import Layout, fake_access
from dotdump.clr.contracts.code_block import CodeBlock, CodeKind
from dotdump.clr.contracts.code_ranges import CodeRange, RangeSectionFlags
from dotdump.clr.contracts.execution_manager import CodeManager
from dotdump.clr.contracts.stack_walk import StackWalker, _Walk
from dotdump.clr.contracts.threads import ThreadRecord, ThreadState
from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.clr.contracts.walk_step import Ending, WalkEnd, Wanted
from dotdump.errors import MemoryFault
from dotdump.target.model import Architecture, Thread
from dotdump.unwind.frame import FrameTrust

if TYPE_CHECKING:
    from dotdump.clr.contracts.native_bridge import NativeBridge


@pytest.mark.parametrize(
    ("state", "os_id", "why"),
    [
        (ThreadState.UNSTARTED, 0, WalkEnd.NEVER_STARTED),
        (ThreadState.DEAD, 0, WalkEnd.DEAD),
        (ThreadState.DEAD, 12, WalkEnd.DEAD),
        (ThreadState.LEGAL_TO_JOIN, 12, WalkEnd.NO_THREAD),
        (None, 12, WalkEnd.NO_THREAD),
        (None, 0, WalkEnd.DEAD),
    ],
)
def test_a_thread_without_a_stack_says_why_it_has_none(state: ThreadState | None, os_id: int, why: WalkEnd) -> None:
    access, _ = fake_access({}, architecture=Architecture.X86_64)
    record = ThreadRecord(0x1000, 1, os_id, state, None, None, 0, (), 0, 0)
    assert list(StackWalker(access, CodeManager(access)).walk(record, None)) == [Ending(why)]


def test_a_walk_in_which_no_more_code_is_looked_for_does_not_end_as_the_outermost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access, _ = fake_access({}, architecture=Architecture.X86_64)
    code = CodeManager(access)
    monkeypatch.setattr(code.ranges, "find", lambda _: None)
    thread = Thread(12, {"rip": 0x1000, "rsp": 0x2000}, 0x1000, 0x2000)
    record = ThreadRecord(0x1000, 1, 12, ThreadState.LEGAL_TO_JOIN, None, None, 0, (), 0, 0)
    assert list(StackWalker(access, code).walk(record, thread)) == [Ending(WalkEnd.OUTERMOST)]
    code.effort.left = -1
    (end,) = StackWalker(access, code).walk(record, thread)
    assert isinstance(end, Ending)
    assert (end.reason, end.detail) == (WalkEnd.BUDGET, "finding managed code takes more work than stacks can")


FRAME, SP, RBP, CALL, RETURN = 0x9000, 0x8FC0, 0x9080, 0x400010, 0x400030
LAYOUTS: dict[str, Layout] = {
    "Frame": {"Identifier": 0, "Next": 8},
    "InlinedCallFrame": {"Datum": 16, "CallSiteSP": 24, "CallerReturnAddress": 32, "CalleeSavedFP": 40},
}


@pytest.mark.parametrize(
    ("return_address", "frame_pointer", "by_native_code"),
    [(CALL, RBP, False), (0, RBP, True), (CALL, RBP + 0x100, True)],
    ids=["its Frame leads there", "its Frame is of a call that has ended", "the Frame is of a caller"],
)
def test_a_method_that_left_a_frame_is_where_that_says(
    return_address: int, frame_pointer: int, *, by_native_code: bool
) -> None:
    access, target = fake_access(
        LAYOUTS, globals_={"InlinedCallFrameIdentifier": 1}, architecture=Architecture.X86_64, version="10.0.14"
    )
    target.chunks[FRAME] = struct.pack("<6Q", 1, 2**64 - 1, 0, SP, return_address, frame_pointer)
    cooperative = True
    record = ThreadRecord(0x1000, 1, 12, ThreadState.LEGAL_TO_JOIN, cooperative, None, 0, (), 0, FRAME)
    walk = _Walk(StackWalker(access, CodeManager(access)), record, None, Wanted(native=False))
    walk._advance()
    managed = WalkContext(RETURN, SP, {6: RBP, 7: SP, 16: RETURN}, {}, FrameTrust.CFI)
    assert walk._is_bridge_needed(cast("NativeBridge", SimpleNamespace(managed=managed))) == by_native_code


PC, SP = 0x5000, 0x2000
RANGE = CodeRange(0x7000, 0x4000, 0x6000, RangeSectionFlags(0), module=0x8000)
THUNK = CodeBlock(CodeKind.STUB, PC, PC, 0, stub="ready-to-run thunk", module=0x8000)
OTHER_STUB = CodeBlock(CodeKind.STUB, PC, PC, 0, stub="jump")


@pytest.mark.parametrize(
    ("block", "section", "is_code", "why"),
    [
        (THUNK, RANGE, True, "no method is where the runtime has methods"),
        (None, RANGE, True, "no method is where the runtime has methods"),
        (OTHER_STUB, RANGE, False, ""),
        (None, None, False, "no code is there"),
        (None, None, True, ""),
    ],
)
def test_what_is_returned_to_and_is_no_code_ends_a_walk_as_damaged(
    monkeypatch: pytest.MonkeyPatch, block: CodeBlock | None, section: CodeRange | None, is_code: bool, why: str
) -> None:
    access, _ = fake_access({}, architecture=Architecture.X86_64)
    code = CodeManager(access)
    monkeypatch.setattr(code, "find", lambda _: block)
    monkeypatch.setattr(code.ranges, "find", lambda _: section)
    walker = StackWalker(access, code)
    monkeypatch.setattr(walker.native.code, "is_code", lambda _: is_code)
    assert walker.damage_at(WalkContext(PC, SP, {}, {}, FrameTrust.UNWIND_CODES)) == why
    assert walker.damage_at(WalkContext(PC, SP, {}, {}, FrameTrust.CONTEXT, interrupted=True)) == ""


def test_a_walk_that_comes_to_code_whose_records_cannot_be_read_does_not_end_as_the_outermost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access, _ = fake_access({}, architecture=Architecture.X86_64)
    code = CodeManager(access)

    def find(address: int) -> CodeBlock | None:
        raise MemoryFault(address, 8)

    monkeypatch.setattr(code, "find", find)
    thread = Thread(12, {"rip": PC, "rsp": SP}, PC, SP)
    record = ThreadRecord(0x1000, 1, 12, ThreadState.LEGAL_TO_JOIN, None, None, 0, (), 0, 0)
    (end,) = StackWalker(access, code).walk(record, thread)
    assert end == Ending(WalkEnd.DAMAGED, f"at {PC:#x}: cannot read 8 bytes at {PC:#x}: not mapped")
