"""``StackWalker``: the managed stack of a thread, its newest frame first.

While execution is in managed code its unwind codes lead to the caller; where it is not, the next explicit Frame says
where managed code goes on. A thread that runs native code without a Frame (a helper that cannot be interrupted, or a
stub) is unwound by call frame information to the managed code that called it. Native frames between are shown when
asked for; they never decide where managed code goes on if a Frame does. No walk ends without a reason.

Source of truth: docs/design/datacontracts/StackWalk.md, version 1; ``StackFrameIterator`` of stackwalk.cpp.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, cast

from dotdump.clr.contracts.code_block import CodeKind
from dotdump.clr.contracts.frame_chain import ExplicitFrame, FrameChains
from dotdump.clr.contracts.frame_contexts import FrameContexts
from dotdump.clr.contracts.managed_unwinder import unwinder_of
from dotdump.clr.contracts.native_bridge import NativeBridge
from dotdump.clr.contracts.threads import ThreadState
from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.clr.contracts.walk_step import Ending, Step, StepKind, WalkEnd, Wanted, out_of
from dotdump.errors import UNREADABLE, FormatError, MemoryFault
from dotdump.limits import CODE_BLOCKS_KEPT, STACK_FRAMES
from dotdump.unwind.frame import FrameTrust
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.contracts.execution_manager import CodeManager
    from dotdump.clr.contracts.frame_runs import Run
    from dotdump.clr.contracts.managed_unwinder import Unwind
    from dotdump.clr.contracts.threads import ThreadRecord
    from dotdump.clr.data_access import DataAccess
    from dotdump.target.model import Thread
    from dotdump.unwind.frame import End

    Place = tuple[CodeBlock | None, Unwind | None]

_METHODS = (CodeKind.JIT, CodeKind.READY_TO_RUN)
_MANAGED = StepKind.MANAGED
_UNSTARTED, _DEAD = int(ThreadState.UNSTARTED), int(ThreadState.DEAD)
_HIGHEST = (1 << 64) - 1


def _key_of(context: WalkContext) -> int:
    """Return what tells places apart: a return address, or the complement of where code was interrupted."""
    return ~context.pc if context.interrupted else context.pc


class StackWalker:
    """Walks the threads of one runtime; what it learns of code is kept for all of them."""

    def __init__(self, access: DataAccess, code: CodeManager, native: NativeUnwinder | None = None) -> None:
        self._code = code
        self.native = native or NativeUnwinder(access.target)
        self._unwinder = unwinder_of(access, self.native)
        self.places: dict[int, Place] = {}
        self.chains = FrameChains(access, self.native.words)
        self.contexts = FrameContexts(access, self.native, self.is_managed)

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
        steps = _Walk(self, record, thread, Wanted(native, places)).steps()
        yield from islice(steps, budget)
        following = next(steps, None)
        if following is not None:
            yield following if isinstance(following, Ending) else out_of(budget)

    def walk_in_runs(
        self, record: ThreadRecord, thread: Thread | None, *, native: bool = False
    ) -> Iterator[Step | Run | Ending]:
        """Yield what ``walk`` does without a budget, with managed frames together where only their places are told."""
        return _Walk(self, record, thread, Wanted(native, runs=self._unwinder.runs)).steps_and_runs()

    def find_code(self, address: int) -> CodeBlock | None:
        """Return the code of a method, or a stub, at ``address``; None where there is none that can be told."""
        try:
            return self._code.find(address)
        except UNREADABLE:
            return None

    def damage_at(self, context: WalkContext) -> str:
        """Return why managed code may be at ``context`` though none can be told; empty where other code is.

        Thunks of ready-to-run images jump: nothing returns to one.
        """
        try:
            block = self._code.find(context.lookup)
            is_among_methods = block.module != 0 if block is not None else bool(self._code.ranges.find(context.lookup))
        except UNREADABLE as error:
            return str(error)
        if context.interrupted:
            return ""
        if is_among_methods:
            return "no method is where the runtime has methods"
        return "" if block is not None or self.native.code.is_code(context.lookup) else "no code is there"

    @property
    def is_exhausted(self) -> bool:
        """Whether so much was looked for that no more code is found."""
        return self._code.effort.left < 0

    def place_at(self, context: WalkContext) -> Place:
        """Return the code at ``context``, and where that is managed, what unwinds it, which is kept in ``places``.

        Raises ``FormatError`` and ``MemoryFault`` where managed code has no unwind codes that can be read.
        """
        block = self.find_code(context.lookup)
        if block is None or block.kind not in _METHODS:
            return block, None
        place = block, self._unwinder.at(context, block)
        if len(self.places) >= CODE_BLOCKS_KEPT:
            self.places.clear()
        self.places[_key_of(context)] = place
        return place

    def is_managed(self, address: int) -> bool:
        """Return whether the code of a method is at ``address``."""
        block = self.find_code(address)
        return block is not None and block.kind in _METHODS


class _Walk:
    """One walk: where execution is, and which Frames have not been come to."""

    def __init__(self, walker: StackWalker, record: ThreadRecord, thread: Thread | None, wanted: Wanted) -> None:
        self._walker = walker
        self._record = record
        self._show_native = wanted.native
        self._with_places = wanted.places
        self._places = walker.places
        self._runs = wanted.runs
        self._thread = thread
        self._chain = walker.chains.frames_of(record.frame)
        self._next: ExplicitFrame | None = None
        self._chain_problem = ""
        self._lost = ""

    def steps(self) -> Iterator[Step | Ending]:
        """Return the steps from the thread's place on, the last an ``Ending``; only of a walk without runs."""
        return cast("Iterator[Step | Ending]", self.steps_and_runs())

    def steps_and_runs(self) -> Iterator[Step | Run | Ending]:
        """Return the steps and the runs from the thread's place on, the last an ``Ending``."""
        self._advance()
        start = self._start()
        return iter((self._end(None),)) if start is None and self._next is None else self._on_from(start)

    def _start(self) -> WalkContext | None:
        if self._thread is None:
            return None
        frame = self._walker.native.frame_of(self._thread)
        return WalkContext(frame.pc, frame.sp, frame.registers, {}, FrameTrust.CONTEXT, interrupted=True)

    def _on_from(self, context: WalkContext | None) -> Iterator[Step | Run | Ending]:
        leaf = True
        while True:
            if context is not None and (run := self._run_from(context)) is not None:
                yield run
                context, leaf = run.caller, False
            try:
                block, caller = self._caller_of(context)
            except (FormatError, MemoryFault) as error:
                yield from self._damaged(context, error)
                return
            if caller is None or context is None:
                found = yield from self._over_native(context, block, leaf=leaf)
                if isinstance(found, Ending):
                    yield found
                    return
                context, leaf = found, False
                continue
            if self._next is not None and self._next.address < caller.sp:
                yield from self._frames_below(caller.sp)
            yield Step(_MANAGED, context, block, None, caller.sp)
            if caller.sp <= context.sp:
                yield Ending(WalkEnd.NOT_GROWING, f"from {context.sp:#x} to {caller.sp:#x} at {context.pc:#x}")
                return
            context, leaf = caller, False

    def _run_from(self, context: WalkContext) -> Run | None:
        if self._runs is None or context.trust is not FrameTrust.UNWIND_CODES or context.interrupted:
            return None
        if context.pc not in self._places:
            return None
        return self._runs.follow(context, self._next.address if self._next is not None else _HIGHEST)

    def _caller_of(self, context: WalkContext | None) -> tuple[CodeBlock | None, WalkContext | None]:
        """Return the code at ``context``, and where it returns to if it is that of a method."""
        if context is None:
            return None, None
        block, unwind = self._places.get(_key_of(context)) or self._walker.place_at(context)
        return block, None if unwind is None else unwind(context, places=self._with_places)

    def _damaged(self, context: WalkContext | None, error: FormatError | MemoryFault) -> Iterator[Step | Ending]:
        assert context is not None  # noqa: S101 - else there was nothing to read
        yield Step(_MANAGED, context, self._walker.find_code(context.lookup))
        yield Ending(WalkEnd.DAMAGED, f"at {context.pc:#x}: {error}")

    def _frames_below(self, sp: int) -> Iterator[Step]:
        """Yield the Frames that lie in the frame of the managed method whose caller's stack pointer is ``sp``."""
        while self._next is not None and self._next.address < sp:
            yield Step(StepKind.RUNTIME, None, frame=self._next)
            self._advance()

    def _over_native(
        self, context: WalkContext | None, block: CodeBlock | None, *, leaf: bool
    ) -> Generator[Step, None, WalkContext | Ending]:
        """Yield what is between native code at ``context`` and managed code further out; return that, or the end."""
        bridge = NativeBridge(self._walker.native, self._walker.is_managed, context, block)
        bridged = bridge.managed if leaf and self._is_bridge_needed(bridge) else None
        self._note_lost(context)
        steps = bridge.steps if self._show_native or bridged is not None else ()
        native = deque(step for step in steps if self._show_native or step.kind is StepKind.STUB)
        if bridged is not None:
            yield from native
            return bridged
        while self._next is not None:
            frame = self._next
            while native and native[0].sp < frame.address:
                yield native.popleft()
            yield Step(StepKind.RUNTIME, None, frame=frame)
            self._advance()
            behind = self._behind(frame, context)
            if isinstance(behind, Ending):
                return behind
            if behind is not None and self._walker.is_managed(behind.lookup):
                while native and native[0].sp < behind.sp:
                    yield native.popleft()
                return behind
            self._note_lost(behind)
        yield from native
        return self._end(bridge.end if self._show_native else None)

    def _is_bridge_needed(self, bridge: NativeBridge) -> bool:
        """Tell whether the thread came from managed code without leaving a Frame: only then can nobody collect."""
        if self._record.cooperative is False or bridge.managed is None:
            return False
        if self._next is None:
            return True
        return bridge.managed.sp <= self._next.address and not self._leads_to(self._next, bridge.managed)

    def _leads_to(self, frame: ExplicitFrame, managed: WalkContext) -> bool:
        """Tell whether a method called native code by a Frame that lies in it: its place is what that says."""
        if frame.kind != "InlinedCallFrame":
            return False
        behind, pointer = self._behind(frame, None), self._walker.native.registers.frame_pointer
        return isinstance(behind, WalkContext) and behind.registers[pointer] == managed.registers.get(pointer)

    def _behind(self, frame: ExplicitFrame, context: WalkContext | None) -> WalkContext | Ending | None:
        try:
            return self._walker.contexts.behind(frame, context)
        except (FormatError, MemoryFault) as error:
            return Ending(WalkEnd.DAMAGED, f"{frame.kind} at {frame.address:#x}: {error}")

    def _note_lost(self, context: WalkContext | None) -> None:
        """Remember the first place whose managed code cannot be told: frames from there on may be missing."""
        if context is not None and not self._lost and (why := self._walker.damage_at(context)):
            self._lost = f"at {context.pc:#x}: {why}"

    def _end(self, native: End | None) -> Ending:
        """Return why there is no more; ``native`` says so of native code, where that is shown."""
        if self._chain_problem:
            return Ending(WalkEnd.DAMAGED, self._chain_problem)
        if self._thread is not None and self._walker.is_exhausted:
            return Ending(WalkEnd.BUDGET, "finding managed code takes more work than stacks can")
        if self._lost:
            return Ending(WalkEnd.DAMAGED, self._lost)
        if native is not None:
            return Ending(native.reason, native.detail)
        return Ending(WalkEnd.OUTERMOST if self._thread is not None else self._why_no_thread())

    def _why_no_thread(self) -> WalkEnd:
        state = int(self._record.state or 0)
        if state & _UNSTARTED:
            return WalkEnd.NEVER_STARTED
        return WalkEnd.DEAD if state & _DEAD or not self._record.os_id else WalkEnd.NO_THREAD

    def _advance(self) -> None:
        try:
            self._next = next(self._chain, None)
        except (FormatError, MemoryFault) as error:
            self._next = None
            self._chain_problem = str(error)
