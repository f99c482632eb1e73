"""What createdump calls a crash report: every thread with its frames, as numbers and names, and its exception.

Everything is read from a core or a process as any analysis does; nothing of the runtime's own report is taken over.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dotdump.analysis.crashed_thread import find_death
from dotdump.analysis.managed_stacks import exception_of
from dotdump.analysis.stacks import NativeStacks
from dotdump.clr.contracts.walk_step import Ending, StepKind
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import UNREADABLE, ClrError, DotdumpError
from dotdump.formats.metadata import schema
from dotdump.limits import STACK_FRAMES
from dotdump.records import record, replace
from dotdump.target.core import CoreTarget
from dotdump.unwind.frame import End, Frame
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.stacks import ThrownException
    from dotdump.clr.contracts.walk_step import Step
    from dotdump.clr.model.method import ClrMethod
    from dotdump.clr.model.thread import ClrThread
    from dotdump.target.model import Problem, Target, Thread


@record
class ReportedFrame:
    """A frame. ``address`` is where it goes on and ``offset`` how far that is into its function, or else its module.

    A managed one has the ``token`` of its method and ``il_offset``, and of its module the numbers that tell its build.
    """

    is_managed: bool
    address: int
    stack_pointer: int
    module_address: int
    offset: int
    name: str
    module: str
    token: int = 0
    il_offset: int | None = None
    timestamp: int = 0
    image_size: int = 0
    mvid: str = ""


@record
class ReportedThread:
    """A thread; ``registers`` are its instruction, stack and frame pointer."""

    os_id: int
    is_managed: bool
    crashed: bool
    registers: tuple[int, int, int]
    exception: ThrownException | None
    frames: tuple[ReportedFrame, ...]


@record
class CrashReport:
    """All threads of a process, the one that died first; ``problems`` are those of the runtime's."""

    process: str
    architecture: str
    runtime: str
    threads: tuple[ReportedThread, ...]
    problems: tuple[Problem, ...]


def crash_report(target: Target) -> CrashReport:
    """Return what is to be reported of ``target``; without a runtime that is native frames alone."""
    try:
        runtime: ClrRuntime | None = ClrRuntime.of(target)
    except ClrError:
        runtime = None
    reporter = _Reporter(target, runtime)
    crashed = _crashed(target, runtime)
    threads = sorted(target.threads, key=lambda thread: thread.tid != crashed)
    return CrashReport(
        target.process.name,
        str(target.platform.architecture),
        runtime.version if runtime is not None else "",
        tuple(reporter.thread(thread, crashed=thread.tid == crashed) for thread in threads),
        tuple(runtime.thread_problems) if runtime is not None else (),
    )


def _crashed(target: Target, runtime: ClrRuntime | None) -> int:
    """Return the id of the thread that died; 0 for none, as in a process that runs."""
    if runtime is None or not isinstance(target, CoreTarget):
        return next((thread.tid for thread in target.threads if thread.signal), 0)
    death = find_death(target, runtime)
    return death.thread.tid if death.thread is not None and death.signo else 0


@record
class _Module:
    base: int = 0
    name: str = ""
    timestamp: int = 0
    image_size: int = 0
    mvid: str = ""


class _Reporter:
    """Walks threads, and remembers what it learnt of methods and modules."""

    def __init__(self, target: Target, runtime: ClrRuntime | None) -> None:
        managed = runtime if runtime is not None and runtime.kind is RuntimeKind.CORECLR else None
        self._runtime = managed
        self._unwinder = managed.stack_walker.native if managed is not None else NativeUnwinder(target)
        self._names = NativeStacks(target, self._unwinder)
        self._threads = {thread.os_id: thread for thread in runtime.threads} if runtime is not None else {}
        self._modules: dict[int, _Module] = {}
        self._places: dict[tuple[int, bool], ReportedFrame] = {}

    def thread(self, thread: Thread, *, crashed: bool) -> ReportedThread:
        """Return what there is to say of one thread."""
        managed = self._threads.get(thread.tid)
        return ReportedThread(
            thread.tid,
            managed is not None,
            crashed,
            (thread.instruction_pointer, thread.stack_pointer, _frame_pointer(thread)),
            exception_of(managed) if managed is not None else None,
            tuple(self._frames(thread, managed)),
        )

    def _frames(self, thread: Thread, managed: ClrThread | None) -> Iterator[ReportedFrame]:
        if managed is None or self._runtime is None:
            for step in self._unwinder.walk(self._unwinder.frame_of(thread), STACK_FRAMES):
                if not isinstance(step, End):
                    yield self._native(step)
            return
        for found in managed.walk(native=True):
            if isinstance(found, Ending) or found.context is None:
                continue
            if found.kind is StepKind.MANAGED and found.code is not None:
                place = found.context.pc, found.context.interrupted
                if place not in self._places:  # a stack that overflowed has thousands of frames at one
                    self._places[place] = self._managed(self._runtime, found)
                yield replace(self._places[place], stack_pointer=found.context.sp)
            else:
                at = found.context
                yield self._native(Frame(at.pc, at.sp, at.registers, at.trust, at.interrupted))

    def _native(self, frame: Frame) -> ReportedFrame:
        named = self._names.named(frame).location
        module = self._unwinder.module_at(frame.lookup)
        base = module.base if module is not None else 0
        offset = named.offset if named.offset is not None else frame.pc - base if base else 0
        name = PurePosixPath(named.module).name if named.module else ""
        return ReportedFrame(
            is_managed=False,
            address=frame.pc,
            stack_pointer=frame.sp,
            module_address=base,
            offset=offset,
            name=named.method or "",
            module=name,
        )

    def _managed(self, runtime: ClrRuntime, step: Step) -> ReportedFrame:
        context, code = step.context, step.code
        assert context is not None  # noqa: S101 - the caller looked
        assert code is not None  # noqa: S101 - as above
        offset = code.relative_offset if context.interrupted else code.relative_offset + 1
        try:
            method: ClrMethod | None = runtime.method(code.method_desc)
            name = method.signature if method is not None else ""
            il_offset = runtime.location_of(code).il_offset
        except UNREADABLE:
            method, name, il_offset = None, "", None
        module = self._module(runtime, method.module if method is not None else 0)
        return ReportedFrame(
            is_managed=True,
            address=context.pc,
            stack_pointer=context.sp,
            module_address=module.base,
            offset=offset,
            name=name,
            module=module.name,
            token=method.token if method is not None else 0,
            il_offset=il_offset,
            timestamp=module.timestamp,
            image_size=module.image_size,
            mvid=module.mvid,
        )

    def _module(self, runtime: ClrRuntime, address: int) -> _Module:
        if address and address not in self._modules:
            try:
                self._modules[address] = _read_module(runtime, address)
            except DotdumpError:
                self._modules[address] = _Module()
        return self._modules.get(address, _Module())


def _read_module(runtime: ClrRuntime, address: int) -> _Module:
    image, metadata = runtime.loader.find_image(address), runtime.loader.find_metadata(address)
    mvid = metadata.guid(metadata.row(schema.Module, 1).mvid) if metadata is not None else None
    return _Module(
        image.base if image is not None else 0,
        runtime.loader.name_of(address),
        image.timestamp if image is not None else 0,
        image.size_of_image if image is not None else 0,
        str(mvid) if mvid is not None else "",
    )


def _frame_pointer(thread: Thread) -> int:
    return next((thread.registers[name] for name in ("rbp", "x29") if name in thread.registers), 0)
