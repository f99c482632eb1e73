"""Why a process died, as a paragraph and the last frames."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from dotdump.report.table import printable

if TYPE_CHECKING:
    from dotdump.analysis.crash import Crash

_WIDTH = 100
_INDENT = "    "


def render_crash(found: Crash, width: int | None) -> str:
    """Return the paragraph, the last frames and why there are no more, and where to look next."""
    paragraph = fill(printable(found.summary), width or _WIDTH, break_long_words=False, break_on_hyphens=False)
    frames = [f"at {printable(frame)}" for frame in found.frames]
    end = [f"({printable(found.end)})"] if found.end else []
    stack = "\n".join(f"{_INDENT}{line}" for line in (*frames, *end))
    return "\n\n".join(part for part in (paragraph, stack, f"next: {found.hint}") if part)
