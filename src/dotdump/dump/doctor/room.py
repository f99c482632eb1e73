"""Checks of room: for the file, in the file system and by limits, and for memory while it is written.

Measured: createdump needs about 20 MB of its own, and its page probing grew a target by 3 % of its size.
"""

from __future__ import annotations

from dotdump.dump.doctor.finding import Finding, ok, problem, warning
from dotdump.dump.space import MORE_ROOM, megabytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.doctor.facts import Facts, Subject

CREATEDUMP_BYTES = 32 << 20
GROWTH_PERCENT = 5
LEAST_DESCRIPTORS = 8
"""Measured on 3.1 to 10: with up to 5 free ones createdump is not started, with one or none there is no answer."""


def output(facts: Facts) -> Finding:
    """Whether the output can be created there."""
    place = facts.output
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
    if facts.subject is None:
        return ok("space", f"{megabytes(free)} free in {facts.output.directory}")
    needed = facts.subject.expected or facts.subject.resident
    seen = f"{megabytes(free)} free in {facts.output.directory}, about {megabytes(needed)} needed"
    if free < needed:
        return problem("space", seen, MORE_ROOM)
    return ok("space", seen)


def file_size(facts: Facts) -> Finding:
    """RLIMIT_FSIZE: ours, and the target's, which createdump inherits and dies of."""
    limits = [(facts.output.file_size_limit, "our")]
    if facts.subject is not None:
        limits.append((facts.subject.file_size_limit, "its"))
    for limit, whose in limits:
        if limit is not None and (facts.subject is None or limit < (facts.subject.expected or 0)):
            say = problem if facts.subject is not None else warning
            return say(
                "file size limit",
                f"{whose} limit is {megabytes(limit)} (RLIMIT_FSIZE){_against(facts.subject)}",
                "raise it with ulimit -f, or prlimit --fsize=unlimited --pid PID",
            )
    return ok("file size limit", "none that matters")


def _against(subject: Subject | None) -> str:
    return f", the dump needs about {megabytes(subject.expected)}" if subject and subject.expected else ""


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
