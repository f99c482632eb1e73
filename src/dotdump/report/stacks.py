"""Stacks as text: a block for each thread, a line for each frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.memory.mapped_path import file_name
from dotdump.report.table import fitted

if TYPE_CHECKING:
    from dotdump.analysis.stacks import (
        FrameLocation,
        StackFrame,
        StackList,
        StackObject,
        StackVariable,
        ThreadStack,
        ThrownException,
    )

_SURE = ("context", "cfi", "unwind codes", "runtime frame")
_BETWEEN_STACKS = "\n\n"
WORTH_SAYING = ("unstarted", "dead", "background", "abort requested", "interrupted")
"""What a state may have that tells one thread from another."""


def render_stacks(stacks: StackList, width: int | None = None) -> str:
    """Return the stacks; frames that are guessed say by what."""
    said: dict[int, str] = {}
    return _BETWEEN_STACKS.join(_block(thread, width, said) for thread in stacks.threads)


def _block(thread: ThreadStack, width: int | None, said: dict[int, str]) -> str:
    """Return the lines of a thread; ``said`` has what was said of a location that others share, by where that is."""
    exception = [f"     {exception_text(thread.exception)}"] if thread.exception is not None else []
    rows = [line for number, frame in enumerate(thread.frames) for line in _lines(number, frame, said)]
    kept = ["     kept by native code of the runtime", *map(_object, thread.protected)] if thread.protected else []
    problem = [f"     (objects: not all are known: {thread.objects_problem})"] if thread.objects_problem else []
    lines = [_title(thread), *exception, *rows, *kept, f"     ({thread.end})", *problem]
    return "\n".join(fitted(line, width) for line in lines)


def _title(thread: ThreadStack) -> str:
    if thread.managed_id is None:
        return f"thread {thread.os_id} {thread.name}".rstrip()
    where = f"thread {thread.os_id}" if thread.os_id else "thread without a thread of the system"
    words = [word for word in thread.state.split(", ") if word in WORTH_SAYING]
    modes = ["cooperative"] if thread.gc_mode == "cooperative" else []
    said = ", ".join([f"managed {thread.managed_id}", *thread.roles, *words, *modes])
    return f"{where} {thread.name}".rstrip() + f" ({said})"


def exception_text(exception: ThrownException) -> str:
    """Return the type and the first line of the message of an exception."""
    message = (exception.message or "").partition("\n")[0]
    return f"{exception.type}: {message}" if message else exception.type


def _lines(number: int, frame: StackFrame, said: dict[int, str]) -> list[str]:
    return [_line(number, frame, said), *map(_variable, frame.variables), *map(_object, frame.objects)]


def _variable(found: StackVariable) -> str:
    value = "not kept here" if found.value is None else f"{found.value}  ({found.place})"
    return f"{found.kind:>21}  {found.name}: {found.type} = {value}"


def _object(found: StackObject) -> str:
    into = f"+{found.offset:#x}" if found.offset else ""
    what = " ".join(part for part in (found.type, found.value) if part)
    marks = "  [pinned]" if found.pinned else ""
    return f"{found.place:>21}  {found.address}{into}  {what}{marks}"


def _line(number: int, frame: StackFrame, said: dict[int, str]) -> str:
    guess = "" if frame.trust in _SURE else f"  [by {frame.trust}]"
    place = said.get(id(frame.location))
    if place is None:
        place = said[id(frame.location)] = _where(frame.location)
    return f"{number:>4} {place}{guess}"


def _where(found: FrameLocation) -> str:
    ip = f"{int(found.ip, 16):016x}" if found.ip else " " * 16
    return f"{ip}  {place_of(found)}{_source_of(found)}"


def _source_of(found: FrameLocation) -> str:
    return f"  [{found.file}:{found.line}]" if found.file else ""


def place_of(found: FrameLocation) -> str:
    """Return a managed method by its signature, native code as ``module!method+0x1c``, as far as it is known."""
    if found.kind == "runtime":
        return f"[{found.frame}{f': {found.method}' if found.method else ''}]"
    if found.kind == "managed":
        name = found.method or "<managed code without a name>"
        return f"{name}  ({found.source_name})" if found.source_name else name
    if found.kind == "stub":
        return f"[stub{f': {found.method}' if found.method else ''}]"
    module = file_name(found.module or "")
    method = f"{found.method}+{found.offset:#x}" if found.method and found.offset else found.method or ""
    if found.kind == "signal":
        method = f"<signal handler called> {method}".rstrip()
    return "!".join(part for part in (module, method) if part) or "??"
