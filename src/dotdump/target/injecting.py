"""``injection_of``: how system calls can be run in a stopped process: in which thread, with which options of ptrace.

Filters of system calls (seccomp) are each thread's own: what one needs says nothing of another. The state that a thread
restores itself from must not be larger than what the kernel takes of it: where the thread has not asked for AMX, no
tiles, or all registers but those of SSE become zero. Source of truth: seccomp(2), ptrace(2) "PTRACE_O_SUSPEND_SECCOMP",
pid_namespaces(7), ``check_xstate_in_sigframe`` in arch/x86/kernel/fpu/signal.c.
"""

from __future__ import annotations

from dotdump.formats.xsave import without_tiles
from dotdump.linux.fitness import fit_threads
from dotdump.linux.inject import Injection
from dotdump.linux.proc import Proc
from dotdump.linux.ptrace import Option
from dotdump.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.linux.gadgets import Gadgets
    from dotdump.linux.process_memory import ProcessMemory
    from dotdump.memory.region import Region
    from dotdump.target.stopping import StoppedProcess

_LOOKED_AT = 8
"""How many threads are asked for what is theirs: what the best have, mostly all have, and there may be thousands."""


def injection_of(
    stopped: StoppedProcess, regions: Sequence[Region], memory: ProcessMemory, gadgets: Gadgets, *, forks: bool = False
) -> tuple[Injection, Option] | None:
    """Return an injection that has not begun, and what to begin it with; None where no thread is fit for one now.

    Of fit threads one without a filter is preferred: suspending that is not everybody's right. None that ``forks`` may
    put its child into a new pid namespace: that child would be init there, and with it the namespace would end.
    """
    fit = fit_threads(stopped.world.stopped, stopped.states, regions, memory)[:_LOOKED_AT]
    if forks:
        fit = [(thread, state) for thread, state in fit if _keeps_children(stopped.world.pid, thread.tid)]
    if not fit or not gadgets.still_there(memory):
        return None
    filtered = [_is_filtered(stopped.world.pid, thread.tid) for thread, _ in fit]
    chosen = filtered.index(False) if False in filtered else 0
    thread, state = fit[chosen]
    injection = Injection(thread, replace(state, extended=without_tiles(state.extended)), gadgets)
    return injection, Option.SUSPEND_SECCOMP if filtered[chosen] else Option.NONE


def _is_filtered(pid: int, tid: int) -> bool:
    return bool(Proc(pid).task(tid).status().seccomp)


def _keeps_children(pid: int, tid: int) -> bool:
    return Proc(pid).task(tid).children_share_pid_namespace()
