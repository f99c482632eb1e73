"""``StackWalker``: the managed stack of a thread, its newest frame first.

While execution is in managed code its unwind codes lead to the caller; where it is not, the next explicit Frame says
where managed code goes on. A thread that runs native code without a Frame (a helper that cannot be interrupted, or a
stub) is unwound by call frame information to the managed code that called it. Native frames between are shown when
asked for; they never decide where managed code goes on if a Frame does. No walk ends without a reason.

Source of truth: docs/design/datacontracts/StackWalk.md, version 1; ``StackFrameIterator`` of stackwalk.cpp.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from dotdump.clr.contracts.code_block import CodeKind
from dotdump.clr.contracts.frame_chain import ExplicitFrame, FrameChains
from dotdump.clr.contracts.frame_contexts import FrameContexts
from dotdump.clr.contracts.managed_unwinder import unwinder_of
from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.errors import ClrError, FormatError, MemoryFault
from dotdump.limits import STACK_FRAMES
from dotdump.records import record
from dotdump.unwind.frame import End, EndReason, Frame, FrameTrust
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.contracts.execution_manager import CodeManager
    from dotdump.clr.contracts.threads import ThreadRecord
    from dotdump.clr.data_access import DataAccess
    from dotdump.target.model import Thread

_METHODS = (CodeKind.JIT, CodeKind.READY_TO_RUN)


class StepKind(StrEnum):
    """What a step of a walk stands for."""

    MANAGED = "managed"
    RUNTIME = "runtime"
    """An explicit Frame: a place where managed code called the runtime."""
    NATIVE = "native"
    STUB = "stub"
    """Code that the runtime made and that belongs to no method."""


_MANAGED = StepKind.MANAGED


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


class StackWalker:
    """Walks the threads of one runtime; what it learns of code is kept for all of them."""

    def __init__(self, access: DataAccess, code: CodeManager, native: NativeUnwinder | None = None) -> None:
        self._code = code
        self.native = native or NativeUnwinder(access.target)
        self._unwinder = unwinder_of(access, self.native)
        self._chains = FrameChains(access, self.is_managed)
        self._contexts = FrameContexts(access, self.native, self.is_managed)

    def walk(
        self,
        record: ThreadRecord,
        thread: Thread | None,
        *,
        native: bool = False,
        places: bool = False,
        budget: int = STACK_FRAMES,
    ) -> Iterator[Step | Ending]:
        """Yield the frames of a thread, the last an ``Ending``.

        With ``native`` those of native code too; with ``places`` contexts say where registers were saved.
        """
        left = budget
        for step in _Walk(self, record, thread, native=native, places=places).steps():
            if left == 0 and not isinstance(step, Ending):
                yield Ending(WalkEnd.BUDGET, f"{budget} frames")
                return
            yield step
            left -= 1

    def find_code(self, address: int) -> CodeBlock | None:
        """Return the code of a method, or a stub, at ``address``; None where there is none that can be told."""
        try:
            return self._code.find(address)
        except (ClrError, FormatError, MemoryFault):
            return None

    def is_managed(self, address: int) -> bool:
        """Return whether the code of a method is at ``address``."""
        block = self.find_code(address)
        return block is not None and block.kind in _METHODS


class _Walk:
    """One walk: where execution is, and which Frames have not been come to."""

    def __init__(
        self, walker: StackWalker, record: ThreadRecord, thread: Thread | None, *, native: bool, places: bool
    ) -> None:
        self._walker = walker
        self._record = record
        self._show_native = native
        self._with_places = places
        self._thread = thread
        self._chain = walker._chains.frames_of(record.frame, record.address)  # noqa: SLF001 - a part of it
        self._next: ExplicitFrame | None = None
        self._chain_problem = ""

    def steps(self) -> Iterator[Step | Ending]:
        self._advance()
        yield from self._on_from(self._start())

    def _start(self) -> WalkContext | None:
        if self._thread is None:
            return None
        frame = self._walker.native.frame_of(self._thread)
        return WalkContext(frame.pc, frame.sp, frame.registers, {}, FrameTrust.CONTEXT, interrupted=True)

    def _on_from(self, context: WalkContext | None) -> Iterator[Step | Ending]:
        leaf, find_code, places = True, self._walker.find_code, self._with_places
        unwind = self._walker._unwinder.caller_of  # noqa: SLF001
        while True:
            block = find_code(context.lookup) if context is not None else None
            if context is not None and block is not None and block.kind in _METHODS:
                try:
                    caller = unwind(context, block, places=places)
                except (FormatError, MemoryFault) as error:
                    yield Step(_MANAGED, context, block)
                    yield Ending(WalkEnd.DAMAGED, f"at {context.pc:#x}: {error}")
                    return
                if self._next is not None and self._next.address < caller.sp:
                    yield from self._frames_below(caller.sp)
                yield Step(_MANAGED, context, block, None, caller.sp)
                if caller.sp <= context.sp:
                    yield Ending(WalkEnd.NOT_GROWING, f"from {context.sp:#x} to {caller.sp:#x} at {context.pc:#x}")
                    return
                context, leaf = caller, False
                continue
            found = yield from self._over_native(context, block, leaf=leaf)
            if isinstance(found, Ending):
                yield found
                return
            context, leaf = found, False

    def _frames_below(self, sp: int) -> Iterator[Step]:
        """Yield the Frames that lie in the frame of the managed method whose caller's stack pointer is ``sp``."""
        while self._next is not None and self._next.address < sp:
            yield Step(StepKind.RUNTIME, None, frame=self._next)
            self._advance()

    def _over_native(
        self, context: WalkContext | None, block: CodeBlock | None, *, leaf: bool
    ) -> Generator[Step, None, WalkContext | Ending]:
        """Yield what is between native code at ``context`` and managed code further out; return that, or the end."""
        bridge = _Bridge(self._walker, context, block)
        bridged = bridge.managed if leaf and self._is_bridge_needed(bridge) else None
        native = list(bridge.steps) if self._show_native or bridged is not None else []
        if not self._show_native:
            native = [step for step in native if step.kind is StepKind.STUB]
        if bridged is not None:
            yield from native
            return bridged
        while self._next is not None:
            frame = self._next
            while native and native[0].sp < frame.address:
                yield native.pop(0)
            yield Step(StepKind.RUNTIME, None, frame=frame)
            self._advance()
            behind = self._behind(frame, context)
            if isinstance(behind, Ending):
                return behind
            if behind is not None and self._walker.is_managed(behind.lookup):
                while native and native[0].sp < behind.sp:
                    yield native.pop(0)
                return behind
        yield from native
        return self._end(bridge)

    def _is_bridge_needed(self, bridge: _Bridge) -> bool:
        """Tell whether the thread came from managed code without leaving a Frame: only then can nobody collect."""
        if self._record.cooperative is False or bridge.managed is None:
            return False
        return self._next is None or bridge.managed.sp <= self._next.address

    def _behind(self, frame: ExplicitFrame, context: WalkContext | None) -> WalkContext | Ending | None:
        try:
            return self._walker._contexts.behind(frame, context)  # noqa: SLF001
        except (FormatError, MemoryFault) as error:
            return Ending(WalkEnd.DAMAGED, f"{frame.kind} at {frame.address:#x}: {error}")

    def _end(self, bridge: _Bridge) -> Ending:
        if self._chain_problem:
            return Ending(WalkEnd.DAMAGED, self._chain_problem)
        if self._show_native and bridge.end is not None:
            return Ending(bridge.end.reason, bridge.end.detail)
        return Ending(WalkEnd.OUTERMOST)

    def _advance(self) -> None:
        try:
            self._next = next(self._chain, None)
        except (FormatError, MemoryFault) as error:
            self._next = None
            self._chain_problem = str(error)


class _Bridge:
    """Native code from ``context`` on, by call frame information, until managed code comes."""

    def __init__(self, walker: StackWalker, context: WalkContext | None, block: CodeBlock | None) -> None:
        self._walker = walker
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
        context, native = self._context, self._walker.native
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
            if self._walker.is_managed(frame.lookup):
                self._managed = _context_of(frame)
                return

    def _past_leaf(self, frame: Frame) -> Frame | None:
        """Return the managed caller of code that was interrupted and has no frame of its own, as barriers have none."""
        if not frame.interrupted:
            return None
        registers = self._walker.native.registers
        if registers.link is not None:
            pc = frame.registers.get(registers.link, 0)
            sp = frame.sp
        else:
            words = self._walker.native.words
            try:
                pc, sp = words.word(frame.sp), frame.sp + 8
            except MemoryFault:
                return None
        if not self._walker.is_managed(pc - 1):
            return None
        kept = {number: frame.registers[number] for number in registers.callee_saved if number in frame.registers}
        kept |= {registers.program_counter: pc, registers.stack_pointer: sp}
        return Frame(pc, sp, kept, FrameTrust.SCAN)


def _context_of(frame: Frame) -> WalkContext:
    return WalkContext(frame.pc, frame.sp, frame.registers, {}, frame.trust, frame.interrupted)
