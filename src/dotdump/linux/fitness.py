"""Which thread of a stopped process may run a system call for us, best first.

Fit is a thread that runs 64-bit code, with no signal on its way, outside any restartable sequence, whose system calls
go to the kernel (not to a handler of SIGSYS, as programs for other systems have theirs), and on a stack that is surely
its own: the kernel's main stack, or a thread library's, which has the thread's control block at its top and lies above
a guard. Coroutines, goroutines and signal handlers on alternate stacks run on memory whose lower neighbour may belong
to somebody else; they are not fit. Source of truth: rseq and Syscall User Dispatch in the kernel's Documentation/, nptl
and musl's pthread_create, measurements of which system calls restart without a trace.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from dotdump.linux import ptrace
from dotdump.linux.inject import room_needed
from dotdump.linux.signal_frame import registers_of
from dotdump.linux.thread_state import (
    CODE_64,
    CS,
    ERESTART_RESTARTBLOCK,
    ERESTARTNOHAND,
    ERESTARTNOINTR,
    ERESTARTSYS,
    FS_BASE,
    ORIG_RAX,
    RAX,
    RSP,
)
from dotdump.memory.region import Protection
from dotdump.memory.region_table import RegionTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.linux.stop import TracedThread
    from dotdump.linux.thread_state import ThreadState
    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace

CONTROL_BLOCK = 256 << 10
"""Bytes at the top of a thread library's stack that hold thread-local storage and the control block, at most."""
_READ_WRITE = Protection.READ | Protection.WRITE
_EXEC_CALLS = frozenset((59, 322))
"""execve, execveat."""
_UNUSUAL_CALLS = frozenset((15, 130, 219))
"""rt_sigreturn, rt_sigsuspend, restart_syscall."""
_RANK_OF_RESTART = {-ERESTARTNOINTR: 1, -ERESTARTSYS: 2, -ERESTARTNOHAND: 2, -ERESTART_RESTARTBLOCK: 3}
_RSEQ_CS_OFFSET = 8
_POINTERS = (RSP, FS_BASE)
"""What says where a thread's stack and its control block are."""


def fit_threads(
    threads: Sequence[TracedThread], states: Sequence[ThreadState], regions: Sequence[Region], memory: AddressSpace
) -> list[tuple[TracedThread, ThreadState]]:
    """Return the threads that are fit, best first; ``states`` are those of all threads, also of unfit ones."""
    by_tid = {state.tid: state for state in states}
    starts = RegionTable.of(regions).starts
    pointers = sorted(values[index] for values in map(_values, states) for index in _POINTERS)
    ranked = []
    for thread in threads:
        state = by_tid.get(thread.tid)
        if state is None or thread.deliver or not _has_own_stack(state, pointers, regions, starts):
            continue
        rank = _rank(state, memory)
        if rank is not None and not ptrace.dispatches_calls(thread.tid):
            ranked.append((rank, thread.tid, thread, state))
    ranked.sort(key=lambda row: row[:2])
    return [(thread, state) for _, _, thread, state in ranked]


def _rank(state: ThreadState, memory: AddressSpace) -> int | None:
    """Return how much a thread may notice, None for one that is not fit.

    0 in a call that has its result, 1 to 3 in one that begins again, 4 outside of any, 5 in one that is unusual.
    """
    values = _values(state)
    if values[CS] != CODE_64 or not state.exact or values[ORIG_RAX] in _EXEC_CALLS:
        return None
    if values[ORIG_RAX] in _UNUSUAL_CALLS:
        return 5
    if values[ORIG_RAX] >= 1 << 63:
        return None if _in_restartable_sequence(state.tid, memory) else 4
    return _RANK_OF_RESTART.get(values[RAX] - (1 << 64), 0)


def _in_restartable_sequence(tid: int, memory: AddressSpace) -> bool:
    area = ptrace.rseq_area(tid)
    if not area:
        return False
    pointer = memory.read_available(area + _RSEQ_CS_OFFSET, 8)
    return len(pointer) < 8 or any(pointer)


def _values(state: ThreadState) -> list[int]:
    return registers_of(state.general)


def _has_own_stack(state: ThreadState, pointers: list[int], regions: Sequence[Region], starts: Sequence[int]) -> bool:
    values = _values(state)
    index = bisect_right(starts, values[RSP]) - 1
    if index < 0:
        return False
    stack = regions[index]
    below = values[RSP] - room_needed(state)
    if not stack.start <= below < values[RSP] < stack.end or stack.protection & _READ_WRITE != _READ_WRITE:
        return False
    if stack.shared or stack.inode or not _alone(values, pointers, stack):
        return False
    if stack.path == "[stack]":
        return True
    guarded = index > 0 and regions[index - 1].end == stack.start and not regions[index - 1].protection
    block = values[FS_BASE]
    return guarded and values[RSP] < block < stack.end <= block + CONTROL_BLOCK


def _alone(values: list[int], pointers: list[int], stack: Region) -> bool:
    """Whether no other thread has its stack or its control block in the same mapping; ``pointers`` are all, sorted."""
    own = sum(stack.start <= values[index] < stack.end for index in _POINTERS)
    return bisect_left(pointers, stack.end) - bisect_left(pointers, stack.start) == own
