"""What ended a process: told by its signal, the exceptions of the thread that died, and the methods on its stack.

A runtime turns most of its ends into ``abort``: what led there is told by the exception that the thread was throwing,
by the one that the runtime keeps for the purpose, and by who called ``FailFast``.
"""

from __future__ import annotations

import signal
from enum import StrEnum
from typing import TYPE_CHECKING

from dotdump.analysis.fail_fast import FAIL_FAST, caller_of_fail_fast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.thread import ClrThread

_DEEP = 48
"""So many frames of one method on top of a stack are a recursion that did not end."""
_DISPATCH = "System.Runtime.EH."
_OF_A_FAULT = "System.RuntimeExceptionHelpers.GetRuntimeException("
_ACCESS_VIOLATION = "System.AccessViolationException"
_STACK_OVERFLOW = "System.StackOverflowException"
_FATAL = "System.ExecutionEngineException"
_NO_DEATHS = (0, signal.SIGSTOP, signal.SIGTRAP)
_MACHINERY = (
    _DISPATCH,
    "System.Runtime.StackFrameIterator.",
    "System.Runtime.ExceptionServices.InternalCalls.",
    _OF_A_FAULT,
    *FAIL_FAST,
)


class Cause(StrEnum):
    """What ended a process."""

    UNHANDLED_EXCEPTION = "unhandled exception"
    FAIL_FAST = "fail fast"
    STACK_OVERFLOW = "stack overflow"
    ACCESS_VIOLATION = "access violation"
    FATAL_ERROR = "fatal error of the runtime"
    SIGNAL = "signal"
    NONE = "none"


def cause_of(signo: int, thread: ClrThread | None, newest: str, methods: Sequence[str]) -> Cause:
    """Return what ended a process; ``methods`` are those on the stack of the thread that died, the innermost first.

    ``newest`` is the type of what ``exception_of`` returns, empty where it has none.
    """
    if signo in _NO_DEATHS:
        return Cause.NONE
    if newest == _STACK_OVERFLOW or (signo in (signal.SIGABRT, signal.SIGSEGV) and _is_endless(methods)):
        return Cause.STACK_OVERFLOW
    caller = caller_of_fail_fast(methods)
    if caller is not None and caller.startswith(_OF_A_FAULT):
        return Cause.ACCESS_VIOLATION
    if _failed_fast(caller):
        return Cause.FAIL_FAST
    if thread is not None and thread.exceptions:
        return Cause.ACCESS_VIOLATION if newest == _ACCESS_VIOLATION else Cause.UNHANDLED_EXCEPTION
    return Cause.FATAL_ERROR if newest == _FATAL and signo == signal.SIGABRT else Cause.SIGNAL


def exception_of(thread: ClrThread, methods: Sequence[str]) -> ClrObject | None:
    """Return the exception that a thread throws, or the one it remembers.

    Where it called FailFast it is the runtime's own: what the thread was handling then did not end it.
    """
    if not _failed_fast(caller_of_fail_fast(methods)):
        return next(iter(thread.exceptions), None) or thread.current_exception
    found = thread.current_exception
    return found if found is not None and found.type.name == _FATAL else None


def is_machinery(method: str) -> bool:
    """Return whether a method brings the end about, and is not where it came from."""
    return method.startswith(_MACHINERY)


def _failed_fast(caller: str | None) -> bool:
    """Return whether this is no part of what handles exceptions, which calls FailFast for one that nobody handles."""
    return caller is not None and not caller.startswith(_DISPATCH)


def _is_endless(methods: Sequence[str]) -> bool:
    return len(methods) >= _DEEP and len(set(methods[:_DEEP])) <= _DEEP // 8
