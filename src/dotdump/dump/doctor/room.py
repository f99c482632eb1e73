"""Checks of room: for the file, in the file system and by limits, and for memory while it is written.

Measured: createdump needs about 20 MB of its own, and its page probing grew a target by 3 % of its size.
"""

from __future__ import annotations

from dotdump.dump.doctor.finding import Finding, Status, ok, problem, warning
from dotdump.dump.doctor.rights import own_methods
from dotdump.dump.space import MORE_ROOM, megabytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.doctor.facts import Facts, Subject

CREATEDUMP_BYTES = 32 << 20
GROWTH_PERCENT = 5
LEAST_DUMP = 1 << 20
"""Bytes: the smallest dumps that createdump writes have two of these."""
LEAST_DESCRIPTORS = 8
"""Measured on 3.1 to 10: with up to 5 free ones createdump is not started, with one or none there is no answer."""


def output(facts: Facts) -> Finding:
    """Whether the output can be created there."""
    place = facts.output
    if place.removed:
        return problem("output", "our working directory has been removed", "cd to another, or give an absolute -o")
    if not place.exists:
        return problem(
            "output", f"{place.directory} is no directory", f"mkdir -p {place.directory}, or give another -o"
        )
    if place.read_only:
        return problem("output", f"{place.directory} is on a read-only file system", "give another -o")
    if not place.writable:
        return problem("output", f"{place.directory} may not be written to by us", "give another -o")
    return ok("output", place.directory)


def space(facts: Facts) -> Finding:
    """Free space against the memory of the target, which a Full dump is about as large as."""
    free = facts.output.free
    if free is None:
        return warning("space", f"{facts.output.directory} does not say what is free", "give another -o")
    subject = facts.subject
    if subject is None:
        return ok("space", f"{megabytes(free)} free in {facts.output.directory}")
    needed = subject.expected or subject.resident
    seen = f"{megabytes(free)} free in {facts.output.directory}, about {megabytes(needed)} needed"
    if free >= needed:
        return ok("space", seen)
    if subject.stored is not None and free >= subject.stored and own_methods(facts, subject).status is Status.OK:
        seen += f" by its runtime, {megabytes(subject.stored)} by dotdump's own methods"
        return warning("space", seen, "--method ptrace and --live leave holes; or free some space")
    return problem("space", seen, MORE_ROOM)


def file_size(facts: Facts) -> Finding:
    """RLIMIT_FSIZE of ours."""
    name, limit, subject = "file size limit", facts.output.file_size_limit, facts.subject
    if limit is None or (subject is not None and limit >= (subject.expected or 0)):
        return ok(name, "none that matters")
    say = warning if subject is None else problem
    expected = subject.expected if subject else None
    return say(name, f"our limit is {_limit(limit, expected)}", "raise it with ulimit -f")


def runtime_file_size(subject: Subject) -> Finding:
    """RLIMIT_FSIZE of the target, which createdump inherits and dies of."""
    name, limit = "its file size limit", subject.file_size_limit
    if limit is None or limit >= (subject.expected or LEAST_DUMP):
        return ok(name, "none that matters")
    raised = "raise it with prlimit --fsize=unlimited --pid PID; --method ptrace and --live need none of it"
    too_small = "" if subject.expected else ", which no dump of the runtime's fits in"
    return problem(name, f"its limit is {_limit(limit, subject.expected)}{too_small}", raised)


def _limit(limit: int, expected: int | None) -> str:
    needed = f", the dump needs about {megabytes(expected)}" if expected else ""
    return f"{megabytes(limit)} (RLIMIT_FSIZE){needed}"


def descriptors(subject: Subject) -> Finding:
    """RLIMIT_NOFILE of the target: its runtime takes a connection, and starts createdump through a pipe."""
    free = subject.free_descriptors
    if free is None or free >= LEAST_DESCRIPTORS:
        return ok("open files", "it may open enough more")
    return problem(
        "open files",
        f"it may open {max(free, 0)} more files (RLIMIT_NOFILE), its runtime needs {LEAST_DESCRIPTORS} for a dump",
        "--method ptrace and --live ask nothing of it, or prlimit --nofile=NUMBER --pid PID",
    )


def memory(subject: Subject) -> Finding:
    """Headroom of the target's control group: createdump is charged to it, and the kernel kills when it is full."""
    if subject.headroom is None:
        return ok("memory headroom", "no limit on its control group")
    needed = CREATEDUMP_BYTES + subject.resident * GROWTH_PERCENT // 100
    seen = f"{megabytes(subject.headroom)} left in {subject.headroom_of}, createdump may need {megabytes(needed)}"
    if subject.headroom < needed:
        return warning("memory headroom", seen, "raise the limit for the time of the dump, or take a Mini")
    return ok("memory headroom", seen)
