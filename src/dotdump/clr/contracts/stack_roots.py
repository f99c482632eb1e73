"""``StackRoots``: which registers and stack places of a thread hold references, as the compiler and the runtime say.

Every managed frame is asked by its GC info, every explicit Frame by what it keeps. What a slot holds is returned as it
is; whether that is an object is for who knows the heap.

A thread can be collected only in preemptive mode, or where its code may be interrupted. Wherever else it stands, its
registers may hold references that nothing tells of: then ``problem`` says so, as it does where a frame is not sure.

Source of truth: ``GcStackCrawlCallBack`` of vm/gcenv.ee.common.cpp, ``CrawlFrame`` of vm/stackwalk.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.funclets import roles_of
from dotdump.clr.contracts.managed_roots import ManagedFrame, ManagedRoots
from dotdump.clr.contracts.walk_step import Ending, Step, StepKind, WalkEnd
from dotdump.errors import UNREADABLE
from dotdump.formats.gc_info.decoder import Stop
from dotdump.records import record
from dotdump.unwind.frame import FrameTrust

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.contracts.frame_chain import ExplicitFrame
    from dotdump.clr.contracts.frame_roots import FrameRoots
    from dotdump.clr.contracts.funclets import Role
    from dotdump.clr.contracts.handlers import Handlers
    from dotdump.clr.contracts.stack_reference import StackReference
    from dotdump.clr.contracts.stack_walk import StackWalker
    from dotdump.clr.contracts.threads import ThreadRecord
    from dotdump.clr.contracts.walk_context import WalkContext
    from dotdump.clr.data_access import DataAccess
    from dotdump.target.model import Thread

_ABORTS = ("FaultingExceptionFrame", "SoftwareExceptionFrame")
_RESUMES = ("ResumableFrame", "RedirectedThreadFrame", "HijackFrame")
_WHOLE_WALKS = (WalkEnd.OUTERMOST, WalkEnd.NEVER_STARTED, WalkEnd.DEAD)
_SURE = frozenset({FrameTrust.CONTEXT, FrameTrust.CFI, FrameTrust.UNWIND_CODES, FrameTrust.RUNTIME_FRAME})


@record
class FrameReferences:
    """The references of one frame; ``problem`` says why they could not be had."""

    step: Step
    references: tuple[StackReference, ...] = ()
    problem: str = ""


@record
class ThreadReferences:
    """The frames of a thread, the newest first; ``protected`` is what native code of the runtime protects beside them.

    ``problem`` says why the thread may have other references too; it is empty where it has none.
    """

    frames: tuple[FrameReferences, ...]
    protected: tuple[StackReference, ...] = ()
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Whether the thread has no other references."""
        return not self.problem

    def __iter__(self) -> Iterator[StackReference]:
        for frame in self.frames:
            yield from frame.references
        yield from self.protected


class StackRoots:
    """The references on the stacks of one runtime."""

    def __init__(self, access: DataAccess, walker: StackWalker, frames: FrameRoots, handlers: Handlers) -> None:
        self._walker = walker
        self._frames = frames
        self._handlers = handlers
        self._managed = ManagedRoots(access, walker.native)
        self._frame_pointer = walker.native.registers.frame_pointer

    def of_thread(self, record: ThreadRecord, thread: Thread | None) -> ThreadReferences:
        """Return the references of every frame of a thread."""
        steps: list[Step] = []
        ending = Ending(WalkEnd.OUTERMOST)
        for found in self._walker.walk(record, thread, places=True):
            if isinstance(found, Ending):
                ending = found
            else:
                steps.append(found)
        frames = tuple(self._of_steps(steps))
        problem = self._why_incomplete(record, frames, ending)
        try:
            return ThreadReferences(frames, tuple(self._frames.protected(record.address)), problem)
        except UNREADABLE as error:
            return ThreadReferences(frames, problem=problem or str(error))

    def _of_steps(self, steps: Sequence[Step]) -> Iterator[FrameReferences]:
        before: list[ExplicitFrame] = []
        roles = roles_of(steps, self._frame_pointer, self._handlers)
        for index, (step, role) in enumerate(zip(steps, roles, strict=True)):
            try:
                found = tuple(self._of_step(step, role, before, leaf=index == 0)) if role.reports else ()
                yield FrameReferences(step, found, role.problem)
            except UNREADABLE as error:
                yield FrameReferences(step, problem=str(error))
            if step.frame is not None:
                before.append(step.frame)
            elif step.kind is StepKind.MANAGED:
                before.clear()

    def _of_step(
        self, step: Step, role: Role, before: Sequence[ExplicitFrame], *, leaf: bool
    ) -> Iterator[StackReference]:
        if step.frame is not None:
            yield from self._frames.of(step.frame)
        managed = _managed(step)
        if managed is not None:
            yield from self._managed.of(managed, self._stop_of(managed, before, leaf=leaf), role)

    def _stop_of(self, frame: ManagedFrame, before: Sequence[ExplicitFrame], *, leaf: bool) -> Stop:
        """Return where a method is stopped, and by what; ``before`` are the Frames between it and what it called."""
        context = frame.context
        leading = _leading_frame(context, before)
        kind = leading.kind if leading is not None else ""
        aborted = kind in _ABORTS or (leading is not None and self._frames.is_throw(leading))
        return Stop(
            frame.code.relative_offset + (not context.interrupted),
            active=not aborted and (kind in _RESUMES or (leaf and context.interrupted)),
            aborted=aborted,
            at_call=aborted and not context.interrupted,
        )

    def _why_incomplete(self, record: ThreadRecord, frames: Sequence[FrameReferences], ending: Ending) -> str:
        """Return why there may be other references; empty where there are none."""
        if ending.reason not in _WHOLE_WALKS:
            return f"the walk ends early: {ending}"
        for frame in frames:
            context = frame.step.context
            if frame.problem:
                return frame.problem
            if frame.step.kind is StepKind.MANAGED and context is not None and context.trust not in _SURE:
                return f"the frame at {context.sp:#x} is known by {context.trust} only"
        if record.cooperative is False or not frames:
            return ""
        newest = _managed(frames[0].step)
        if newest is None or not newest.context.interrupted:
            return "it runs code of the runtime that must not be collected"
        where = f"it was stopped at {newest.context.pc:#x}, where it must not be collected"
        return "" if self._managed.can_be_collected(newest) else where


def _managed(step: Step) -> ManagedFrame | None:
    if step.kind is not StepKind.MANAGED or step.code is None or step.context is None:
        return None
    return ManagedFrame(step.code, step.context, step.caller_sp)


def _leading_frame(context: WalkContext, before: Sequence[ExplicitFrame]) -> ExplicitFrame | None:
    """Return the Frame that led to ``context``, None where none did: those that lie above it are of other calls."""
    if context.trust not in (FrameTrust.RUNTIME_FRAME, FrameTrust.CFI):
        return None
    leading = [frame for frame in before if frame.address < context.sp]
    return leading[-1] if leading else None
