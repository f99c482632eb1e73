"""Stop a process at a moment that suits: as it is, or when a condition holds, within a budget of time."""

from __future__ import annotations

import time

from dotdump.linux.job_control import hold_stops, let_stops
from dotdump.linux.stop import StoppedWorld
from dotdump.linux.thread_state import capture_all
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dotdump.linux.thread_state import ThreadState

_RETRY_SECONDS = 0.002


@record
class Moment:
    """When to stop: ``suits`` is asked before a stop and in it; after ``seconds`` any moment will do."""

    suits: Callable[[], bool]
    seconds: float


class StoppedProcess:
    """A process that stands still, with the states of its threads. ``suited`` says whether the moment did.

    ``stops`` counts how often it was stopped, ``longest`` is the longest of those stops that came to nothing.
    """

    def __init__(self, pid: int, moment: Moment | None = None) -> None:
        self.stops = 0
        self.suited = True
        self.longest = 0.0
        deadline = time.monotonic() + (moment.seconds if moment else 0)
        while True:
            self._stop(pid)
            if moment is None or self._keep(moment, deadline):
                return
            self.release()
            self.world.close()
            while not moment.suits() and time.monotonic() < deadline:
                time.sleep(_RETRY_SECONDS)

    def _keep(self, moment: Moment, deadline: float) -> bool:
        try:
            self.suited = moment.suits()
        except BaseException:
            self._abandon()
            raise
        return self.suited or time.monotonic() >= deadline

    def _stop(self, pid: int) -> None:
        self.world = StoppedWorld(pid)
        self._held = hold_stops()
        try:
            self.world.seize()
            self.begun = time.monotonic()
            self.world.stop()
            self.states: Sequence[ThreadState] = capture_all(self.world)
        except BaseException:
            self._abandon()
            raise
        self.stops += 1

    def _abandon(self) -> None:
        try:
            self.world.close()
        finally:
            let_stops(self._held)

    def release(self) -> None:
        """Let it run on; threads that had not stopped are let go by ``world.close``."""
        try:
            self.world.release()
        finally:
            self.longest = max(self.longest, time.monotonic() - self.begun)
            let_stops(self._held)

    @property
    def live(self) -> int:
        """A thread that surely lives: a leader that has ended has no memory to ask for."""
        return next((state.tid for state in self.states if state.exact), self.world.pid)

    @property
    def problems(self) -> list[str]:
        """What could not be captured exactly."""
        late = [state.tid for state in self.states if not state.exact]
        if not late:
            return []
        return [f"threads {late} slept uninterruptibly: their registers are those of the system call"]
