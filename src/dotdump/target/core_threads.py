"""Threads and process of a core, from its notes.

A thread begins with its NT_PRSTATUS; what follows up to the next belongs to it, the process's own notes excepted.
Kernel, gcore and createdump order the rest differently (docs/formats/core.md). A core of our own has the thread's name
there. Notes that cannot be understood are reported, kept, and otherwise passed over.
"""

from __future__ import annotations

from dotdump.errors import FormatError
from dotdump.formats.core_notes import CORE, NoteType, Prpsinfo, Siginfo, parse_prpsinfo, parse_prstatus, parse_siginfo
from dotdump.formats.dotdump_notes import OWNER, DotdumpNote
from dotdump.records import replace
from dotdump.target.model import Problem, ProcessFacts, Thread
from dotdump.target.thread_notes import ThreadNotes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dotdump.formats.notes import Note
    from dotdump.formats.registers import RegisterFile

    Group = dict[tuple[str, int], Note]

_STATUS = (CORE, int(NoteType.PRSTATUS))
_NAME = (OWNER, int(DotdumpNote.THREAD_NAME))
_WAIT4 = {("orig_rax", 61), ("x8", 260)}
"""The register that has the number of a thread's system call where that is wait4: of x86-64 and of arm64."""
_OF_PROCESS = frozenset((CORE, int(kind)) for kind in (NoteType.PRPSINFO, NoteType.AUXV, NoteType.FILE))


def threads_of(notes: Iterable[Note], registers: RegisterFile, problems: list[Problem]) -> tuple[Thread, ...]:
    """Return the threads in the order of their notes, but one that died of a signal before those that did not.

    The kernel and createdump of 3.1 write the signal into the notes of every thread; one of them died of it.
    """
    threads: list[Thread] = []
    group: Group = {}
    for note in notes:
        key = note.owner, note.type
        if key == _STATUS:
            _close(group, registers, threads, problems)
            group = {key: note}
        elif group and key not in _OF_PROCESS and (note.owner != OWNER or key == _NAME):
            group.setdefault(key, note)
    _close(group, registers, threads, problems)
    if threads and threads[0].signal and len({thread.signal for thread in threads}) == 1:
        died = _died_of_all(threads)
        threads = [thread if thread is died else replace(thread, signal=0) for thread in threads]
    first = next((thread for thread in threads if thread.signal), None)
    return tuple(sorted(threads, key=lambda thread: thread is not first))


def waits_for_child(thread: Thread) -> bool:
    """Return whether a thread is in a wait4 call, as the one of a runtime that has started a dumper."""
    return bool(_WAIT4 & set(thread.registers.items()))


def _died_of_all(threads: Sequence[Thread]) -> Thread:
    """Return the thread that died of a signal which the notes of all have.

    It is the first that tells why, as the kernel writes them; the createdump of 3.1 tells of none, and the one that
    died waits for it to end.
    """
    told = next((thread for thread in threads if thread.notes.get((CORE, NoteType.SIGINFO)) is not None), None)
    waiting = [thread for thread in threads if waits_for_child(thread)]
    return told or (waiting[0] if len(waiting) == 1 else threads[0])


def _close(group: Group, registers: RegisterFile, threads: list[Thread], problems: list[Problem]) -> None:
    """Add the thread that a group of notes makes, where there is one."""
    if not group:
        return
    try:
        status = parse_prstatus(group[_STATUS].content, registers)
    except FormatError as error:
        problems.append(Problem("notes", f"thread {len(threads) + 1}: {error.message}"))
        return
    found = status.registers
    if len(found) < len(registers.general):
        problems.append(Problem("notes", f"thread {status.pid}: {len(found)} of {len(registers.general)} registers"))
    name = group.pop(_NAME, None)
    threads.append(
        Thread(
            tid=status.pid,
            registers=found,
            instruction_pointer=found.get(registers.instruction_pointer, 0),
            stack_pointer=found.get(registers.stack_pointer, 0),
            name=name.data.decode("utf-8", "surrogateescape") if name is not None else "",
            signal=status.cursig or status.signo,
            notes=ThreadNotes(group),
        )
    )


def process_of(notes: Iterable[Note], threads: Sequence[Thread], problems: list[Problem]) -> ProcessFacts:
    """Return what NT_PRPSINFO says, or as much as the threads tell where there is none."""
    for note in notes:
        if (note.owner, note.type) == (CORE, NoteType.PRPSINFO):
            try:
                return _facts(parse_prpsinfo(note.data))
            except FormatError as error:
                problems.append(Problem("notes", error.message))
    return ProcessFacts(pid=min((thread.tid for thread in threads), default=0), name="")


def _facts(info: Prpsinfo) -> ProcessFacts:
    return ProcessFacts(
        pid=info.pid,
        name=info.fname.decode("utf-8", "surrogateescape"),
        arguments=info.psargs.decode("utf-8", "surrogateescape"),
        ppid=info.ppid,
        pgrp=info.pgrp,
        sid=info.sid,
        uid=info.uid,
        gid=info.gid,
        state=info.sname,
        nice=info.nice,
        flags=info.flags,
    )


def siginfo_of(threads: Sequence[Thread], problems: list[Problem]) -> Siginfo | None:
    """Return why the process died: NT_SIGINFO of its first thread, or the signal that NT_PRSTATUS names, or None."""
    if not threads:
        return None
    data = threads[0].notes.get((CORE, NoteType.SIGINFO))
    if data is not None:
        try:
            info = parse_siginfo(data)
        except FormatError as error:
            problems.append(Problem("notes", error.message))
        else:
            return info if info.signo else None
    return Siginfo(threads[0].signal) if threads[0].signal else None
