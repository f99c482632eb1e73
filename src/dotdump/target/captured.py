"""From what the kernel gave, as bytes, to the records of ``target.model``: threads, the process, the platform."""

from __future__ import annotations

import os

from dotdump.errors import AccessDenied, CollectError, ProcessGone
from dotdump.formats.core_notes import (
    CORE,
    LINUX,
    NoteType,
    Prstatus,
    build_prstatus,
    build_siginfo,
    parse_prstatus,
)
from dotdump.formats.registers import NT_X86_XSTATE, X86_64
from dotdump.linux.proc import Proc
from dotdump.records import replace
from dotdump.target.model import Architecture, Platform, ProcessFacts, Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dotdump.formats.core_notes import Siginfo
    from dotdump.linux.thread_state import ThreadState


def platform_of_this_machine() -> Platform:
    """Return the platform of processes here; raises ``CollectError`` where their registers cannot be captured."""
    machine = os.uname().machine
    if machine != Architecture.X86_64:
        raise CollectError(
            f"capturing processes on {machine} is not supported, only on x86_64",
            hint="'dotdump collect --method runtime' asks the runtime, on any machine",
        )
    return Platform(Architecture.X86_64, page_size=os.sysconf("SC_PAGE_SIZE"))


def process_facts(pid: int) -> ProcessFacts:
    """Return who a running process is, all ids as it sees them itself; ``ProcessGone`` where it has ended.

    0 is a parent, group or session that its pid namespace does not show, as the kernel's own core has it.
    """
    proc = Proc(pid)
    stat, status = proc.stat(), proc.status()
    try:
        nice = os.getpriority(os.PRIO_PROCESS, pid)
    except ProcessLookupError:
        raise ProcessGone(f"process {pid} has ended") from None
    return ProcessFacts(
        pid=status.namespace_pid,
        name=stat.name,
        arguments=" ".join(proc.command_line()),
        ppid=_inner_parent(stat.parent, len(status.namespace_pids)),
        pgrp=status.namespace_groups[-1] if status.namespace_groups else stat.group,
        sid=status.namespace_sessions[-1] if status.namespace_sessions else stat.session,
        uid=status.uids[0],
        gid=status.gids[0],
        state=stat.state,
        nice=nice,
        flags=stat.flags,
    )


def _inner_parent(parent: int, depth: int) -> int:
    """Return the id of a parent in the namespace of its child, the ``depth``th from ours on; 0 where it is outside.

    Another user's may be hidden from us (hidepid): then it is outside, as what starts a container is.
    """
    if depth < 2 or not parent:
        return parent
    try:
        numbers = Proc(parent).status().namespace_pids
    except (ProcessGone, AccessDenied):
        return 0
    return numbers[depth - 1] if len(numbers) >= depth else 0


def thread_names(pid: int, tids: Iterable[int]) -> dict[int, str]:
    """Return the names of those of the threads that still exist."""
    names = {}
    for tid in tids:
        try:
            raw = Proc(pid).task(tid).read("comm")
        except ProcessGone:
            continue
        names[tid] = os.fsdecode(raw.removesuffix(b"\n"))
    return names


def inner_ids(pid: int, tids: Iterable[int]) -> dict[int, int]:
    """Return the ids that threads have in the process's own PID namespace, where that is not ours; else nothing."""
    proc = Proc(pid)
    if len(proc.status().namespace_pids) < 2:
        return {}
    inner = {}
    for tid in tids:
        try:
            inner[tid] = proc.task(tid).status().namespace_pids[-1]
        except (ProcessGone, IndexError):
            continue
    return inner


def threads_of(
    process: ProcessFacts,
    states: Iterable[ThreadState],
    names: Mapping[int, str],
    inner: Mapping[int, int],
    first: int = 0,
) -> list[Thread]:
    """Return a thread for each state, ids translated by ``inner``, the one that is then ``first`` in front."""
    wanted = first or process.pid
    threads = [_thread(process, state, names.get(state.tid, ""), inner.get(state.tid, state.tid)) for state in states]
    return sorted(threads, key=lambda thread: (thread.tid != wanted, thread.tid))


def crashed(thread: Thread, siginfo: Siginfo) -> Thread:
    """Return ``thread`` as one that died of a signal."""
    key = (CORE, int(NoteType.PRSTATUS))
    status = replace(
        parse_prstatus(thread.notes[key], X86_64),
        signo=siginfo.signo,
        code=siginfo.code,
        errno=siginfo.errno,
        cursig=siginfo.signo,
    )
    notes = {
        **thread.notes,
        key: build_prstatus(status, X86_64),
        (CORE, int(NoteType.SIGINFO)): build_siginfo(siginfo),
    }
    return replace(thread, signal=siginfo.signo, notes=notes)


def _thread(process: ProcessFacts, state: ThreadState, name: str, tid: int) -> Thread:
    registers = X86_64.parse_general(state.general)
    notes = {
        (CORE, int(NoteType.PRSTATUS)): _prstatus(process, state, registers, tid),
        (CORE, int(NoteType.PRFPREG)): state.floating,
    }
    if state.extended:
        notes[LINUX, NT_X86_XSTATE] = state.extended
    return Thread(
        tid=tid,
        registers=registers,
        instruction_pointer=registers[X86_64.instruction_pointer],
        stack_pointer=registers[X86_64.stack_pointer],
        name=name,
        notes=notes,
    )


def _prstatus(process: ProcessFacts, state: ThreadState, registers: Mapping[str, int], tid: int) -> bytes:
    status = Prstatus(
        tid,
        registers,
        sigpend=state.pending,
        sighold=state.signal_mask,
        ppid=process.ppid,
        pgrp=process.pgrp,
        sid=process.sid,
        fpvalid=int(state.exact),
    )
    return build_prstatus(status, X86_64)
