"""Stack traces that exceptions carry: the frames passed so far, as the runtime appends them while it unwinds.

``_stackTrace`` holds an array of bytes; from 9 on also an array of objects whose first is that array and whose
others keep collectible methods alive. The array has room to grow: its header says how much is in use.
Source of truth: ``StackTraceArray`` in object.h, clrex.h; docs/design/datacontracts/Exception.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.data.stack_traces import StackTraceElement, StackTraceHeader
from dotdump.errors import LimitExceeded
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess


@record
class StackTraceFrame:
    """A frame of an exception's stack trace; ``method_desc`` is 0 where the runtime noted none."""

    ip: int
    sp: int
    method_desc: int


def read_stack_trace(access: DataAccess, start: int, length: int) -> tuple[StackTraceFrame, ...]:
    """Return the frames in the ``length`` bytes from ``start`` on, the elements of the array; where it threw first.

    Raises ``LimitExceeded`` where the header counts more than there is room for, ``MemoryFault``.
    """
    header, size = access.size("StackTraceArrayHeader"), access.size("StackTraceElement")
    if length < header:
        return ()
    count, room = StackTraceHeader(access, start).size, min((length - header) // size, limits.STACK_FRAMES)
    if count > room:
        raise LimitExceeded(f"{count} frames where there is room for {room}", source=f"stack trace at {start:#x}")
    elements = (StackTraceElement(access, start + header + size * number) for number in range(count))
    return tuple(StackTraceFrame(one.ip, one.sp, one.method_desc) for one in elements)
