"""Threads in uninterruptible sleep, of a process that may be busy: everyone is in it for a moment, now and then."""

from __future__ import annotations

import time

from dotdump.errors import CollectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.linux.proc import Proc

_UNINTERRUPTIBLE = "D"
_STEP_SECONDS = 0.05


def blocked_threads(proc: Proc, seconds: float = _STEP_SECONDS) -> tuple[int, ...]:
    """Return the threads that sleep uninterruptibly each time one looks, for ``seconds``; at once where none does."""
    try:
        blocked = [tid for tid in proc.tasks() if _is_blocked(proc, tid)]
    except CollectError:
        return ()
    deadline = time.monotonic() + seconds
    while blocked and time.monotonic() < deadline:
        time.sleep(_STEP_SECONDS)
        blocked = [tid for tid in blocked if _is_blocked(proc, tid)]
    return tuple(blocked)


def _is_blocked(proc: Proc, tid: int) -> bool:
    try:
        return proc.task(tid).stat().state == _UNINTERRUPTIBLE
    except CollectError:
        return False
