"""``ForkedChild``: a copy-on-write twin of a stopped process, made by a system call injected there, and buried again.

The child is born traced and never runs an instruction of the program. It raises no SIGCHLD (no exit signal), dies
with us (EXITKILL, set on it alone: on the target it would kill that), is the first the out-of-memory killer takes, and
holds no descriptors of its own. When it is dead its parent must still wait for it, or a zombie stays: ``bury`` makes
the parent do so. Source of truth: clone(2), wait(2), close_range(2), ptrace(2).
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from dotdump.errors import CollectError, ProcessGone
from dotdump.linux import ptrace
from dotdump.linux.errors import system_error
from dotdump.linux.first_to_die import WORST
from dotdump.linux.inject import LOST
from dotdump.linux.proc import Proc
from dotdump.linux.ptrace import Option
from dotdump.linux.ptrace_stop import WALL, poll_stop, wait_for_stop
from dotdump.linux.signal_frame import registers_of
from dotdump.linux.thread_state import GENERAL, NO_SYSCALL, ORIG_RAX, RAX, RDI, RDX, RIP, RSI

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.linux.gadgets import Gadgets
    from dotdump.linux.inject import Injection

CLONE_FILES = 0x400
CLOSE_RANGE_UNSHARE = 2
BIRTH_SECONDS = DEATH_SECONDS = 30.0
_CLONE, _WAIT4, _CLOSE_RANGE = 56, 61, 436
_EVERY_DESCRIPTOR = 0xFFFFFFFF
_STEP_SECONDS = 0.0005


class ForkedChild:
    """A traced child of the target: ``pid`` as we see it, ``inner_pid`` as its parent does, 0 before that is told."""

    def __init__(self, pid: int, options: Option) -> None:
        self.pid = pid
        self.inner_pid = 0
        self._options = Option.TRACESYSGOOD | Option.EXITKILL | options
        self._alive = True

    def adopt(self) -> None:
        """Mark it as ours, wait for its birth, and make it die with us."""
        self._offer()
        if wait_for_stop(self.pid, BIRTH_SECONDS) is None:
            raise CollectError(f"the forked child {self.pid} did not appear within {BIRTH_SECONDS:.0f} s")
        ptrace.set_options(self.pid, self._options)

    def settle(self, gadgets: Gadgets) -> None:
        """Give up its share of the target's descriptors."""
        values = registers_of(ptrace.registers(self.pid, ptrace.NT_PRSTATUS))
        values[RAX], values[ORIG_RAX], values[RIP] = _CLOSE_RANGE, NO_SYSCALL, gadgets.syscall_return
        values[RDI], values[RSI], values[RDX] = 0, _EVERY_DESCRIPTOR, CLOSE_RANGE_UNSHARE
        ptrace.set_registers(self.pid, ptrace.NT_PRSTATUS, GENERAL.pack(*values))
        # Before Linux 5.9 it fails: the table stays shared with the target, and closing there is still closing.
        self._run_to_exit()

    def end(self) -> None:
        """Have it end, and do not wait until it has: its pid is its own until ``kill`` did."""
        if self._alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def kill(self) -> None:
        """End it; a second call does nothing."""
        if not self._alive:
            return
        self.end()
        self._alive = False
        deadline = time.monotonic() + DEATH_SECONDS
        try:
            while time.monotonic() < deadline:
                poll_stop(self.pid)
                time.sleep(_STEP_SECONDS)
        except ProcessGone:
            return
        raise CollectError(f"the forked child {self.pid} did not end within {DEATH_SECONDS:.0f} s")

    def _offer(self) -> None:
        """Offer it to the out-of-memory killer; ``left_behind`` knows it by that."""
        try:
            with open(f"/proc/{self.pid}/oom_score_adj", "wb", buffering=0) as score:
                score.write(b"%d" % WORST)
        except OSError:
            return  # a sandboxed /proc; it can still be chosen by its size

    def _run_to_exit(self) -> None:
        for _ in range(2):
            ptrace.resume_to_syscall(self.pid)
            if wait_for_stop(self.pid, BIRTH_SECONDS) is None:
                raise CollectError(f"the forked child {self.pid} hangs in a system call")


def fork(injection: Injection, options: Option, announce: Callable[[ForkedChild], None]) -> ForkedChild:
    """Fork the process of a begun injection and return the child, adopted; ``OSError`` where the kernel refuses.

    ``announce`` is given the child at once: it must be ended and buried even where it cannot be adopted.
    """
    born: list[ForkedChild] = []

    def adopt(pid: int) -> None:
        born.append(ForkedChild(pid, options))
        announce(born[-1])
        born[-1].adopt()

    result = injection.call(_CLONE, CLONE_FILES, injection.child_stack, on_clone=adopt)
    if result < 0:
        raise system_error(-result, "the target may not fork")
    if not born:
        raise CollectError(f"the target forked, but its child {result} was not announced")
    born[-1].inner_pid = result
    return born[-1]


def left_behind(pid: int) -> list[int]:
    """Return dead twins of dumpers that were killed, children of process ``pid``, as that counts processes.

    A child of ours ends without a signal to its parent, and was the first to be chosen by the out-of-memory killer or
    left by the way out that it was given. Empty where the kernel does not list children.
    """
    proc = Proc(pid)
    found = []
    for child in proc.children():
        try:
            if _is_dead_twin(Proc(child)):
                found += number_within(pid, child)
        except ProcessGone:
            continue
    return found


def number_within(pid: int, child: int) -> list[int]:
    """Return the number of a ``child`` of process ``pid`` as that counts processes; nothing where it is gone."""
    depth = len(Proc(pid).status().namespace_pids)
    try:
        return [Proc(child).status().namespace_pids[depth - 1]]
    except (ProcessGone, IndexError):
        return []


def _is_dead_twin(child: Proc) -> bool:
    stat = child.stat()
    if stat.state != "Z" or stat.exit_signal != 0:
        return False
    return stat.exit_status == LOST << 8 or child.read("oom_score_adj").strip() == b"%d" % WORST


def bury(injection: Injection, inner_pid: int) -> bool:
    """Make the parent wait for its dead child ``inner_pid``; return whether no zombie is left."""
    return injection.call(_WAIT4, inner_pid, 0, os.WNOHANG | WALL, 0) != 0
