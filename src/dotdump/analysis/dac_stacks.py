"""Managed stacks as the runtime's own debugging library tells them: a second opinion, or all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.stacks import FrameLocation, StackFrame, StackList, ThreadStack
from dotdump.clr.contracts.threads import ThreadState
from dotdump.clr.contracts.walk_step import WalkEnd
from dotdump.clr.dac.native_dac import NativeDac, find_dac
from dotdump.clr.runtime_module import RuntimeKind, runtime_modules
from dotdump.errors import NotFound, RuntimeNotFound
from dotdump.limits import STACK_FRAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.dac.native_dac import DacFrame, DacThread
    from dotdump.target.model import Target

TRUST = "dac"


def dac_stacks(
    target: Target, sysroots: Sequence[str] = (), *, threads: Sequence[int] = (), frames: int = STACK_FRAMES
) -> StackList:
    """Return what the DAC beside the runtime of ``target`` says of the threads, or of those with these ids.

    Asks nothing of our own contracts, so it also serves a runtime that these do not know. Raises ``NotFound`` where
    this machine has no DAC for it, ``DacFailed`` where that fails.
    """
    found = next(iter(runtime_modules(target)), None)
    if found is None:
        raise RuntimeNotFound(f"no .NET runtime among the {len(target.modules)} loaded files")
    if found.kind is RuntimeKind.NATIVE_AOT:
        raise NotFound("NativeAOT has no DAC", hint="leave --use-dac out")
    names = {thread.tid: thread.name for thread in target.threads}
    with NativeDac(target, found.module, find_dac(found.module, sysroots)) as dac:
        chosen = [t for t in dac.threads() if not threads or t.os_id in threads or t.managed_id in threads]
        stacks = tuple(
            _stack(thread, dac.stack(thread.os_id, frames) if thread.os_id else (), names) for thread in chosen
        )
    return StackList(target.process.pid, target.process.name, stacks)


def _stack(thread: DacThread, frames: Sequence[DacFrame], names: dict[int, str]) -> ThreadStack:
    """Return the stack of a thread, which is none of one that has not started or has ended: no DAC would walk it."""
    state = ThreadState(thread.state)
    gone = WalkEnd.NEVER_STARTED if ThreadState.UNSTARTED in state else WalkEnd.DEAD
    return ThreadStack(
        thread.os_id,
        thread.managed_id,
        names.get(thread.os_id, ""),
        ", ".join(state.words),
        None,
        tuple(_frame(frame) for frame in frames),
        "what the DAC told" if thread.os_id else gone,
        gc_mode="cooperative" if thread.cooperative else "preemptive",
    )


def _frame(frame: DacFrame) -> StackFrame:
    ip, name = f"{frame.ip:#x}", frame.name or None
    if frame.frame:
        return StackFrame(FrameLocation("runtime", None, ip=ip, frame=name), f"{frame.frame:#x}", TRUST)
    return StackFrame(FrameLocation("managed", name, ip=ip), f"{frame.sp:#x}", TRUST)
