"""Groups of stacks as text, the largest first."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from dotdump.report.counting import counted
from dotdump.report.table import fitted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.parallel_stacks import StackGroup, StackGroups

_INDENT = "    "


def render_groups(found: StackGroups, width: int | None) -> str:
    """Return a block for each group and how many threads are not shown."""
    blocks = ["\n".join(_block(group, width)) for group in found.groups]
    threads = counted(sum(group.count for group in found.groups), "thread")
    hidden = f", {found.hidden} idle or without managed frames not shown" if found.hidden else ""
    return "\n\n".join([*blocks, f"{threads} in {counted(len(blocks), 'group')}{hidden} ({found.runtime})"])


def _block(group: StackGroup, width: int | None) -> Iterator[str]:
    """Yield the lines of a group, frames as wide as the terminal: what says who waits for which object stays whole."""
    each = "each " if group.count > 1 else ""
    yield printable(f"{counted(group.count, 'thread')}{f', {each}{group.waits}' if group.waits else ''}")
    yield printable(f"{_INDENT}{', '.join(f'{thread.os_id} {thread.name}'.rstrip() for thread in group.threads)}")
    for frame, same in groupby(group.frames):
        times = sum(1 for _ in same)
        yield fitted(f"{_INDENT}at {frame}{f' ({times} times)' if times > 1 else ''}", width)
    if group.more:
        yield f"{_INDENT}... older frames, which are not compared: dotdump stacks shows them"
