"""Threads: those of the system and what the runtime says of them, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.managed_stacks import exception_of, roles_of
from dotdump.analysis.stacks import NativeStacks, ThrownException
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.thread import ClrThread
    from dotdump.target.model import Problem, Target, Thread


@record
class ManagedThread:
    """What the runtime says of a thread. ``managed_id`` and ``state`` are empty in NativeAOT, ``lock_count`` from 8 on.

    ``address`` is that of its Thread, which sync blocks name as an owner.
    """

    address: str
    managed_id: int | None
    state: tuple[str, ...]
    gc_mode: str
    lock_count: int | None
    roles: tuple[str, ...]
    exception: ThrownException | None


@record
class ThreadRow:
    """One thread. ``function`` is ``module!symbol+offset``, as much of it as is known.

    ``tid`` is 0 for a thread that only the runtime knows: it has not started, or has ended.
    """

    tid: int
    name: str
    signal: int
    instruction_pointer: str
    stack_pointer: str
    function: str
    registers: dict[str, str]
    managed: ManagedThread | None


@record
class ThreadList:
    """The threads of process ``pid``: the one that died first, if one did; last those that only the runtime knows."""

    pid: int
    process: str
    threads: tuple[ThreadRow, ...]
    problems: tuple[Problem, ...] = ()


def list_threads(target: Target, runtime: ClrRuntime | None) -> ThreadList:
    """Return the threads of a target, with what ``runtime`` says of them, if there is one."""
    names = NativeStacks(target)
    known = {thread.os_id: thread for thread in runtime.threads if thread.os_id} if runtime is not None else {}
    rows = [_row(thread, names, known) for thread in target.threads]
    there = {thread.tid for thread in target.threads}
    rows += [_without_system(thread) for thread in runtime.threads if thread.os_id not in there] if runtime else []
    problems = tuple(runtime.thread_problems) if runtime is not None else ()
    return ThreadList(target.process.pid, target.process.name, tuple(rows), problems)


def _row(thread: Thread, names: NativeStacks, known: Mapping[int, ClrThread]) -> ThreadRow:
    managed = known.get(thread.tid)
    return ThreadRow(
        tid=thread.tid,
        name=(managed.name if managed is not None else "") or names.name_of(thread),
        signal=thread.signal,
        instruction_pointer=f"{thread.instruction_pointer:#x}",
        stack_pointer=f"{thread.stack_pointer:#x}",
        function=names.function_at(thread.instruction_pointer),
        registers={name: f"{value:#x}" for name, value in thread.registers.items()},
        managed=_managed(managed) if managed is not None else None,
    )


def _without_system(thread: ClrThread) -> ThreadRow:
    return ThreadRow(thread.os_id, thread.name, 0, "0x0", "0x0", "", {}, _managed(thread))


def _managed(thread: ClrThread) -> ManagedThread:
    return ManagedThread(
        address=f"{thread.address:#x}",
        managed_id=thread.managed_id,
        state=thread.state.words if thread.state is not None else (),
        gc_mode=thread.gc_mode,
        lock_count=thread.lock_count,
        roles=roles_of(thread),
        exception=exception_of(thread),
    )
