"""``NativeBridge``: native frames between two places of managed code, by call frame information.

A helper of the runtime that cannot be interrupted, a write barrier and a stub leave no explicit Frame: then this is the
only way to the managed code that called them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.code_block import CodeKind
from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.clr.contracts.walk_step import Step, StepKind
from dotdump.errors import MemoryFault
from dotdump.limits import STACK_FRAMES
from dotdump.unwind.frame import End, EndReason, Frame, FrameTrust

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.unwind.native import NativeUnwinder


class NativeBridge:
    """Native code from ``context`` on, in the midst of ``block``; unwound once somebody asks."""

    def __init__(
        self,
        native: NativeUnwinder,
        is_managed: Callable[[int], bool],
        context: WalkContext | None,
        block: CodeBlock | None,
    ) -> None:
        self._native = native
        self._is_managed = is_managed
        self._context = context
        self._block = block
        self._done = False
        self._steps: list[Step] = []
        self._managed: WalkContext | None = None
        self._end: End | None = None

    @property
    def steps(self) -> list[Step]:
        """The native frames, the newest first."""
        self._run()
        return self._steps

    @property
    def managed(self) -> WalkContext | None:
        """Where managed code was come to; None where it was not."""
        self._run()
        return self._managed

    @property
    def end(self) -> End | None:
        """Why it went no further; None where managed code was come to."""
        self._run()
        return self._end

    def _run(self) -> None:
        if self._done or self._context is None:
            return
        self._done = True
        context, native = self._context, self._native
        frame = Frame(context.pc, context.sp, context.registers, context.trust, context.interrupted)
        stub = self._block is not None and self._block.kind is CodeKind.STUB
        while True:
            kind = StepKind.STUB if stub else StepKind.NATIVE
            self._steps.append(Step(kind, _context_of(frame), self._block if stub else None))
            following = native.step(frame)
            if isinstance(following, End) and following.reason in (EndReason.NO_CFI, EndReason.DAMAGED):
                following = self._past_leaf(frame) or native.guess(frame, following)
            if isinstance(following, End):
                self._end = following
                return
            if len(self._steps) >= STACK_FRAMES:
                self._end = End(EndReason.BUDGET, f"{STACK_FRAMES} native frames")
                return
            frame, stub = following, False
            if self._is_managed(frame.lookup):
                self._managed = _context_of(frame)
                return

    def _past_leaf(self, frame: Frame) -> Frame | None:
        """Return the managed caller of code that was interrupted and has no frame of its own, as barriers have none."""
        if not frame.interrupted:
            return None
        registers = self._native.registers
        if registers.link is not None:
            pc = frame.registers.get(registers.link, 0)
            sp = frame.sp
        else:
            words = self._native.words
            try:
                pc, sp = words.word(frame.sp), frame.sp + 8
            except MemoryFault:
                return None
        if not self._is_managed(pc - 1):
            return None
        kept = registers.kept(frame.registers)
        kept |= {registers.program_counter: pc, registers.stack_pointer: sp}
        return Frame(pc, sp, kept, FrameTrust.SCAN)


def _context_of(frame: Frame) -> WalkContext:
    return WalkContext(frame.pc, frame.sp, frame.registers, {}, frame.trust, frame.interrupted)
