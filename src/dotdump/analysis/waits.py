"""What each thread waits for: which lock, task or thread, as far as the runtime and its stack tell.

Of a monitor the runtime itself says which; of other locks, and of tasks, the methods on top of the stack say what
kind it is, and the object is the one of that kind whose address lies in their frames. Where several lie there, or
none, the object is not known, and that is what is said.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.analysis.wait_rules import WaitKind, tell_wait
from dotdump.clr.contracts.monitors import Monitors
from dotdump.clr.contracts.walk_step import Ending, Step, StepKind, WalkEnd
from dotdump.errors import UNREADABLE
from dotdump.formats.columns import whole_words
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dotdump.analysis.wait_rules import Told
    from dotdump.clr.contracts.monitors import Blocked, Monitor
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.thread import ClrThread

_WORD = 8
_FRAMES = 64


@record
class FrameOnTop:
    """A managed frame: the signature of its method, and from where to where it lies."""

    method: str
    sp: int
    caller_sp: int


@record
class ThreadWait:
    """What ``thread`` waits for, in ``words``; None of ``kind`` where nothing says that it waits.

    ``monitor`` is the address of the monitor that the runtime names, ``timeout`` in milliseconds, None for ever.
    ``methods`` are those of its managed frames, the newest first, of which there may be ``more``.
    """

    thread: ClrThread
    kind: WaitKind | None
    words: str
    monitor: int
    timeout: int | None
    methods: tuple[str, ...]
    more: bool = False
    stack: tuple[int, int] = (0, 0)
    """The part of its stack in which the object lies that it waits for: from the newest word to the end of the frame
    of the method that says so, and that of its caller."""


class Waits:
    """What the threads of one runtime wait for."""

    def __init__(self, runtime: ClrRuntime) -> None:
        self._runtime = runtime
        self.monitors = Monitors(runtime.access)

    @cached_property
    def by_address(self) -> dict[int, Monitor]:
        """The monitors by their own address."""
        return {monitor.address: monitor for monitor in self.monitors}

    @cached_property
    def threads(self) -> Sequence[ThreadWait]:
        """What each thread waits for that lives."""
        return tuple(self.of(thread) for thread in self._runtime.threads if thread.is_alive)

    def of(self, thread: ClrThread) -> ThreadWait:
        """Return what one thread waits for."""
        frames, more = self._frames(thread)
        methods = tuple(frame.method for frame in frames)
        told = tell_wait(methods)
        blocked = next(iter(self.monitors.blocked(thread.address)), None)
        kind, words = (told.rule.kind, told.rule.words) if told is not None else (None, "")
        if blocked is not None and (kind is None or kind is WaitKind.IDLE or not blocked.is_wait):
            kind = WaitKind.PULSE if blocked.is_wait else WaitKind.MONITOR
            words = "is in Monitor.Wait" if blocked.is_wait else "waits to enter a monitor"
        monitor, timeout = _named(blocked)
        return ThreadWait(thread, kind, words, monitor, timeout, methods, more, self._part(thread, frames, told))

    def objects_on_stack(self, wait: ThreadWait, wanted: Collection[int]) -> list[int]:
        """Return which of the objects at the addresses ``wanted`` the frames of a wait refer to, the newest first."""
        start, end = wait.stack
        if not start or not wanted:
            return []
        data = self._runtime.access.reader.memory.read_available(start, min(end - start, limits.WAITING_STACK))
        words = whole_words(data)
        return list(dict.fromkeys(word for word in words if word in wanted))

    def _frames(self, thread: ClrThread) -> tuple[list[FrameOnTop], bool]:
        """Return the managed frames on top of a stack, and whether it goes on behind them."""
        *steps, ending = thread.walk(budget=_FRAMES)
        frames = [
            FrameOnTop(self._method(step.code.method_desc), step.sp, step.caller_sp)
            for step in steps
            if isinstance(step, Step) and step.kind is StepKind.MANAGED and step.code is not None
        ]
        return frames, isinstance(ending, Ending) and ending.reason is WalkEnd.BUDGET

    def _method(self, method_desc: int) -> str:
        try:
            return self._runtime.method(method_desc).signature
        except UNREADABLE:
            return "?"

    @staticmethod
    def _part(thread: ClrThread, frames: Sequence[FrameOnTop], told: Told | None) -> tuple[int, int]:
        if told is None or thread.native is None:
            return (0, 0)
        caller = frames[min(told.position + 1, len(frames) - 1)]
        start = thread.native.stack_pointer & ~(_WORD - 1)
        return (start, caller.caller_sp) if caller.caller_sp > start else (0, 0)


def _named(blocked: Blocked | None) -> tuple[int, int | None]:
    return (blocked.address, blocked.timeout) if blocked is not None else (0, None)
