"""Stacks: what every thread was doing, frame by frame, and how each frame is known."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.limits import STACK_FRAMES, STACK_FRAMES_IN_ALL
from dotdump.unwind.frame import End, Frame
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.target.model import Module, Target, Thread


@dataclass(frozen=True, slots=True)
class StackFrame:
    """One frame. ``ip`` is where it goes on, ``sp`` its stack pointer there; ``offset`` of ``ip`` into ``method``.

    ``kind`` is ``native``, ``signal`` (what the kernel put under a handler) or ``code`` (in no loaded ELF file: made by
    a compiler at run time, or mapped from a file that is none). ``trust`` as in ``FrameTrust``.
    """

    method: str | None
    module: str | None
    ip: str
    sp: str
    kind: str
    trust: str
    file: str | None = None
    line: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class ThreadStack:
    """One thread, its newest frame first; ``end`` says why there are no more."""

    os_id: int
    managed_id: int | None
    name: str
    state: str
    exception: None
    frames: tuple[StackFrame, ...]
    end: str


@dataclass(frozen=True, slots=True)
class StackList:
    """The stacks of threads of process ``pid``: the thread that died first, if one did."""

    pid: int
    process: str
    threads: tuple[ThreadStack, ...]


def native_stacks(target: Target, *, threads: Sequence[int] = (), frames: int = STACK_FRAMES) -> StackList:
    """Return the native stacks of all threads, or of those with these ids, each of at most ``frames`` frames."""
    stacks = _NativeStacks(target)
    chosen = [thread for thread in target.threads if not threads or thread.tid in threads]
    return StackList(
        target.process.pid, target.process.name, tuple(stacks.stack_of(thread, frames) for thread in chosen)
    )


class _NativeStacks:
    """Walks threads of ``target``, and remembers what it called their frames."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._unwinder = NativeUnwinder(target)
        self._left = STACK_FRAMES_IN_ALL
        self._places: dict[int, tuple[str | None, str | None, int | None, str]] = {}

    def stack_of(self, thread: Thread, budget: int) -> ThreadStack:
        """Return the stack of one thread."""
        found: list[StackFrame] = []
        end = ""
        for step in self._unwinder.walk(self._unwinder.frame_of(thread), min(budget, self._left)):
            if isinstance(step, End):
                end = str(step)
            else:
                found.append(self._named(step))
        self._left -= len(found)
        process = self._target.process
        name = thread.name or (process.name if thread.tid == process.pid else "")
        return ThreadStack(thread.tid, None, name, "", None, tuple(found), end)

    def _named(self, frame: Frame) -> StackFrame:
        place = self._places.get(frame.lookup)
        if place is None:
            place = self._places[frame.lookup] = self._place(frame)
        method, module, start, kind = place
        return StackFrame(
            method,
            module,
            f"{frame.pc:#x}",
            f"{frame.sp:#x}",
            kind,
            str(frame.trust),
            offset=None if start is None else frame.pc - start,
        )

    def _place(self, frame: Frame) -> tuple[str | None, str | None, int | None, str]:
        """Return method, module, the method's start and the kind of frame at an address."""
        module = self._unwinder.module_at(frame.lookup)
        if module is None:
            return None, self._mapped_file(frame.lookup), None, "code"
        kind = "signal" if self._unwinder.is_signal_frame(frame) else "native"
        method, start = _symbol(module, frame.lookup)
        return method, module.path, start, kind

    def _mapped_file(self, address: int) -> str | None:
        index = bisect_right(self._starts, address) - 1
        region = self._target.regions[index] if index >= 0 else None
        return region.path or None if region is not None and address < region.end else None

    @cached_property
    def _starts(self) -> list[int]:
        return [region.start for region in self._target.regions]


def _symbol(module: Module, address: int) -> tuple[str | None, int | None]:
    """Return the name without the version that symbol tables append, and where the function starts."""
    found = module.symbol_at(address)
    return (found[0].partition("@")[0], address - found[1]) if found else (None, None)
