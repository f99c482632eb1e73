"""Stop every thread of a process, to a fixed point, and let it go again as it was.

Signals are never sent. A thread in uninterruptible sleep is waited for ``QUIET_SECONDS``, then reported and left to
itself (``late``); it is let go when it does stop. A stopped process (SIGSTOP) stays stopped afterwards, and a signal
that was just being delivered is delivered on release. Source of truth: ptrace(2), "Group-stop", "PTRACE_EVENT stops".
"""

from __future__ import annotations

import time
from threading import get_native_id

from dotdump.errors import AccessDenied, CollectError, ProcessGone
from dotdump.linux import ptrace
from dotdump.linux.errors import FILTER_HINT
from dotdump.linux.proc import Proc, name_of
from dotdump.linux.ptrace_stop import poll_stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.linux.ptrace_stop import Stop

QUIET_SECONDS = 0.05
"""How long no further thread may stop before those that sleep uninterruptibly are given up."""
DEADLINE_SECONDS = 10.0
"""How long a thread that could run may take to stop, on a machine with a long run queue."""
LATE_SECONDS = 2.0
"""How long ``close`` waits for threads that had not stopped."""
ROUNDS = 1000
"""How often new threads are looked for: threads that are born faster than they can be seized end this."""
_PAUSE_SECONDS = 0.00005


class TracedThread:
    """A seized thread: ``stop`` is None while it runs; ``deliver`` the signal to hand back when it is let go."""

    __slots__ = ("deliver", "stop", "tid")

    def __init__(self, tid: int) -> None:
        self.tid = tid
        self.stop: Stop | None = None
        self.deliver = 0

    def stopped_with(self, stop: Stop) -> None:
        """Remember a stop, and the signal that it holds back."""
        self.stop = stop
        self.deliver = stop.delivers


class StoppedWorld:
    """All threads of a process: ``seize`` them, ``stop`` them, ``release`` them. One use each; ``close`` at the end.

    ``ours`` are threads that an earlier world still traces, for they did not stop: they are passed over.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.threads: dict[int, TracedThread] = {}
        self.ours: set[int] = set()
        self._passed_over: set[int] = set()

    @property
    def stopped(self) -> list[TracedThread]:
        """The threads that stand still."""
        return [thread for thread in self.threads.values() if thread.stop is not None]

    @property
    def late(self) -> list[TracedThread]:
        """The threads that did not stop: uninterruptible sleep, or a parent in vfork(2)."""
        return [thread for thread in self.threads.values() if thread.stop is None]

    def seize(self) -> None:
        """Become the tracer of every thread, while all run on. Says who traces it already, where somebody does."""
        for _ in range(ROUNDS):
            if not self._seize_new():
                break
        if not self.threads:
            self._require_sleepers()

    def stop(self) -> None:
        """Stop every thread, those born meanwhile as well; the pause begins here."""
        waiting = list(self.threads.values())
        for _ in range(ROUNDS):
            self._interrupt(waiting)
            self._wait_for(waiting)
            waiting = self._seize_new()
            if not waiting:
                break
        else:
            raise CollectError(f"process {self.pid} starts threads faster than they can be stopped")
        if not self.threads and not self.ours:
            raise ProcessGone(f"process {self.pid} has ended while it was being stopped")

    def release(self) -> None:
        """Let every stopped thread run on; the pause ends here. ``late`` threads stay for ``release_late``."""
        for thread in self.stopped:
            self._detach(thread)

    def release_late(self) -> list[TracedThread]:
        """Let those go that have stopped meanwhile, without waiting; return those that still have not."""
        for thread in self.late:
            self._reap(thread)
            if thread.stop is not None or self._stop_was_lost(thread):
                self._detach(thread)
        return self.late

    def close(self) -> list[int]:
        """Release everything; return those that still sleep uninterruptibly. They run on when they wake or we end.

        A thread that was seized only is stopped for it: none can be let go as it runs, and one that nobody lets go
        stands still at its next signal.
        """
        self.release()
        self._interrupt(self.late)
        deadline = time.monotonic() + LATE_SECONDS
        while self.release_late() and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS * 20)
        return [thread.tid for thread in self.late]

    def _seize_new(self) -> list[TracedThread]:
        new = []
        for tid in _thread_ids(self.pid):
            if tid in self.threads or tid in self._passed_over:
                continue
            self.threads[tid] = TracedThread(tid)  # before it is ours: Ctrl-C may come between
            try:
                if self._seize(tid):
                    new.append(self.threads[tid])
                    continue
            except CollectError:
                del self.threads[tid]
                raise
            del self.threads[tid]
            self._passed_over.add(tid)
        return new

    def _seize(self, tid: int) -> bool:
        try:
            ptrace.seize(tid)
        except ProcessGone:
            return False
        except AccessDenied:
            if thread_state(self.pid, tid) in ("Z", "X", ""):
                return False
            if not _is_ours(self.pid, tid):
                raise _refusal(self.pid, tid) from None
            self.ours.add(tid)
            return False
        return True

    def _require_sleepers(self) -> None:
        """Raise where no thread was seized, unless all are ours already and do not stop."""
        if not self.ours:
            raise ProcessGone(f"process {self.pid} has no thread left to stop")
        for tid in self.ours:
            if thread_state(self.pid, tid) == "t":
                raise _refusal(self.pid, tid)

    def _interrupt(self, threads: list[TracedThread]) -> None:
        for thread in threads:
            try:
                ptrace.interrupt(thread.tid)
            except ProcessGone:
                self._reap(thread)

    def _wait_for(self, threads: list[TracedThread]) -> None:
        waiting = {thread.tid: thread for thread in threads if thread.tid in self.threads}
        begun = quiet_since = time.monotonic()
        while waiting:
            if self._collect_stops(waiting):
                quiet_since = time.monotonic()
                continue
            now = time.monotonic()
            if now - quiet_since > QUIET_SECONDS and self._may_give_up(waiting, now - begun):
                return
            time.sleep(_PAUSE_SECONDS)

    def _collect_stops(self, waiting: dict[int, TracedThread]) -> bool:
        """Drop from ``waiting`` what has stopped or ended; return whether there was any."""
        before = len(waiting)
        for thread in list(waiting.values()):
            self._reap(thread)
            if thread.stop is not None or thread.tid not in self.threads:
                del waiting[thread.tid]
        return len(waiting) < before

    def _may_give_up(self, waiting: dict[int, TracedThread], seconds: float) -> bool:
        if all(thread_state(self.pid, tid) in ("D", "Z", "X", "") for tid in waiting):
            return True
        if seconds > DEADLINE_SECONDS:
            tids = ", ".join(map(str, waiting))
            raise CollectError(f"threads {tids} of process {self.pid} did not stop within {DEADLINE_SECONDS:.0f} s")
        return False

    def _detach(self, thread: TracedThread) -> None:
        try:
            ptrace.detach(thread.tid, thread.deliver)
        except ProcessGone:
            thread.stop = None  # killed in the stop: it is ours until its end has been waited for
            self._reap(thread)
        else:
            del self.threads[thread.tid]

    def _reap(self, thread: TracedThread) -> None:
        """Take note of a stop of ``thread``, or of its end: until we have, nobody else is told of that."""
        try:
            stop = poll_stop(thread.tid)
        except ProcessGone:
            del self.threads[thread.tid]
            return
        if stop is not None:
            thread.stopped_with(stop)

    def _stop_was_lost(self, thread: TracedThread) -> bool:
        """Whether ``thread`` stands still and Ctrl-C came before that was noted. No stop is taken that has a signal."""
        if thread_state(self.pid, thread.tid) != "t":
            return False
        self._reap(thread)
        return thread.tid in self.threads


def thread_state(pid: int, tid: int) -> str:
    """Return the state letter of a thread as /proc/PID/task/TID/stat has it; empty where it has ended."""
    try:
        return Proc(pid).task(tid).stat().state
    except ProcessGone:
        return ""


def require_held(pid: int, tid: int) -> None:
    """Raise ``ProcessGone`` unless a thread that we had stopped still stands.

    The kernel wakes it before it takes anything from a process that it kills, for want of memory even before that
    ends: what was seen of a process is surely its own where a thread stands still afterwards.
    """
    if thread_state(pid, tid) != "t":
        raise ProcessGone(f"process {pid} was killed while it was dumped")


def _is_ours(pid: int, tid: int) -> bool:
    """Whether this very thread of ours traces it: each dumps on its own."""
    try:
        return Proc(pid).task(tid).status().tracer == get_native_id()
    except ProcessGone:
        return False


def _thread_ids(pid: int) -> list[int]:
    try:
        return Proc(pid).tasks()
    except ProcessGone:
        return []


def _refusal(pid: int, tid: int) -> AccessDenied:
    tracer = Proc(pid).task(tid).status().tracer
    if not tracer and ptrace.is_refused():
        return AccessDenied("a filter of system calls (seccomp) refuses ptrace to dotdump", hint=FILTER_HINT)
    if not tracer:
        return AccessDenied(
            f"process {pid} may not be traced",
            hint="'dotdump doctor' names the missing right: same user, CAP_SYS_PTRACE, Yama, seccomp",
        )
    name = name_of(tracer)
    return AccessDenied(
        f"process {pid} is already traced by process {tracer}{f' ({name})' if name else ''}",
        hint="only one debugger, strace or dumper at a time; end the other one first",
    )
