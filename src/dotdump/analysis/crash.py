"""Why a process died: signal, thread, managed exception and the last frames, and what of that is not known.

A runtime turns most of its ends into ``abort``: what led there is told by the exception that the thread was throwing,
by the one that the runtime keeps for the purpose, and by the methods on its stack.
"""

from __future__ import annotations

import signal
from enum import StrEnum
from typing import TYPE_CHECKING

from dotdump.analysis.crashed_thread import find_death
from dotdump.analysis.exceptions import ExceptionReader, ExceptionRow
from dotdump.analysis.fail_fast import FAIL_FAST, LastWords, caller_of_fail_fast, last_words
from dotdump.analysis.managed_stacks import list_stacks
from dotdump.analysis.signals import signal_name, signal_source
from dotdump.analysis.stacks import NATIVE
from dotdump.analysis.value_text import quoted
from dotdump.clr.model.exception import ClrException
from dotdump.errors import UNREADABLE
from dotdump.records import record, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.analysis.stacks import FrameLocation
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.thread import ClrThread
    from dotdump.target.core import CoreTarget
    from dotdump.target.model import Problem

_FRAMES = 64
_SHOWN = 12
_DEEP = 48
"""So many frames of one method on top of a stack are a recursion that did not end."""
_DISPATCH = "System.Runtime.EH."
_OF_A_FAULT = "System.RuntimeExceptionHelpers.GetRuntimeException("
_ACCESS_VIOLATION = "System.AccessViolationException"
_STACK_OVERFLOW = "System.StackOverflowException"
_MACHINERY = (
    _DISPATCH,
    "System.Runtime.StackFrameIterator.",
    "System.Runtime.ExceptionServices.InternalCalls.",
    _OF_A_FAULT,
    *FAIL_FAST,
)
"""Methods that bring the end about, and are not where it came from."""

_FATAL = "System.ExecutionEngineException"


class Cause(StrEnum):
    """What ended a process."""

    UNHANDLED_EXCEPTION = "unhandled exception"
    FAIL_FAST = "fail fast"
    STACK_OVERFLOW = "stack overflow"
    ACCESS_VIOLATION = "access violation"
    FATAL_ERROR = "fatal error of the runtime"
    SIGNAL = "signal"
    NONE = "none"


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


def explain_crash(target: CoreTarget, runtime: ClrRuntime) -> Crash:
    """Return why the process of a core died."""
    death = find_death(target, runtime)
    info, native = death.signal, death.thread
    thread = next((each for each in runtime.threads if native is not None and each.os_id == native.tid), None)
    stacks = list_stacks(runtime, threads=[thread.os_id], frames=_FRAMES) if thread is not None else None
    stack = stacks.threads if stacks is not None else ()
    frames = [frame.location for frame in stack[0].frames if frame.location.method] if stack else []
    methods = [str(frame.method) for frame in frames if frame.kind != NATIVE]
    caller = caller_of_fail_fast(methods)
    exceptions = _chain(runtime, _exception_of(thread, caller))
    number = info.signo if info is not None else 0
    cause = _cause(death.signo, thread, exceptions, methods)
    words = LastWords()
    if stacks is not None and cause is Cause.FAIL_FAST:
        words = last_words(runtime, stacks)
        exceptions = _chain(runtime, words.exception) or exceptions[1:]  # which the runtime put into one of its own
    crash = Crash(
        pid=target.process.pid,
        process=target.process.name,
        cause=cause,
        signal=signal_name(number) if number else None,
        address=f"{info.address:#x}" if info is not None and info.address is not None else None,
        sender=info.pid or None if info is not None else None,
        os_id=native.tid if native is not None else None,
        managed_id=thread.managed_id if thread is not None else None,
        thread_name=thread.name if thread is not None else native.name if native is not None else "",
        message=words.message,
        exceptions=exceptions,
        frames=tuple(_place(frame) for frame in frames[:_SHOWN]),
        end=stack[0].end if stack and len(frames) <= _SHOWN else "",
        summary="",
        hint=_HINTS[cause],
        problems=tuple(runtime.thread_problems),
    )
    culprit = next((f for f in frames if f.kind != NATIVE and not str(f.method).startswith(_MACHINERY)), None)
    source = signal_source(number, info.code if info else 0, crash.address, crash.sender)
    told = _told(crash, source, _place(culprit) if culprit is not None else "")
    return replace(told, summary=f"{told.summary} {_EVERY_CORE}") if info is not target.signal else told


def _exception_of(thread: ClrThread | None, caller: str | None) -> ClrObject | None:
    """Return the exception that a thread throws, or the one it remembers.

    Where ``caller`` called FailFast it is the runtime's own: what the thread was handling then did not end it.
    """
    if thread is None:
        return None
    if not _failed_fast(caller):
        return next(iter(thread.exceptions), None) or thread.current_exception
    found = thread.current_exception
    return found if found is not None and found.type.name == _FATAL else None


def _chain(runtime: ClrRuntime, found: ClrObject | None) -> tuple[ExceptionRow, ...]:
    """Return an exception and what led to it; none of what is none."""
    if found is None or not found.type.is_exception:
        return ()
    reader = ExceptionReader(runtime)
    try:
        return tuple(reader.row(each.source) for each in ClrException(found).chain)
    except UNREADABLE:
        return (reader.row(found),)


def _cause(number: int, thread: ClrThread | None, exceptions: Sequence[ExceptionRow], methods: Sequence[str]) -> Cause:
    newest = exceptions[0].type if exceptions else ""
    if not number or number in (signal.SIGSTOP, signal.SIGTRAP):
        return Cause.NONE
    if newest == _STACK_OVERFLOW or (number in (signal.SIGABRT, signal.SIGSEGV) and _is_endless(methods)):
        return Cause.STACK_OVERFLOW
    caller = caller_of_fail_fast(methods)
    if caller is not None and caller.startswith(_OF_A_FAULT):
        return Cause.ACCESS_VIOLATION
    if _failed_fast(caller):
        return Cause.FAIL_FAST
    if thread is not None and thread.exceptions:
        return Cause.ACCESS_VIOLATION if newest == _ACCESS_VIOLATION else Cause.UNHANDLED_EXCEPTION
    return Cause.FATAL_ERROR if newest == _FATAL and number == signal.SIGABRT else Cause.SIGNAL


def _failed_fast(caller: str | None) -> bool:
    """Return whether this is no part of what handles exceptions, which calls FailFast for one that nobody handles."""
    return caller is not None and not caller.startswith(_DISPATCH)


def _is_endless(methods: Sequence[str]) -> bool:
    return len(methods) >= _DEEP and len(set(methods[:_DEEP])) <= _DEEP // 8


def _place(frame: FrameLocation) -> str:
    return f"{frame.method} in {frame.file}:{frame.line}" if frame.file else str(frame.method)


def _told(crash: Crash, source: str, culprit: str) -> Crash:
    """Return ``crash`` with its summary; ``source`` is where the signal came from, ``culprit`` the method it was in."""
    who = f"thread {crash.os_id}" + (f' "{crash.thread_name}"' if crash.thread_name else "")
    sentences = [_FIRST[crash.cause].format(process=f"process {crash.pid} {crash.process}".rstrip(), who=who)]
    if crash.signal is not None and crash.cause is not Cause.NONE:
        sentences.append(f"The signal was {crash.signal}{source}.")
    if crash.message is not None:
        sentences.append(f"It said {quoted(crash.message, len(crash.message))}.")
    told = [f"{row.type}: {row.message}" if row.message else row.type for row in crash.exceptions]
    chain = ", caused by ".join(told).rstrip(".")
    if crash.cause is Cause.UNHANDLED_EXCEPTION or (crash.cause is Cause.ACCESS_VIOLATION and chain):
        sentences.append(f"The exception was {chain or 'one that cannot be read'}.")
    elif crash.cause is Cause.FAIL_FAST and chain:
        sentences.append(f"It was given {chain}.")
    if crash.cause is Cause.NONE:
        return replace(crash, summary=" ".join(sentences))
    if culprit:
        sentences.append(f"It was in {culprit}.")
    else:
        sentences.append("It has no managed frames of the program, or none that can be read.")
    return replace(crash, summary=" ".join(sentences))


_FIRST = {
    Cause.UNHANDLED_EXCEPTION: "{process} died because {who} threw an exception that nobody handled.",
    Cause.FAIL_FAST: "{process} ended itself: {who} called Environment.FailFast, or the runtime did as if it had.",
    Cause.STACK_OVERFLOW: "{process} died because {who} called deeper than its stack has room for.",
    Cause.ACCESS_VIOLATION: "{process} died because {who} touched memory that is not there or that it may not touch.",
    Cause.FATAL_ERROR: "{process} died of an error that the runtime calls fatal, on {who}: FailFast is one such.",
    Cause.SIGNAL: "{process} died of a signal that no managed exception explains, on {who}.",
    Cause.NONE: "{process} did not crash: the core says of no signal that it died of.",
}
_EVERY_CORE = "The SIGABRT in it is in every core that the createdump of this runtime writes."
_HINTS = {
    Cause.UNHANDLED_EXCEPTION: "dotdump exceptions CORE --held shows the frames of each exception",
    Cause.FAIL_FAST: "dotdump stacks CORE --objects shows the caller; what it said was written to standard error",
    Cause.STACK_OVERFLOW: "dotdump stacks CORE shows which methods call each other",
    Cause.ACCESS_VIOLATION: "look at unsafe code and at calls into native libraries near the frames",
    Cause.FATAL_ERROR: "dotdump stacks CORE --native shows what the thread was doing in the runtime",
    Cause.SIGNAL: "dotdump stacks CORE --native shows native frames; dotdump info CORE what the kernel says",
    Cause.NONE: "dotdump locks CORE and dotdump stacks CORE show what the threads were doing",
}
