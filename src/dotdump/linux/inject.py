"""Run system calls in a stopped thread of another process, so that the thread survives us at any moment.

A debugger that changes a thread's registers and is killed leaves it to run on with them. So before its registers are
changed, a signal frame with its true state is laid on its stack, and the changed registers make it run ``syscall;
ret`` into ``rt_sigreturn``: if we are gone, the thread makes the one harmless call and then restores itself. While we
live, its state is put back by ptrace, as exactly as the kernel allows: at an EVENT_STOP, where an interrupted system
call is still restarted as if nothing had been.

Only on a stack that is surely a stack, with room: see ``fitness``. x86-64 only. Source of truth: ptrace(2),
rt_sigreturn(2), rseq in the kernel's Documentation, docs/decisions/0006.
"""

from __future__ import annotations

import os
import signal

from dotdump.errors import CollectError
from dotdump.linux import ptrace
from dotdump.linux.ptrace import Option
from dotdump.linux.ptrace_stop import Event, wait_for_stop
from dotdump.linux.signal_frame import build_frame, frame_size, registers_of
from dotdump.linux.thread_state import (
    ERESTART_RESTARTBLOCK,
    ERESTARTNOHAND,
    ERESTARTNOINTR,
    ERESTARTSYS,
    GENERAL,
    NO_SYSCALL,
    ORIG_RAX,
    R8,
    R9,
    R10,
    RAX,
    RDI,
    RDX,
    RIP,
    RSI,
    RSP,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.linux.gadgets import Gadgets
    from dotdump.linux.ptrace_stop import Stop
    from dotdump.linux.stop import TracedThread
    from dotdump.linux.thread_state import ThreadState

RED_ZONE = 128
STEP_SECONDS = 120.0
"""How long one system call may take: copying the page tables of a very large process is the longest."""
ENTRY_SECONDS = 2.0
"""How long a thread may take to begin one: it needs but a CPU, and does not get one while its group is frozen."""
ATTEMPTS = 20
_ARGUMENTS = (RDI, RSI, RDX, R10, R8, R9)
_ALL_SIGNALS = (1 << 64) - 1
LOST = 0xDD
"""Exit code of a forked child that has lost us."""
_EXIT_GROUP = 231
_RESTART_CODES = (-ERESTARTSYS, -ERESTARTNOINTR, -ERESTARTNOHAND, -ERESTART_RESTARTBLOCK)
_LAST_ERROR = 4095
_SIGNAL_NAMES = {number.value: number.name for number in signal.Signals}
"""The C library's own signals and most of the real-time ones have none."""


class DoesNotRun(CollectError):
    """The thread did not run when it was let go: a control group holds it frozen. ``end`` puts it back all the same."""


class Injection:
    """A stopped thread that runs system calls for us. ``begin``, ``call`` any number of times, ``end``."""

    def __init__(self, thread: TracedThread, state: ThreadState, gadgets: Gadgets) -> None:
        self._thread = thread
        self._tid = thread.tid
        self._state = state
        self._gadgets = gadgets
        self._begun = False
        self._stack = 0
        self.child_stack = 0

    def begin(self, options: Option = Option.NONE) -> None:
        """Lay the frames on the stack and set ptrace options; ``AccessDenied`` where an option is not permitted."""
        ptrace.set_options(self._tid, Option.TRACESYSGOOD | Option.TRACECLONE | options)
        room = frame_size(self._state.extended)
        self._stack = _call_aligned(registers_of(self._state.general)[RSP] - RED_ZONE - room)
        self.child_stack = _call_aligned(self._stack - frame_size(b""))
        self._write(self._stack, self._way_back())
        self._write(self.child_stack, self._way_out())

    def call(self, number: int, *arguments: int, on_clone: Callable[[int], None] | None = None) -> int:
        """Return what system call ``number`` returned; negative values are error numbers.

        ``on_clone`` is called with the id of a new process, in our PID namespace, as soon as there is one. Raises
        ``DoesNotRun``, ``CollectError`` for a call that does not end, ``ProcessGone``.
        """
        for _ in range(ATTEMPTS):
            self._begun = True
            ptrace.set_registers(self._tid, ptrace.NT_PRSTATUS, self._registers(number, arguments))
            ptrace.set_signal_mask(self._tid, _ALL_SIGNALS)
            self._run_call(on_clone)
            result = registers_of(ptrace.registers(self._tid, ptrace.NT_PRSTATUS))[RAX]
            result -= (1 << 64) if result >= (1 << 64) - _LAST_ERROR else 0
            if result not in _RESTART_CODES:
                return result
        raise CollectError(f"system call {number} in thread {self._tid} was interrupted {ATTEMPTS} times")

    def end(self) -> None:
        """Put the thread back to where it was; a second call does nothing."""
        if not self._begun:
            return
        self._begun = False
        # The mask before the registers: killed in between, the thread restores the rest itself.
        ptrace.set_signal_mask(self._tid, self._state.signal_mask)
        ptrace.interrupt(self._tid)
        ptrace.resume(self._tid)
        stop = self._next_stop()
        while not stop.is_group_or_interrupt:
            ptrace.resume(self._tid, self._passed_on(stop))
            stop = self._next_stop()
        ptrace.set_registers(self._tid, ptrace.NT_PRSTATUS, self._state.general)

    def _registers(self, number: int, arguments: tuple[int, ...]) -> bytes:
        values = registers_of(self._state.general)
        values[RAX], values[ORIG_RAX] = number, NO_SYSCALL
        values[RIP], values[RSP] = self._gadgets.syscall_return, self._stack
        for index, value in zip(_ARGUMENTS, (*arguments, 0, 0, 0, 0, 0, 0), strict=False):
            values[index] = value & NO_SYSCALL
        return GENERAL.pack(*values)

    def _way_back(self) -> bytes:
        """Return the thread as it was; a call that was interrupted begins again."""
        values = registers_of(self._state.general)
        result = values[RAX] - (1 << 64)
        if values[ORIG_RAX] < 1 << 63 and result in _RESTART_CODES:
            values[RAX] = values[ORIG_RAX]
            values[RIP] -= 2
        mask, extended = self._state.signal_mask, self._state.extended
        return build_frame(self._stack, self._gadgets.signal_return, values, mask, extended)

    def _way_out(self) -> bytes:
        """Return what a forked child that has lost us does: it leaves quietly."""
        values = registers_of(self._state.general)
        values[RAX], values[RDI] = _EXIT_GROUP, LOST
        values[RIP], values[RSP] = self._gadgets.syscall_return, self.child_stack
        return build_frame(self.child_stack, self._gadgets.signal_return, values, _ALL_SIGNALS)

    def _write(self, address: int, data: bytes) -> None:
        descriptor = os.open(f"/proc/{self._tid}/mem", os.O_WRONLY | os.O_CLOEXEC)
        try:
            written = os.pwrite(descriptor, data, address)
        finally:
            os.close(descriptor)
        if written != len(data):
            raise CollectError(f"the stack of thread {self._tid} ends at {address + written:#x}")

    def _run_call(self, on_clone: Callable[[int], None] | None) -> None:
        deliver = syscall_stops = 0
        while syscall_stops < 2:
            ptrace.resume_to_syscall(self._tid, deliver)
            stop = self._next_stop() if syscall_stops else self._entry()
            deliver = 0
            if stop.is_syscall:
                syscall_stops += 1
            elif stop.event == Event.CLONE:
                if on_clone is not None:
                    on_clone(ptrace.event_message(self._tid))
            elif not stop.is_group_or_interrupt:
                deliver = self._passed_on(stop)

    def _entry(self) -> Stop:
        """Return the stop at which a call begins. A frozen thread does not run, but it stops."""
        stop = wait_for_stop(self._tid, ENTRY_SECONDS)
        if stop is not None:
            return stop
        ptrace.interrupt(self._tid)
        stop = self._next_stop()
        if stop.is_group_or_interrupt:
            raise DoesNotRun(f"thread {self._tid} does not run, as if its control group were frozen")
        return stop

    def _passed_on(self, stop: Stop) -> int:
        """Return the signal to deliver: all can wait but SIGSTOP, which cannot be blocked and stops the group."""
        if stop.delivers == signal.SIGSTOP:
            return stop.delivers
        if stop.delivers:
            name = _SIGNAL_NAMES.get(stop.delivers, f"signal {stop.delivers}")
            raise CollectError(f"thread {self._tid} got {name} while it ran a system call for us")
        return 0

    def _next_stop(self) -> Stop:
        stop = wait_for_stop(self._tid, STEP_SECONDS)
        if stop is None:
            raise CollectError(f"thread {self._tid} did not come back from a system call within {STEP_SECONDS:.0f} s")
        return stop


def room_needed(state: ThreadState) -> int:
    """Return how many bytes below the stack pointer an injection uses."""
    return RED_ZONE + frame_size(state.extended) + frame_size(b"") + 64


def _call_aligned(address: int) -> int:
    """Return a stack pointer as a function sees it on entry: 8 below a multiple of 16."""
    return (address & -16) - 8
