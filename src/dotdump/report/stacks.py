"""Stacks as text: a block for each thread, a line for each frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.report.table import printable, shorten

if TYPE_CHECKING:
    from dotdump.analysis.stacks import StackFrame, StackList, ThreadStack

_SURE = ("context", "cfi")
_BETWEEN_STACKS = "\n\n"


def render_stacks(stacks: StackList, width: int | None = None) -> str:
    """Return the stacks; frames that are guessed say by what."""
    return _BETWEEN_STACKS.join(_block(thread, width) for thread in stacks.threads)


def _block(thread: ThreadStack, width: int | None) -> str:
    title = f"thread {thread.os_id} {thread.name}".rstrip()
    rows = [_line(number, frame) for number, frame in enumerate(thread.frames)]
    lines = [title, *rows, f"     ({thread.end})"]
    return "\n".join(shorten(printable(line), width) if width else printable(line) for line in lines)


def _line(number: int, frame: StackFrame) -> str:
    guess = "" if frame.trust in _SURE else f"  [by {frame.trust}]"
    return f"{number:>4} {int(frame.ip, 16):016x}  {place_of(frame)}{guess}"


def place_of(frame: StackFrame) -> str:
    """Return ``module!method+0x1c`` as far as it is known."""
    module = (frame.module or "").rpartition("/")[2]
    method = f"{frame.method}+{frame.offset:#x}" if frame.method and frame.offset else frame.method or ""
    if frame.kind == "signal":
        method = f"<signal handler called> {method}".rstrip()
    return "!".join(part for part in (module, method) if part) or "??"
