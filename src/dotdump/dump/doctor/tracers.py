"""Who traces a process: a debugger may hold one thread of it and leave the others alone."""

from __future__ import annotations

from dotdump.errors import CollectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.linux.proc import Proc


def tracer_of(proc: Proc) -> int:
    """Return the pid of who traces its main thread, or else any other thread of it; 0 for nobody."""
    return next((tracer for tracer in _tracers(proc) if tracer), 0)


def _tracers(proc: Proc) -> Iterator[int]:
    try:
        yield proc.status().tracer
        tids = proc.tasks()
    except CollectError:
        return
    for tid in tids:
        try:
            yield proc.task(tid).status().tracer
        except CollectError:
            continue
