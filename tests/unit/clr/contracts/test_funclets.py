"""Which frames report where handlers run."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dotdump.clr.contracts.code_block import CodeBlock, CodeKind
from dotdump.clr.contracts.frame_chain import ExplicitFrame
from dotdump.clr.contracts.funclets import roles_of
from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.clr.contracts.walk_step import Step, StepKind
from dotdump.errors import MemoryFault
from dotdump.unwind.frame import FrameTrust

if TYPE_CHECKING:
    from dotdump.clr.contracts.handlers import Handlers

FP = 6
A, B, C, DISPATCHER = 0x1000, 0x2000, 0x3000, 0xE000


class FakeHandlers:
    """Funclets at ``filters`` are filters; one at 0x666 cannot be told."""

    def __init__(self, *filters: int) -> None:
        self._filters = filters

    def is_filter(self, code: CodeBlock) -> bool:
        if code.function_start == 0x666:
            raise MemoryFault(0x666, 4)
        return code.function_start in self._filters

    def is_dispatcher(self, code: CodeBlock) -> bool:
        return code.start == DISPATCHER


def frame(method: int, fp: int = 0) -> Step:
    return step(CodeBlock(CodeKind.JIT, method + 8, method, 8, function_start=method), fp)


def funclet(method: int, fp: int, start: int = 0x40) -> Step:
    return step(CodeBlock(CodeKind.JIT, start, method, 0x60, function_start=start, is_funclet=True), fp)


def step(code: CodeBlock, fp: int) -> Step:
    return Step(StepKind.MANAGED, WalkContext(code.address, 0, {FP: fp}, {}, FrameTrust.UNWIND_CODES), code)


def explicit() -> Step:
    return Step(StepKind.RUNTIME, None, frame=ExplicitFrame(0x7000, "InlinedCallFrame", 0))


def reported(steps: list[Step], *filters: int) -> str:
    """Return a letter for each step: everything, tracked only, parent, nothing, or a problem."""
    letters = []
    for role in roles_of(steps, FP, cast("Handlers", FakeHandlers(*filters))):
        if role.problem:
            letters.append("!")
        elif not role.reports:
            letters.append("-")
        else:
            letters.append("p" if role.is_parent else "w" if role.untracked else "t")
    return "".join(letters)


def test_without_a_funclet_every_frame_reports() -> None:
    assert reported([explicit(), frame(A), frame(B), explicit()]) == "wwww"


def test_a_handler_reports_for_its_method_and_what_was_unwound_is_past() -> None:
    steps = [frame(C), funclet(A, 7), explicit(), frame(B), frame(A, 7), frame(C)]
    assert reported(steps) == "ww--pw"


def test_of_frames_of_the_same_method_the_parent_is_the_one_with_the_same_frame_pointer() -> None:
    steps = [funclet(A, 7), frame(A, 5), frame(A, 6), frame(A, 7), frame(A, 8)]
    assert reported(steps) == "w--pw"


def test_a_handler_within_a_handler_reports_for_both() -> None:
    steps = [funclet(A, 7), frame(B), funclet(A, 7, 0x80), frame(C), frame(A, 7)]
    assert reported(steps) == "w---p"


def test_handlers_of_two_methods_each_have_their_parent() -> None:
    steps = [funclet(A, 7), frame(B), frame(A, 7), funclet(C, 9), frame(B), frame(C, 9)]
    assert reported(steps) == "w-pw-p"


def test_a_filter_runs_while_nothing_has_been_unwound() -> None:
    steps = [funclet(A, 7, 0x40), frame(B), frame(A, 7)]
    assert reported(steps, 0x40) == "tww"


def test_what_dispatches_the_exception_is_alive_but_what_dispatched_one_before_is_not() -> None:
    inner = [funclet(A, 7), explicit(), frame(DISPATCHER), frame(DISPATCHER)]
    steps = [*inner, explicit(), funclet(B, 8), frame(DISPATCHER), frame(B, 8), frame(A, 7)]
    assert reported(steps) == "w-ww----p"


def test_a_funclet_without_its_method_on_the_stack_is_a_problem_and_hides_nothing() -> None:
    assert reported([funclet(A, 7), frame(B), frame(A, 6)]) == "!ww"


def test_a_funclet_that_may_be_a_filter_is_a_problem_and_hides_nothing() -> None:
    assert reported([funclet(A, 7, 0x666), frame(B), frame(A, 7)]) == "!ww"
