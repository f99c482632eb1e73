"""The checks of the doctor that a collect makes before it touches anything: those of the method, of facts at hand.

Only looks, and only at what its method would fail of, or worse: createdump hangs, and leaves the process stopped,
where a thread sleeps uninterruptibly. What the kernel or the runtime itself answers at once, and without harm, is left
to them: they know best. Room and output are the frame's (``require_space``, ``open_output``).
"""

from __future__ import annotations

import os

from dotdump.dump.doctor import rights, room, runtime
from dotdump.dump.doctor.blocked import blocked_threads
from dotdump.dump.doctor.caller import filtered_caller, read_caller, read_yama
from dotdump.dump.doctor.facts import Facts, Output, Subject, Tool
from dotdump.dump.doctor.finding import Status
from dotdump.dump.doctor.tools import find_tool
from dotdump.dump.doctor.tracers import tracer_of
from dotdump.dump.space import expected_size
from dotdump.errors import AccessDenied, CollectError
from dotdump.formats.runtime_files import CREATEDUMP_FILE, RUNTIME_FILE
from dotdump.linux.proc import Proc, name_of
from dotdump.linux.rlimits import FILE_SIZE
from dotdump.memory.mapped_path import file_name
from dotdump.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from dotdump.dump import subject as dumped
    from dotdump.dump.doctor.finding import Finding
    from dotdump.ipc.dump import DumpType

PATIENCE = 0.5
"""Seconds that a thread must sleep uninterruptibly to count as stuck: disks and swap are slow too."""


def runtime_findings(facts: Facts, subject: Subject) -> list[Finding | None]:
    """Return what the checks say that stand in the way of a runtime that dumps itself, through createdump."""
    return [
        runtime.state(subject),
        rights.tracer(subject),
        runtime.createdump(subject),
        rights.ptrace_scope(facts),
        room.runtime_file_size(subject),
        room.descriptors(subject),
        runtime.blocked_threads(subject),
    ]


def tracing_findings(facts: Facts, subject: Subject) -> list[Finding | None]:
    """Return what the checks say that stand in the way of a dumper of ours, which alone writes the file."""
    return [rights.tracer(subject), rights.ptrace_call(facts), room.file_size(facts)]


def require_runtime(process: dumped.Subject, dump_type: DumpType) -> None:
    """Raise ``CollectError`` where the runtime cannot dump itself, or should not try."""
    subject = _seen(process, dump_type)
    facts = Facts(read_caller(), Output(""), subject, read_yama())
    _require(runtime_findings(facts, subject), f"cannot dump process {process.pid} through its runtime", CollectError)


def require_tracing(process: dumped.Subject, expected: int | None) -> None:
    """Raise ``AccessDenied`` where we may not trace, somebody does already, or a file of ours may not be that large."""
    subject = replace(_traced(process, process.tracer()), expected=expected)
    limit, _ = Proc(os.getpid()).limits().get(FILE_SIZE, (None, None))
    facts = Facts(filtered_caller(), Output("", file_size_limit=limit), subject)
    _require(tracing_findings(facts, subject), f"cannot dump process {process.pid}", AccessDenied)


def _require(findings: Iterable[Finding | None], cannot: str, error: type[CollectError]) -> None:
    for finding in findings:
        if finding is not None and finding.status == Status.PROBLEM:
            raise error(f"{cannot}: {finding.seen}", hint=finding.advice)


def _traced(process: dumped.Subject, tracer: int) -> Subject:
    name = name_of(tracer) if tracer else ""
    return Subject(process.pid, state=process.state(), tracer=tracer, tracer_name=name)


def _seen(process: dumped.Subject, dump_type: DumpType) -> Subject:
    limit, _ = process.proc.limits().get(FILE_SIZE, (None, None))
    return replace(
        _traced(process, tracer_of(process.proc)),
        effective=process.status.capabilities_effective or 0,
        blocked=blocked_threads(process.proc, PATIENCE),
        createdump=_createdump(process),
        expected=expected_size(process.regions, dump_type),
        file_size_limit=limit,
        free_descriptors=process.proc.free_descriptors(),
    )


def _createdump(process: dumped.Subject) -> Tool | None:
    """Return the createdump beside the runtime; None where there is none to be, or where it may not be looked for."""
    path = process.runtime_path()
    if file_name(path) != RUNTIME_FILE:
        return None
    return find_tool(path, CREATEDUMP_FILE, f"{process.living.directory}/root")
