"""The checks of the doctor, in the order that they are read in.

Each is a pure function of what it is about; None means that it does not apply.
"""

from __future__ import annotations

from dotdump.dump.doctor import rights, room, runtime
from dotdump.dump.doctor.finding import Status, milder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.dump.doctor.facts import Facts, Subject
    from dotdump.dump.doctor.finding import Finding

OF_THE_RUNTIME: tuple[Callable[[Subject], Finding | None], ...] = (
    runtime.runtime,
    runtime.state,
    runtime.setting,
    runtime.temporary_directory,
    runtime.socket_path,
    runtime.socket,
    runtime.createdump,
    runtime.dac,
    room.descriptors,
    room.runtime_file_size,
    runtime.vulnerability,
)
"""What they find stops only dumps that the runtime takes of itself."""
OF_THE_PROCESS: tuple[Callable[[Subject], Finding | None], ...] = (
    runtime.blocked_threads,
    rights.tracer,
    rights.seccomp,
    room.memory,
)
BETWEEN_IT_AND_US: tuple[Callable[[Facts, Subject], Finding], ...] = (
    rights.user,
    rights.dumpable,
    rights.user_namespace,
    rights.pid_namespace,
    rights.mount_namespace,
)
OF_THE_MACHINE: tuple[Callable[[Facts], Finding], ...] = (
    rights.ptrace_scope,
    rights.capability,
    room.output,
    room.space,
    room.file_size,
)


def examine(facts: Facts) -> list[Finding]:
    """Return what every check that applies says of the facts."""
    findings: list[Finding | None] = []
    if facts.subject is not None:
        findings += _of_its_ways(facts, facts.subject)
        findings += [check(facts.subject) for check in OF_THE_PROCESS]
        findings += [check(facts, facts.subject) for check in BETWEEN_IT_AND_US]
    findings += [check(facts) for check in OF_THE_MACHINE]
    return [finding for finding in findings if finding is not None]


def _of_its_ways(facts: Facts, subject: Subject) -> list[Finding]:
    """Return what is said of the runtime's way to dump itself, and of ours: where ours is there, no dump is stopped."""
    ours = rights.own_methods(facts, subject)
    theirs = [finding for check in OF_THE_RUNTIME if (finding := check(subject)) is not None]
    return [*(map(milder, theirs) if ours.status is Status.OK else theirs), ours]
