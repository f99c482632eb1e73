"""Groups of stacks as text, the largest first."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from dotdump.report.table import fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.parallel_stacks import StackGroup, StackGroups

_INDENT = "    "


def render_groups(found: StackGroups, width: int | None) -> str:
    """Return a block for each group and how many threads are not shown."""
    blocks = ["\n".join(fitted(line, width) for line in _block(group)) for group in found.groups]
    threads = sum(group.count for group in found.groups)
    hidden = f", {found.hidden} idle or without managed frames not shown" if found.hidden else ""
    return "\n\n".join([*blocks, f"{threads} threads in {len(blocks)} groups{hidden} ({found.runtime})"])


def _block(group: StackGroup) -> Iterator[str]:
    plural = "" if group.count == 1 else "s"
    yield f"{group.count} thread{plural}{f', {group.waits}' if group.waits else ''}"
    yield f"{_INDENT}{', '.join(f'{thread.os_id} {thread.name}'.rstrip() for thread in group.threads)}"
    for frame, same in groupby(group.frames):
        times = sum(1 for _ in same)
        yield f"{_INDENT}at {frame}{f' ({times} times)' if times > 1 else ''}"
