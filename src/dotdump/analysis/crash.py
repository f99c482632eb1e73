"""Why a process died: signal, thread, managed exception and the last frames, and what of that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.crash_cause import Cause, cause_of, exception_of, is_machinery
from dotdump.analysis.crash_summary import HINTS, IN_EVERY_CORE, summary_of
from dotdump.analysis.crashed_thread import find_death
from dotdump.analysis.exceptions import ExceptionReader, ExceptionRow
from dotdump.analysis.fail_fast import last_words
from dotdump.analysis.managed_stacks import stack_of
from dotdump.analysis.signals import signal_name, signal_source
from dotdump.analysis.stacks import NATIVE
from dotdump.clr.model.exception import ClrException
from dotdump.errors import UNREADABLE
from dotdump.records import record, replace

if TYPE_CHECKING:
    from dotdump.analysis.crashed_thread import Death
    from dotdump.analysis.stacks import FrameLocation, StackList
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.thread import ClrThread
    from dotdump.target.core import CoreTarget
    from dotdump.target.model import Problem

_FRAMES = 64
_SHOWN = 12


@record
class Crash:
    """Why process ``pid`` died; ``exceptions`` are the one that did it and what led to it, the outermost first.

    Of ``FailFast`` they are the one that it was given, as ``message`` is, where a frame keeps that. ``signal`` is None
    where the core tells none, ``address`` that of a fault, ``sender`` a pid. ``end`` says why there are no more
    ``frames``, and is empty where there are, which are not shown. ``summary`` says it all in a paragraph, ``hint``
    where to look next; ``problems`` are of the runtime and its list of threads.
    """

    pid: int
    process: str
    cause: Cause
    signal: str | None
    address: str | None
    sender: int | None
    os_id: int | None
    managed_id: int | None
    thread_name: str
    message: str | None
    exceptions: tuple[ExceptionRow, ...]
    frames: tuple[str, ...]
    end: str
    summary: str
    hint: str
    problems: tuple[Problem, ...]


@record
class _Scene:
    """Where a process died: the thread, where the runtime knows it, and those of its frames that have names.

    ``end`` says why there are no more.
    """

    death: Death
    thread: ClrThread | None = None
    stacks: StackList | None = None
    frames: tuple[FrameLocation, ...] = ()
    end: str = ""

    @property
    def managed(self) -> list[FrameLocation]:
        """Its managed frames, the innermost first."""
        return [frame for frame in self.frames if frame.kind != NATIVE]

    @property
    def thread_name(self) -> str:
        """What the runtime calls the thread, or else the system."""
        known = self.thread or self.death.thread
        return known.name if known is not None else ""


def explain_crash(target: CoreTarget, runtime: ClrRuntime) -> Crash:
    """Return why the process of a core died."""
    scene = _scene_of(runtime, find_death(target, runtime))
    cause, exceptions, message = _explain(runtime, scene)
    told, native, thread = scene.death.signal, scene.death.thread, scene.thread
    crash = Crash(
        pid=target.process.pid,
        process=target.process.name,
        cause=cause,
        signal=signal_name(told.signo) if told is not None and told.signo else None,
        address=f"{told.address:#x}" if told is not None and told.address is not None else None,
        sender=told.pid or None if told is not None else None,
        os_id=native.tid if native is not None else None,
        managed_id=thread.managed_id if thread is not None else None,
        thread_name=scene.thread_name,
        message=message,
        exceptions=exceptions,
        frames=tuple(_place(frame) for frame in scene.frames[:_SHOWN]),
        end=scene.end if len(scene.frames) <= _SHOWN else "",
        summary="",
        hint=HINTS[cause],
        problems=tuple(runtime.thread_problems),
    )
    source = signal_source(told.signo, told.code, crash.address, crash.sender) if told is not None else ""
    summary = summary_of(crash, source, _culprit(scene))
    return replace(crash, summary=summary if told is target.signal else f"{summary} {IN_EVERY_CORE}")


def _scene_of(runtime: ClrRuntime, death: Death) -> _Scene:
    native = death.thread
    thread = next((each for each in runtime.threads if native is not None and each.os_id == native.tid), None)
    if thread is None:
        return _Scene(death)
    stacks = stack_of(runtime, thread, frames=_FRAMES)
    if not stacks.threads:
        return _Scene(death, thread, stacks)
    (stack, *_) = stacks.threads
    frames = tuple(frame.location for frame in stack.frames if frame.location.method)
    return _Scene(death, thread, stacks, frames, stack.end)


def _explain(runtime: ClrRuntime, scene: _Scene) -> tuple[Cause, tuple[ExceptionRow, ...], str | None]:
    """Return what ended a process, the exceptions behind it, and the message of ``FailFast``."""
    thread, methods = scene.thread, [str(frame.method) for frame in scene.managed]
    exceptions = _chain(runtime, exception_of(thread, methods) if thread is not None else None)
    cause = cause_of(scene.death.signo, thread, exceptions[0].type if exceptions else "", methods)
    if scene.stacks is None or cause is not Cause.FAIL_FAST:
        return cause, exceptions, None
    words = last_words(runtime, scene.stacks)
    given = _chain(runtime, words.exception) or exceptions[1:]  # which the runtime put into one of its own
    return cause, given, words.message


def _culprit(scene: _Scene) -> str:
    return next((_place(frame) for frame in scene.managed if not is_machinery(str(frame.method))), "")


def _chain(runtime: ClrRuntime, found: ClrObject | None) -> tuple[ExceptionRow, ...]:
    """Return an exception and what led to it; none of what is none."""
    if found is None or not found.type.is_exception:
        return ()
    reader = ExceptionReader(runtime)
    try:
        return tuple(reader.row(each.source) for each in ClrException(found).chain)
    except UNREADABLE:
        return (reader.row(found),)


def _place(frame: FrameLocation) -> str:
    return f"{frame.method} in {frame.file}:{frame.line}" if frame.file else str(frame.method)
