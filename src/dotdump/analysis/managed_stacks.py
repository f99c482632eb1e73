"""Managed stacks: what every thread of a .NET program was doing, by method and signature."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from dotdump.analysis.stack_frames import StackFrames
from dotdump.analysis.stacks import (
    NATIVE,
    FrameLocation,
    NativeStacks,
    StackFrame,
    StackList,
    ThreadStack,
    ThrownException,
)
from dotdump.clr.contracts.frame_runs import Run
from dotdump.clr.contracts.walk_step import Ending, Step, StepKind, WalkEnd, out_of
from dotdump.clr.model.exception import ClrException
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import UNREADABLE
from dotdump.limits import STACK_FRAMES, STACK_FRAMES_IN_ALL
from dotdump.records import record, replace
from dotdump.unwind.frame import Frame, FrameTrust

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.contracts.walk_context import WalkContext
    from dotdump.clr.model.method import ClrMethod
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.thread import ClrThread

    _Told = tuple[FrameLocation, str, str]
    """What a ``StackFrame`` begins with."""

_MANAGED = str(StepKind.MANAGED)
_BY_CODES, _BY_RUNTIME = str(FrameTrust.UNWIND_CODES), str(FrameTrust.RUNTIME_FRAME)
_NAMELESS = FrameLocation(_MANAGED, None)


def list_stacks(
    runtime: ClrRuntime, *, threads: Sequence[int] = (), native: bool = False, frames: int = STACK_FRAMES
) -> StackList:
    """Return the stacks of the threads that the runtime knows, or of those with these ids, each of at most ``frames``.

    An id is that of the system or the managed one. With ``native`` the frames of native code are shown between,
    and so are the threads that the runtime does not know, as they are where no managed thread is found. Threads of
    NativeAOT have native frames.
    """
    return _listed(runtime, _Choice(frozenset(threads)), frames, native=native)


def stack_of(runtime: ClrRuntime, thread: ClrThread, *, frames: int = STACK_FRAMES) -> StackList:
    """Return the stack of this thread alone, whose id of the system may be the managed one of another."""
    return _listed(runtime, _Choice(frozenset({thread.os_id}), managed=False), frames)


def _listed(runtime: ClrRuntime, choice: _Choice, frames: int, *, native: bool = False) -> StackList:
    stacks = _ManagedStacks(runtime, native=native or runtime.kind is RuntimeKind.NATIVE_AOT or not runtime.threads)
    return StackList(
        runtime.target.process.pid,
        runtime.target.process.name,
        tuple(stacks.of_threads(choice, frames)),
        runtime.version,
        tuple(runtime.thread_problems),
    )


def exception_of(thread: ClrThread) -> ThrownException | None:
    """Return the exception that a thread handles, throws or remembers."""
    source = thread.current_exception
    if source is None:
        return None
    try:
        found = ClrException(source)
        message, hresult = found.message, f"{found.hresult & 0xFFFFFFFF:#010x}"
    except UNREADABLE:
        message = hresult = None
    return ThrownException(f"{source.address:#x}", source.type.name, message, hresult)


def roles_of(thread: ClrThread) -> tuple[str, ...]:
    """Return what a thread is there for, as far as that can be told."""
    roles = {
        "finalizer": thread.is_finalizer,
        "gc": thread.is_gc,
        "thread pool worker": thread.is_thread_pool_worker,
        "timer": thread.is_timer,
    }
    return tuple(role for role, has in roles.items() if has)


@record
class _Choice:
    """The threads that were asked for: all, where there are none. ``managed`` ids count, too, unless told otherwise."""

    ids: frozenset[int]
    managed: bool = True

    def has(self, os_id: int, managed_id: int | None = None) -> bool:
        return not self.ids or os_id in self.ids or (self.managed and managed_id in self.ids)


class _ManagedStacks:
    """Walks the threads of a runtime, and remembers what it called their frames."""

    def __init__(self, runtime: ClrRuntime, *, native: bool) -> None:
        self._runtime = runtime
        self._native = native
        self._is_aot = runtime.kind is RuntimeKind.NATIVE_AOT
        self._names = NativeStacks(runtime.target, None if self._is_aot else runtime.stack_walker.native)
        self._left = STACK_FRAMES_IN_ALL
        self._methods: dict[int, FrameLocation] = {}
        self._returns: dict[int, FrameLocation] = {}
        self._interrupted: dict[int, FrameLocation] = {}
        self._runtime_locations: dict[tuple[int, str | None], FrameLocation] = {}
        self._modules: dict[int, str] = {}

    def of_threads(self, choice: _Choice, budget: int) -> Iterator[ThreadStack]:
        """Yield the stacks of the chosen threads.

        All are walked before the first is told of: what one needs stays in the processor's caches for the next.
        """
        chosen = [thread for thread in self._runtime.threads if choice.has(thread.os_id, thread.managed_id)]
        walked = [self._walk(thread, budget) for thread in chosen]
        yield from map(self._stack_of, chosen, walked)
        if not self._native:
            return
        known = {thread.os_id for thread in self._runtime.threads}
        for native in self._runtime.target.threads:
            if native.tid not in known and choice.has(native.tid):
                yield self._names.stack_of(native, min(budget, self._left))

    def _stack_of(self, thread: ClrThread, walked: tuple[Sequence[StackFrame], str]) -> ThreadStack:
        frames, end = walked
        return ThreadStack(
            os_id=thread.os_id,
            managed_id=thread.managed_id,
            name=thread.name or (self._names.name_of(thread.native) if thread.native is not None else ""),
            state=", ".join(thread.state.words) if thread.state is not None else "",
            exception=exception_of(thread),
            frames=frames,
            end=end,
            roles=roles_of(thread),
            gc_mode=thread.gc_mode,
        )

    def _walk(self, thread: ClrThread, budget: int) -> tuple[Sequence[StackFrame], str]:
        """Return the frames of a thread, and why there are no more."""
        walk = self._walk_native_aot if self._is_aot else self._walk_managed
        frames, end = walk(thread, min(budget, self._left))
        self._left -= len(frames)
        return frames, end

    def _walk_native_aot(self, thread: ClrThread, budget: int) -> tuple[Sequence[StackFrame], str]:
        if thread.native is None:
            return (), str(WalkEnd.NO_THREAD)
        stack = self._names.stack_of(thread.native, budget)
        return tuple(self._of_native_aot(frame) for frame in stack.frames), stack.end

    def _walk_managed(self, thread: ClrThread, budget: int) -> tuple[Sequence[StackFrame], str]:
        locations: list[FrameLocation] = []
        sps: list[str] = []
        trusts: list[str] = []
        for step in thread.walk_in_runs(native=self._native):
            if isinstance(step, Ending):
                return StackFrames(locations, sps, trusts), str(step)
            if isinstance(step, Run):
                locations += self._locations_of(step)
                sps += map(hex, step.sps)
                trusts += repeat(_BY_CODES, len(step.sps))
            else:
                location, sp, trust = self._frame(step)
                locations.append(location)
                sps.append(sp)
                trusts.append(trust)
            if len(locations) > budget:
                break
        return StackFrames(locations[:budget], sps[:budget], trusts[:budget]), str(out_of(budget))

    def _locations_of(self, run: Run) -> Iterator[FrameLocation]:
        known = self._returns
        for pc in dict.fromkeys(run.pcs):
            if pc not in known:
                self._managed_location(pc, self._runtime.stack_walker.find_code(pc - 1), known)
        return map(known.__getitem__, run.pcs)

    def _of_native_aot(self, frame: StackFrame) -> StackFrame:
        """Return a native frame as a managed one, where the program's own map names its method."""
        location = frame.location
        if location.ip is None or location.kind != NATIVE:
            return frame
        pc = int(location.ip, 16)
        found = self._runtime.native_methods.find(pc - (frame.trust != FrameTrust.CONTEXT))
        if found is None:
            return frame
        named = replace(location, method=found.signature, kind=_MANAGED, offset=pc - found.start)
        return replace(frame, location=named)

    def _frame(self, step: Step) -> _Told:
        context = step.context
        if context is None:
            return self._runtime_frame(step)
        if step.code is None:
            return self._native_frame(context)
        if step.kind is not StepKind.MANAGED:
            return self._stub_frame(str(step.kind), context, step.code)
        known = self._interrupted if context.interrupted else self._returns
        location = known.get(context.pc) or self._managed_location(context.pc, step.code, known)
        return location, f"{context.sp:#x}", context.trust.value

    def _runtime_frame(self, step: Step) -> _Told:
        method, kind = (step.frame.method_desc, step.frame.kind) if step.frame is not None else (0, None)
        key = method, kind
        if key not in self._runtime_locations:
            name = self._named(method)
            found = FrameLocation(str(StepKind.RUNTIME), name.method, name.module, frame=kind, token=name.token)
            self._runtime_locations[key] = found
        return self._runtime_locations[key], f"{step.sp:#x}", _BY_RUNTIME

    def _managed_location(self, pc: int, code: CodeBlock | None, known: dict[int, FrameLocation]) -> FrameLocation:
        """Return what there is to say of managed code at ``pc``, and put it among what is ``known``."""
        known[pc] = FrameLocation(_MANAGED, None, ip=f"{pc:#x}") if code is None else self._location(pc, code)
        return known[pc]

    def _location(self, pc: int, code: CodeBlock) -> FrameLocation:
        found = self._runtime.location_of(code)
        file, line = (found.source.file, found.source.line) if found.source is not None else (None, None)
        named, ip, offset = self._named(code.method_desc), f"{pc:#x}", code.relative_offset + pc - code.address
        return replace(named, ip=ip, offset=offset, il_offset=found.il_offset, file=file, line=line)

    def _stub_frame(self, kind: str, context: WalkContext, code: CodeBlock) -> _Told:
        offset = code.relative_offset + context.pc - code.address
        location = FrameLocation(kind, code.stub or None, ip=f"{context.pc:#x}", offset=offset)
        return location, f"{context.sp:#x}", context.trust.value

    def _native_frame(self, context: WalkContext) -> _Told:
        frame = Frame(context.pc, context.sp, context.registers, context.trust, context.interrupted)
        found = self._names.named(frame)
        return found.location, found.sp, found.trust

    def _named(self, method_desc: int) -> FrameLocation:
        """Return the names of a method, as of managed code at no place."""
        if method_desc not in self._methods:
            self._methods[method_desc] = self._find_name(method_desc) if method_desc else _NAMELESS
        return self._methods[method_desc]

    def _find_name(self, method_desc: int) -> FrameLocation:
        try:
            method = self._runtime.method(method_desc)
            token = f"{method.token:#010x}" if method.token else None
            names = method.signature, self._module_of(method)
            return FrameLocation(_MANAGED, *names, source_name=method.source_name, token=token)
        except UNREADABLE:
            return _NAMELESS

    def _module_of(self, method: ClrMethod) -> str | None:
        address = method.module
        if not address:
            return None
        if address not in self._modules:
            self._modules[address] = self._runtime.loader.name_of(address).rpartition("/")[2]
        return self._modules[address] or None
