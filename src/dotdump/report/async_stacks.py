"""Asynchronous stacks as text and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.records import replace
from dotdump.report.counting import counted
from dotdump.report.listing import Choice, choose, csv_text
from dotdump.report.table import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.async_stacks import AsyncFrame, AsyncStack, AsyncStacks

_RUNNING = -1
_THREAD_WAITS = "System.Threading.Tasks.Task+SetOnInvokeMres"
"""What a thread in ``Task.Wait`` registers."""


def select(found: AsyncStacks, choice: Choice) -> AsyncStacks:
    """Return those groups only that ``choice`` wants; its pattern is searched in methods and in types."""
    keys = {"depth": lambda stack: -len(stack.frames), "name": lambda stack: [frame.method for frame in stack.frames]}
    return replace(found, stacks=choose(found.stacks, choice, _names, keys))


def render_async_stacks(found: AsyncStacks, width: int | None) -> str:  # noqa: ARG001 - of a stack nothing is cut
    """Return each group, and a line of totals."""
    return "\n\n".join([*("\n".join(_lines(stack)) for stack in found.stacks), _totals(found)])


def async_stacks_csv(found: AsyncStacks) -> str:
    """Return the groups as CSV, the methods of each innermost first."""
    header = ("count", "awaits", "awaits_status", "awaits_address", "address", "frames")
    rows = (
        (s.count, s.awaits, s.awaits_status, s.awaits_address, s.frames[0].address, " < ".join(map(_text, s.frames)))
        for s in found.stacks
    )
    return csv_text(header, rows)


def _names(stack: AsyncStack) -> str:
    return "\n".join([stack.awaits or "", *(f"{frame.method}\n{frame.type}" for frame in stack.frames)])


def _lines(stack: AsyncStack) -> Iterator[str]:
    yield "1 stack" if stack.count == 1 else f"{stack.count:,} stacks, of which one"
    if stack.awaits is not None:
        status = f", {stack.awaits_status}" if stack.awaits_status else ""
        yield printable(f"    awaits {stack.awaits}  {stack.awaits_address}{status}")
    yield from (printable(f"    at {_text(frame)}  {frame.address}") for frame in stack.frames)


def _text(frame: AsyncFrame) -> str:
    if frame.type == _THREAD_WAITS:
        return "a thread that waits, in Task.Wait"
    if frame.state is None:
        return f"{frame.type}: {frame.method}" if frame.method else frame.type
    return f"{frame.method}, running" if frame.state == _RUNNING else f"{frame.method}, await {frame.state}"


def _totals(found: AsyncStacks) -> str:
    tasks = ", ".join(f"{count:,} {status}" for status, count in found.tasks.items()) or "none"
    return f"{counted(found.count, 'asynchronous stack')}; tasks: {tasks} ({found.runtime})"
