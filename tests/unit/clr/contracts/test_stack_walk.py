"""Why a walk ends at once: of a thread that has no stack in the target, of a target whose code took too much work."""

from __future__ import annotations

import pytest

from builders.fake_access import fake_access
from dotdump.clr.contracts.execution_manager import CodeManager
from dotdump.clr.contracts.stack_walk import StackWalker
from dotdump.clr.contracts.threads import ThreadRecord, ThreadState
from dotdump.clr.contracts.walk_step import Ending, WalkEnd
from dotdump.target.model import Architecture, Thread


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


def test_a_walk_in_which_no_more_code_is_looked_for_does_not_end_as_the_outermost() -> None:
    access, _ = fake_access({}, architecture=Architecture.X86_64)
    code = CodeManager(access)
    thread = Thread(12, {"rip": 0x1000, "rsp": 0x2000}, 0x1000, 0x2000)
    record = ThreadRecord(0x1000, 1, 12, ThreadState.LEGAL_TO_JOIN, None, None, 0, (), 0, 0)
    assert list(StackWalker(access, code).walk(record, thread)) == [Ending(WalkEnd.OUTERMOST)]
    code.effort.left = -1
    (end,) = StackWalker(access, code).walk(record, thread)
    assert isinstance(end, Ending)
    assert (end.reason, end.detail) == (WalkEnd.BUDGET, "finding managed code takes more work than stacks can")
