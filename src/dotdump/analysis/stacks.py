"""Stacks: what every thread was doing, frame by frame, and how each frame is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dotdump.limits import STACK_FRAMES, STACK_FRAMES_IN_ALL
from dotdump.memory.mapped_path import file_name
from dotdump.memory.region import region_at
from dotdump.records import record
from dotdump.unwind.frame import End, Frame
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.target.model import Module, Problem, Target, Thread

NATIVE = "native"
"""Kind of a frame whose code is in a file that is no assembly."""


@record
class StackObject:
    """A reference that a frame keeps, in a register or at an address on the stack: ``place``.

    ``address`` is that of the object, and ``offset`` how far into it an interior reference points; without a ``type``
    it is what the reference is itself, and ``value`` says why there is no object.
    """

    place: str
    address: str
    type: str
    value: str
    offset: int = 0
    interior: bool = False
    pinned: bool = False


@record
class StackVariable:
    """An argument or a local (``kind``) of a method, and its ``value`` in one line.

    ``place`` is a register or an address on the stack. Both are None where the code does not keep it at that place.
    """

    kind: str
    name: str
    type: str
    place: str | None
    value: str | None


@record
class FrameLocation:
    """A place in code, and what it is called. ``ip`` is where it goes on; ``offset`` of ``ip`` into ``method``.

    ``kind`` is ``managed``; ``runtime``: a place where managed code called the runtime, which left a Frame of the kind
    ``frame`` for it; ``stub``: code that the runtime made; ``native``; ``signal``: what the kernel put under a handler;
    ``code``: in no loaded ELF file, made by a compiler at run time, or mapped from a file that is none.
    ``method`` has its full signature where it is managed, and a metadata ``token`` as ``0x06000012``; ``il_offset`` is
    where in its IL. ``source_name`` says what its source calls it, where that is something else: of async methods,
    lambdas and local functions.
    """

    kind: str
    method: str | None
    module: str | None = None
    ip: str | None = None
    file: str | None = None
    line: int | None = None
    offset: int | None = None
    frame: str | None = None
    source_name: str = ""
    token: str | None = None
    il_offset: int | None = None


@record
class StackFrame:
    """One frame. ``location`` is that of all frames at the same place; ``sp`` the stack pointer there.

    Of a ``runtime`` one ``sp`` is where its Frame lies. ``trust`` as in ``FrameTrust``, or ``dac``. ``objects`` are
    those it keeps and ``variables`` the method's, where they were asked for.
    """

    location: FrameLocation
    sp: str
    trust: str
    objects: tuple[StackObject, ...] = ()
    variables: tuple[StackVariable, ...] = ()
    json_inline: ClassVar[str] = "location"


@record
class ThrownException:
    """An exception that a thread handles, throws, or remembers as the last one. ``hresult`` as in ``0x80131500``."""

    address: str
    type: str
    message: str | None
    hresult: str | None


@record
class ThreadStack:
    """One thread, its newest frame first; ``end`` says why there are no more.

    ``state`` is what the runtime says of it, in words; ``roles`` are ``finalizer``, ``gc``, ``thread pool worker``,
    ``timer``; ``gc_mode`` is ``cooperative`` where a collection has to wait for it. All are empty for a thread that the
    runtime does not know, which has no ``managed_id`` either. ``protected`` are objects that native code of the runtime
    keeps; ``objects_problem`` says why there may be more than those that are told of.
    """

    os_id: int
    managed_id: int | None
    name: str
    state: str
    exception: ThrownException | None
    frames: Sequence[StackFrame]
    end: str
    roles: tuple[str, ...] = ()
    gc_mode: str = ""
    protected: tuple[StackObject, ...] = ()
    objects_problem: str = ""


@record
class StackList:
    """The stacks of threads of process ``pid``: the thread that died first, if one did.

    ``runtime`` is the version of the .NET runtime in it, empty where it has none; ``problems`` says what could not be
    read of its threads.
    """

    pid: int
    process: str
    threads: tuple[ThreadStack, ...]
    runtime: str = ""
    problems: tuple[Problem, ...] = ()


def native_stacks(target: Target, *, threads: Sequence[int] = (), frames: int = STACK_FRAMES) -> StackList:
    """Return the native stacks of all threads, or of those with these ids, each of at most ``frames`` frames."""
    stacks = NativeStacks(target)
    chosen = [thread for thread in target.threads if not threads or thread.tid in threads]
    return StackList(
        target.process.pid, target.process.name, tuple(stacks.stack_of(thread, frames) for thread in chosen)
    )


class NativeStacks:
    """Walks threads of ``target`` with ``unwinder``, and remembers what it called their frames."""

    def __init__(self, target: Target, unwinder: NativeUnwinder | None = None) -> None:
        self._target = target
        self._unwinder = unwinder or NativeUnwinder(target)
        self._left = STACK_FRAMES_IN_ALL
        self._locations: dict[tuple[int, bool], FrameLocation] = {}

    def stack_of(self, thread: Thread, budget: int) -> ThreadStack:
        """Return the stack of one thread."""
        found: list[StackFrame] = []
        end = ""
        for step in self._unwinder.walk(self._unwinder.frame_of(thread), min(budget, self._left)):
            if isinstance(step, End):
                end = str(step)
            else:
                found.append(self.named(step))
        self._left -= len(found)
        return ThreadStack(thread.tid, None, self.name_of(thread), "", None, tuple(found), end)

    def name_of(self, thread: Thread) -> str:
        """Return the name that the system has for a thread; the first one has the name of the process."""
        process = self._target.process
        return thread.name or (process.name if thread.tid == process.pid else "")

    def function_at(self, address: int) -> str:
        """Return ``module!symbol+0x1c`` for a code address, ``module+0x1234`` without a symbol, or nothing."""
        module = self._unwinder.module_at(address)
        if module is None:
            return ""
        return symbol_text(module, address) or f"{file_name(module.path)}+{address - module.base:#x}"

    def named(self, frame: Frame) -> StackFrame:
        """Return a frame with the names of where it is."""
        key = frame.pc, frame.interrupted
        location = self._locations.get(key)
        if location is None:
            location = self._locations[key] = self._location(frame)
        return StackFrame(location, f"{frame.sp:#x}", str(frame.trust))

    def _location(self, frame: Frame) -> FrameLocation:
        ip = f"{frame.pc:#x}"
        module = self._unwinder.module_at(frame.lookup)
        is_signal = self._unwinder.is_signal_frame(frame)
        if module is None:
            kind, place = ("signal", frame.pc) if is_signal else ("code", frame.lookup)
            return FrameLocation(kind, None, self._mapped_file(place), ip)
        kind = "signal" if is_signal else NATIVE
        method, start = _symbol(module, frame.lookup)
        return FrameLocation(kind, method, module.path, ip, offset=None if start is None else frame.pc - start)

    def _mapped_file(self, address: int) -> str | None:
        region = region_at(self._target.regions, address)
        return region.path or None if region is not None else None


def symbol_text(module: Module, address: int) -> str:
    """Return ``module!symbol+0x1c`` for an address in ``module``, empty without a symbol."""
    method, start = _symbol(module, address)
    if method is None or start is None:
        return ""
    return f"{file_name(module.path)}!{method}" + (f"+{address - start:#x}" if address > start else "")


def _symbol(module: Module, address: int) -> tuple[str | None, int | None]:
    """Return the name without the version that symbol tables append, and where the function starts."""
    found = module.symbol_at(address)
    return (found[0].partition("@")[0], address - found[1]) if found else (None, None)
