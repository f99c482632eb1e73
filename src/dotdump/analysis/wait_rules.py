"""What a stack says of what its thread waits for, by the methods of the library on top of it.

The methods on top are the library's own down to the first that is the program's; of those that say something, the one
nearest to the program says it best: ``Task.Wait`` waits in ``Monitor.Wait``, which waits in the runtime.
Source of truth: System.Private.CoreLib, System.Net.Sockets and System.Console from 3.1 to 10.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class WaitKind(StrEnum):
    """What a thread waits for."""

    MONITOR = "monitor"
    """To enter a monitor: ``lock`` in C#."""
    PULSE = "Monitor.Wait"
    LOCK = "Lock"
    """``System.Threading.Lock``, from 9 on."""
    READER_WRITER_LOCK = "ReaderWriterLockSlim"
    SEMAPHORE = "SemaphoreSlim"
    EVENT = "ManualResetEventSlim"
    COUNTDOWN = "CountdownEvent"
    BARRIER = "Barrier"
    TASK = "task"
    JOIN = "thread"
    HANDLE = "wait handle"
    SLEEP = "sleep"
    SOCKET = "socket"
    INPUT = "read"
    PROCESS = "process"
    IDLE = "idle"
    """A thread of the library that has nothing to do."""


class Rule(NamedTuple):
    """A kind of wait, and the methods that tell it; ``words`` say it of a thread."""

    kind: WaitKind
    pattern: re.Pattern[str]
    words: str


def _rule(kind: WaitKind, pattern: str, words: str) -> Rule:
    return Rule(kind, re.compile(pattern), words)


RULES = (
    _rule(WaitKind.IDLE, r"System\.Threading\.(LowLevelLifoSemaphore|.*GateThread|.*WaitThread)", "waits for work"),
    _rule(WaitKind.IDLE, r"System\.Threading\.TimerQueue\.TimerThread", "waits until a timer is due"),
    _rule(WaitKind.IDLE, r"System\.Net\.Sockets\.SocketAsyncEngine\.EventLoop", "waits for events of sockets"),
    _rule(
        WaitKind.TASK,
        r"System\.Threading\.Tasks\.Task(`1.*)?\.(Wait|WaitAll|WaitAny|WaitAllCore|WaitAnyCore|InternalWait|InternalWaitCore|"
        r"SpinThenBlockingWait|get_Result|GetResultCore)",
        "waits for a task",
    ),
    _rule(
        WaitKind.TASK,
        r"System\.Runtime\.CompilerServices\..*Awaiter(`1.*)?\.(GetResult|HandleNonSuccessAndDebuggerNotification)",
        "waits for a task",
    ),
    _rule(WaitKind.LOCK, r"System\.Threading\.Lock\.", "waits for a Lock"),
    _rule(
        WaitKind.READER_WRITER_LOCK, r"System\.Threading\.ReaderWriterLockSlim\.", "waits for a ReaderWriterLockSlim"
    ),
    _rule(WaitKind.SEMAPHORE, r"System\.Threading\.SemaphoreSlim\.Wait", "waits for a SemaphoreSlim"),
    _rule(WaitKind.COUNTDOWN, r"System\.Threading\.CountdownEvent\.Wait", "waits for a CountdownEvent"),
    _rule(WaitKind.BARRIER, r"System\.Threading\.Barrier\.SignalAndWait", "waits at a Barrier"),
    _rule(WaitKind.EVENT, r"System\.Threading\.ManualResetEventSlim\.Wait", "waits for a ManualResetEventSlim"),
    _rule(WaitKind.JOIN, r"System\.Threading\.Thread\.Join", "waits for a thread to end"),
    _rule(WaitKind.PROCESS, r"System\.Diagnostics\.Process\.WaitForExit", "waits for a process to end"),
    _rule(WaitKind.PULSE, r"System\.Threading\.Monitor\.(Wait|ObjWait)", "is in Monitor.Wait"),
    _rule(WaitKind.MONITOR, r"System\.Threading\.Monitor\.(Enter|TryEnter|ReliableEnter)", "waits to enter a monitor"),
    _rule(WaitKind.SLEEP, r"System\.Threading\.Thread\.(Sleep|SleepInternal|UninterruptibleSleep)", "sleeps"),
    _rule(WaitKind.HANDLE, r"System\.Threading\.WaitHandle\.", "waits for a handle"),
    _rule(
        WaitKind.SOCKET,
        r"System\.Net\.Sockets\.Socket\.(Accept|Receive|Connect|Send|Poll|Select)",
        "waits for a socket",
    ),
    _rule(
        WaitKind.SOCKET,
        r"Interop\+Sys\.(<?(Accept|Receive|ReceiveMessage|Send|Connect|Poll|Select))\b",
        "waits for a socket",
    ),
    _rule(
        WaitKind.INPUT,
        r"(Interop\+Sys\.<?(Read|PRead)\b|System\.IO\.RandomAccess\.Read|System\.ConsolePal\.Read)",
        "reads",
    ),
)
"""A method is told by the first that fits."""

_LIBRARY = re.compile(r"(System|Microsoft|Interop|Internal|ILStubClass|DynamicClass\.IL_STUB)\b")
_DEPTH = 64


class Told(NamedTuple):
    """What a stack says: by which rule, and which of its methods says so, counted from the newest."""

    rule: Rule
    position: int


def tell_wait(methods: Sequence[str]) -> Told | None:
    """Return what methods, the newest first, say of what their thread waits for; None where they say nothing."""
    found: Told | None = None
    for position, method in enumerate(methods[:_DEPTH]):
        if not _LIBRARY.match(method):
            break
        rule = next((rule for rule in RULES if rule.pattern.match(method)), None)
        if rule is not None and (found is None or found.rule.kind is not WaitKind.IDLE):
            found = Told(rule, position)
    return found
