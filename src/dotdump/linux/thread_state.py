"""``ThreadState``: what ptrace tells of one stopped thread, as bytes; and what /proc tells of one that did not stop.

Parsing is left for after the pause. x86-64 only: the registers are those of ``user_regs_struct``. Source of truth:
ptrace(2), proc_pid_syscall(5), signal(7) "Interruption of system calls and library functions by stop signals".
"""

from __future__ import annotations

import errno
import os
import signal
from struct import Struct

from dotdump.errors import CollectError, ProcessGone
from dotdump.linux import ptrace
from dotdump.linux.proc import Proc
from dotdump.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.linux.stop import StoppedWorld, TracedThread

GENERAL = Struct("<27Q")
"""``user_regs_struct``."""
RAX, RCX, RDX, RSI, RDI, ORIG_RAX, RIP, CS, EFLAGS, RSP, SS = 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20
R10, R8, R9, R11 = 7, 9, 8, 6
FS_BASE = 21
"""Indexes into ``user_regs_struct``."""
NO_SYSCALL = (1 << 64) - 1
ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK = 512, 513, 514, 516
"""What a call returns, negated, that was interrupted and that the kernel makes begin again: include/linux/errno.h."""
CODE_64 = 0x33
"""``__USER_CS``: a thread with another code segment runs 32-bit code."""
_FXSAVE_SIZE = 512
_USER_DATA = 0x2B

_EINTR = (1 << 64) - errno.EINTR
_SOCKET_CALLS = frozenset((42, 43, 44, 45, 46, 47, 288, 299, 307))
"""connect, accept, sendto, recvfrom, sendmsg, recvmsg, accept4, recvmmsg, sendmmsg: of a socket that has a timeout."""
_BARE_EINTR = _SOCKET_CALLS | {65, 128, 208, 220, 232, 281, 426, 441}
"""semop, rt_sigtimedwait, io_getevents, semtimedop, epoll_wait, epoll_pwait, io_uring_enter, epoll_pwait2: these return
EINTR for any stop. Nothing was done then that would be done twice: of what was sent or received in part they tell."""
_TRANSFERS = frozenset((0, 1, 19, 20))
"""read, write, readv, writev: of sockets as the calls above; what EINTR means elsewhere is for a driver to say."""


@record
class ThreadState:
    """``general`` is NT_PRSTATUS's pr_reg, ``floating`` NT_PRFPREG, ``extended`` NT_X86_XSTATE (may be empty).

    ``exact`` is False for a thread that did not stop: registers are what its system call shows, the rest is zero.
    ``signal_mask`` is of signals that are blocked, ``pending`` of those that wait for this thread alone.
    """

    tid: int
    general: bytes
    floating: bytes
    extended: bytes
    siginfo: bytes
    signal_mask: int
    exact: bool = True
    pending: int = 0


def capture_all(world: StoppedWorld) -> list[ThreadState]:
    """Return the states of all threads of a stopped process; our stop is hidden from the calls that would show it."""
    states = []
    for thread in world.stopped:
        try:
            states.append(hide_interruption(thread, capture(thread)))
        except ProcessGone:
            continue  # killed in the stop
    late = (thread.tid for thread in world.late)
    states += [approximate(world.pid, tid) for tid in (*late, *sorted(world.ours))]
    return states


def capture(thread: TracedThread) -> ThreadState:
    """Return the state of a stopped thread; raises ``ProcessGone`` where it was killed meanwhile."""
    tid = thread.tid
    general = ptrace.registers(tid, ptrace.NT_PRSTATUS)
    if len(general) != GENERAL.size:
        raise CollectError(f"thread {tid} is a 32-bit one: only 64-bit x86 processes can be captured")
    extended = _extended(tid)
    floating = extended[:_FXSAVE_SIZE] if extended else ptrace.registers(tid, ptrace.NT_PRFPREG)
    mask, pending = ptrace.signal_mask(tid), ptrace.pending_signals(tid)
    return ThreadState(tid, general, floating, extended, _siginfo(tid), mask, pending=pending)


def approximate(pid: int, tid: int) -> ThreadState:
    """Return what /proc says of a thread that did not stop: number and arguments of its call, stack and program."""
    values = [0] * 27
    words = _syscall_words(pid, tid)
    if len(words) >= 3:
        values[ORIG_RAX] = int(words[0], 0) & NO_SYSCALL
        values[RSP], values[RIP] = int(words[-2], 16), int(words[-1], 16)
        for index, word in zip((RDI, RSI, RDX, R10, R8, R9), words[1:-2], strict=False):
            values[index] = int(word, 16)
        values[RAX], values[CS], values[SS] = (1 << 64) - errno.ENOSYS, CODE_64, _USER_DATA
    return ThreadState(tid, GENERAL.pack(*values), bytes(_FXSAVE_SIZE), b"", b"", 0, exact=False)


def hide_interruption(thread: TracedThread, state: ThreadState) -> ThreadState:
    """Keep our stop from surfacing as EINTR in calls that never expect it; return the state to record.

    These calls are made to restart unless a handler runs. A finite timeout then begins anew.
    """
    values = list(GENERAL.unpack(state.general))
    by_interrupt = (
        thread.stop is not None and thread.stop.is_group_or_interrupt and thread.stop.signal == signal.SIGTRAP
    )
    if not by_interrupt or values[RAX] != _EINTR or values[CS] != CODE_64 or not _is_bare(state.tid, values):
        return state
    values[RAX] = (1 << 64) - ERESTARTNOHAND
    general = GENERAL.pack(*values)
    ptrace.set_registers(state.tid, ptrace.NT_PRSTATUS, general)
    return replace(state, general=general)


def _is_bare(tid: int, values: list[int]) -> bool:
    """Whether the call of these registers returns EINTR for a stop that is no signal."""
    call = values[ORIG_RAX]
    return call in _BARE_EINTR or (call in _TRANSFERS and _is_socket(tid, values[RDI] & 0xFFFFFFFF))


def _is_socket(tid: int, descriptor: int) -> bool:
    try:
        return os.readlink(f"/proc/{tid}/fd/{descriptor}").startswith("socket:")
    except OSError:
        return False


def _extended(tid: int) -> bytes:
    try:
        return ptrace.registers(tid, ptrace.NT_X86_XSTATE)
    except OSError as error:
        if error.errno in (errno.ENODEV, errno.EINVAL):
            return b""
        raise


def _siginfo(tid: int) -> bytes:
    try:
        return ptrace.siginfo(tid)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return b""  # a group-stop has none
        raise


def _syscall_words(pid: int, tid: int) -> list[str]:
    try:
        return os.fsdecode(Proc(pid).task(tid).read("syscall")).split()
    except (ProcessGone, PermissionError):
        return []
