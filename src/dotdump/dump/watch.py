"""Watch a process while somebody else dumps it: how long it stands still, and who holds it.

Only looks, at /proc; what falls between two looks it does not see, so a pause is given as its upper bound.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from dotdump.dump.subject import STOPPED, TRACED
from dotdump.errors import DotdumpError
from dotdump.linux.identity import ProcessIdentity
from dotdump.linux.proc import Proc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.subject import Subject
    from dotdump.linux.process_stat import ProcessStat


_AT_WORK = frozenset("RD")
"""States of a process that runs, or waits for a processor or a disk."""
STOPPED_SECONDS = 0.3
"""A stop by a signal that is on the way through a tracer is over sooner."""


class Watch:
    """Sees a tracer come, hold the process, and go. ``helper`` is the tracer, held; ``close`` lets go of it."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._running_at = time.monotonic()
        self._paused_from: float | None = None
        self._released_at: float | None = None
        self._stopped_at: float | None = None
        self._started_somebody = False
        self._reaped_before = subject.reaped_faults()
        self._born_after = int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
        self.helper: ProcessIdentity | None = None
        self.helper_name = ""
        self._helper_is_child = False
        self._helper_ticks = 0
        self._helper_worked_at = self._running_at

    @property
    def pause(self) -> float | None:
        """Seconds for which the process stood still, at most; None where it was not seen to stand still."""
        if self._paused_from is None:
            return None
        return (self._released_at or time.monotonic()) - self._paused_from

    @property
    def holding(self) -> bool:
        """Whether the process stood still at the last look."""
        return self._paused_from is not None and self._released_at is None

    def look(self) -> None:
        """Look once."""
        now, state = time.monotonic(), self._subject.state()
        if state == TRACED:
            self._paused_from = self._paused_from or self._running_at
            self._released_at = None
            if self.helper is None:
                self._hold_helper()
            return
        self._stopped_at = None if state != STOPPED else self._stopped_at or now
        self._started_somebody = self._started_somebody or bool(self._new_children())
        self._running_at = now
        if self._paused_from is not None and self._released_at is None:
            self._released_at = now
        if self.helper is not None:
            self._look_at_helper(self.helper, now)

    def quiet_for(self) -> float:
        """Return for how many seconds the process has run again and its helper has not worked; 0 where it is held."""
        return 0.0 if self._released_at is None else time.monotonic() - max(self._released_at, self._helper_worked_at)

    def helper_runs(self) -> bool:
        """Return whether the process that held the subject is still there."""
        return self.helper is not None and not self.helper.poll()

    def left_stopped(self) -> bool:
        """Return whether a dumper has died and left the process stopped by a signal, as ptrace's ATTACH does.

        Told from a stop that somebody else wanted by the child that was started for the dump and lives no more: it was
        seen, or has come and gone between two looks.
        """
        if self._stopped_at is None or time.monotonic() - self._stopped_at < STOPPED_SECONDS or self._subject.tracer():
            return False
        came = self._started_somebody or self.helper is not None or self._subject.reaped_faults() > self._reaped_before
        return came and not (self._newborn() or self.helper_runs())

    def end_helper(self) -> bool:
        """Kill the process that held the subject, and return whether: only a child of it that holds it no more.

        Whoever else traces the subject is a debugger of somebody's.
        """
        import signal

        if self.helper is None or self.helper.pidfd is None or not self._helper_is_child or self.holding:
            return False
        try:
            signal.pidfd_send_signal(self.helper.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def describe(self) -> str:
        """Return what is going on in the target, for somebody who gives up waiting."""
        pid, state = self._subject.pid, self._subject.state()
        if state == STOPPED:
            return f"process {pid} is stopped by a signal, so its runtime cannot go on before it gets SIGCONT"
        if self.helper_runs() and self.helper is not None:
            doing = "still holds it, and lets it go when it has finished" if state == TRACED else "is still there"
            return f"{self.helper_name or 'the dumper'} (process {self.helper.pid}) of process {pid} {doing}"
        for child, name in self._newborn():
            return f"process {pid} has started {name} (process {child}), which has not begun, or not ended, its work"
        return f"the runtime of process {pid} may still be busy with the request, or not have begun it"

    def close(self) -> None:
        """Let go of the helper. A second call does nothing."""
        if self.helper is not None:
            self.helper.close()

    def _look_at_helper(self, helper: ProcessIdentity, now: float) -> None:
        with suppress(DotdumpError):
            stat = Proc(helper.pid).stat()
            if stat.processor_ticks != self._helper_ticks or stat.state in _AT_WORK:
                self._helper_ticks, self._helper_worked_at = stat.processor_ticks, now

    def _newborn(self) -> list[tuple[int, str]]:
        """Return the living children that came since the dump was asked for, by pid and name."""
        return [(stat.pid, stat.name) for stat in self._new_children() if stat.state != "Z"]

    def _new_children(self) -> list[ProcessStat]:
        found = []
        for child in self._subject.children():
            with suppress(DotdumpError):
                found.append(Proc(child).stat())
        return [stat for stat in found if stat.start_time >= self._born_after]

    def _hold_helper(self) -> None:
        tracer = self._subject.tracer()
        if not tracer:
            return
        with suppress(DotdumpError):
            helper = ProcessIdentity.open(tracer)
            try:
                stat = Proc(tracer).stat()
            except DotdumpError:
                helper.close()
                raise
            self.helper, self.helper_name, self._helper_is_child = helper, stat.name, stat.parent == self._subject.pid
