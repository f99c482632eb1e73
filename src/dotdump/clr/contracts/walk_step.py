"""What a walk of a managed stack is made of: steps, and why there are no more."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.contracts.frame_chain import ExplicitFrame
    from dotdump.clr.contracts.frame_runs import FrameRuns
    from dotdump.clr.contracts.walk_context import WalkContext
    from dotdump.unwind.frame import EndReason


class StepKind(StrEnum):
    """What a step of a walk stands for."""

    MANAGED = "managed"
    RUNTIME = "runtime"
    """An explicit Frame: a place where managed code called the runtime."""
    NATIVE = "native"
    STUB = "stub"
    """Code that the runtime made and that belongs to no method."""


class WalkEnd(StrEnum):
    """Why a walk goes no further."""

    OUTERMOST = "end of stack: no more frames of the runtime"
    NEVER_STARTED = "no stack: the thread has not started"
    DEAD = "no stack: the thread has ended"
    NO_THREAD = "the system's thread is not in the target"
    DAMAGED = "damaged"
    NOT_GROWING = "sp does not grow"
    BUDGET = "budget"


@record
class Ending:
    """Why a walk goes no further; ``detail`` says where and what."""

    reason: WalkEnd | EndReason
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


def out_of(budget: int) -> Ending:
    """Return the end of a walk that would have gone on."""
    return Ending(WalkEnd.BUDGET, f"{budget} frames")


@record
class Step:
    """A frame. ``context`` is the place and the registers there; None for an explicit Frame.

    ``code`` is the managed code or the stub, ``frame`` the explicit Frame, ``caller_sp`` the stack pointer that a
    managed frame's caller has after the return.
    """

    kind: StepKind
    context: WalkContext | None
    code: CodeBlock | None = None
    frame: ExplicitFrame | None = None
    caller_sp: int = 0

    @property
    def sp(self) -> int:
        """The stack pointer, or where the explicit Frame lies."""
        return self.context.sp if self.context is not None else self.frame.address if self.frame is not None else 0


@record
class Wanted:
    """What a walk is to tell besides managed frames: ``native`` ones; ``places`` of registers.

    Where ``runs`` are wanted, managed frames come in those where only their places are told.
    """

    native: bool
    places: bool = False
    runs: FrameRuns | None = None
