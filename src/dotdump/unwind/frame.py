"""What a walk of a stack is made of: frames, how each is known, and why there are no more."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping


class FrameTrust(StrEnum):
    """How the place of a frame is known, the surest first."""

    CONTEXT = "context"
    """From the thread's registers, or from those that a signal frame holds."""
    CFI = "cfi"
    """From the call frame information of the function it called."""
    UNWIND_CODES = "unwind codes"
    """From the unwind codes of the managed function it called."""
    RUNTIME_FRAME = "runtime frame"
    """From what the runtime left on the stack where it was called."""
    FRAME_POINTER = "frame pointer"
    """From the chain of frame pointers, where there is no call frame information: frames may be missing."""
    SCAN = "scan"
    """A word on the stack that looks like a return address: it may be none."""


class EndReason(StrEnum):
    """Why a walk goes no further."""

    BOTTOM = "end of stack: undefined return address"
    NO_CFI = "no CFI at ip"
    DAMAGED = "CFI that cannot be applied"
    UNREADABLE = "stack that cannot be read"
    NOT_GROWING = "sp does not grow"
    CHAIN = "end of the chain of frame pointers"
    BUDGET = "budget"


@record
class End:
    """Why a walk goes no further; ``detail`` says where and what."""

    reason: EndReason
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


@record
class Frame:
    """A place in code, and the registers there by DWARF number, as far as they are known.

    ``pc`` is where it goes on: a return address, unless the frame was ``interrupted``, by what stopped the thread or
    by a signal. ``sp`` is the stack pointer there. ``signals`` counts the signal frames that the walk came through.
    """

    pc: int
    sp: int
    registers: Mapping[int, int]
    trust: FrameTrust
    interrupted: bool = False
    signals: int = 0

    @property
    def lookup(self) -> int:
        """An address within the instruction that is under way: a call may be the last one of its function."""
        return self.pc if self.interrupted else self.pc - 1
