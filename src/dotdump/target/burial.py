"""``bury_twin``: a process waits for its dead twin, and for those that killed dumpers left: nobody else can.

One more stop, of a few milliseconds. Source of truth: docs/decisions/0007, wait4(2).
"""

from __future__ import annotations

import time
from contextlib import ExitStack

from dotdump.errors import AccessDenied, CollectError, DotdumpError, ProcessGone
from dotdump.linux.fork_child import bury, left_behind, number_within
from dotdump.linux.inject import DoesNotRun
from dotdump.linux.live_memory import live_memory
from dotdump.linux.proc import Proc
from dotdump.linux.uninterrupted import uninterrupted
from dotdump.target.injecting import injection_of
from dotdump.target.stopping import StoppedProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.linux.fork_child import ForkedChild
    from dotdump.linux.gadgets import Gadgets
    from dotdump.linux.maps import MapsMemo
    from dotdump.memory.region import Region


PATIENCE_SECONDS = 2.0
"""How long a process is waited for that somebody else has begun to trace: another dumper lets it go soon."""
_RETRY_SECONDS = 0.02


def bury_twin(pid: int, twin: ForkedChild, gadgets: Gadgets, memo: MapsMemo) -> list[str]:
    """Have process ``pid`` wait for its dead ``twin`` and those of others; return what is to be said of it.

    ``memo`` has read its maps. That it has ended or cannot be stopped is no error: what was read of the twin is whole.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return _bury(pid, twin, gadgets, memo)
        except ProcessGone:
            return []  # init waits for the twin
        except CollectError as error:
            if not isinstance(error, AccessDenied) or time.monotonic() > until:
                return [f"process {pid} keeps its dead child {twin.inner_pid or twin.pid} as a zombie: {error.message}"]
        time.sleep(_RETRY_SECONDS)


def _bury(pid: int, twin: ForkedChild, gadgets: Gadgets, memo: MapsMemo) -> list[str]:
    """Do it, in one stop; raises as ``StoppedProcess`` does."""
    own = [twin.inner_pid] if twin.inner_pid else number_within(pid, twin.pid)
    others, problems = _left_behind(pid)
    dead = sorted({*own, *others})
    with ExitStack() as late, uninterrupted():
        stopped = StoppedProcess(pid)
        late.callback(stopped.world.close)
        try:
            kept = _wait_in(stopped, Proc(stopped.live).maps(memo), dead, gadgets)
        finally:
            stopped.release()
    return [*problems, *(f"process {pid} keeps its dead child {one} as a zombie" for one in kept)]


def _left_behind(pid: int) -> tuple[list[int], list[str]]:
    """Return dead twins of other dumpers, and a problem where these cannot be told: our own is buried all the same."""
    try:
        return left_behind(pid), []
    except DotdumpError as error:
        return [], [f"dead children of killed dumpers were not looked for: {error}"]


def _wait_in(stopped: StoppedProcess, regions: Sequence[Region], dead: list[int], gadgets: Gadgets) -> list[int]:
    """Return those of ``dead`` that could not be waited for."""
    with live_memory(stopped.live, regions) as memory:
        found = injection_of(stopped, regions, memory, gadgets)
    if found is None:
        return dead
    injection, options = found
    try:
        injection.begin(options)
        return [pid for pid in dead if not bury(injection, pid)]
    except DoesNotRun:
        return dead
    finally:
        injection.end()
