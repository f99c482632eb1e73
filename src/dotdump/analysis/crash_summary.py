"""Why a process died, in words: a paragraph, and where to look next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.crash_cause import Cause
from dotdump.analysis.value_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.crash import Crash


def summary_of(crash: Crash, source: str, culprit: str) -> str:
    """Return the paragraph; ``source`` is where the signal came from, ``culprit`` the method it was in, if any."""
    return " ".join(_sentences(crash, source, culprit))


def _sentences(crash: Crash, source: str, culprit: str) -> Iterator[str]:
    who = f"thread {crash.os_id}" + (f' "{crash.thread_name}"' if crash.thread_name else "")
    yield _FIRST[crash.cause].format(process=f"process {crash.pid} {crash.process}".rstrip(), who=who)
    if crash.cause is Cause.NONE:
        return
    if crash.signal is not None:
        yield f"The signal was {crash.signal}{source}."
    if crash.message is not None:
        yield f"It said {quoted(crash.message, len(crash.message))}."
    yield from _exceptions(crash)
    yield f"It was in {culprit}." if culprit else "It has no managed frames of the program, or none that can be read."


def _exceptions(crash: Crash) -> Iterator[str]:
    told = [f"{row.type}: {row.message}" if row.message else row.type for row in crash.exceptions]
    chain = ", caused by ".join(told).rstrip(".")
    if crash.cause is Cause.UNHANDLED_EXCEPTION or (crash.cause is Cause.ACCESS_VIOLATION and chain):
        yield f"The exception was {chain or 'one that cannot be read'}."
    elif crash.cause is Cause.FAIL_FAST and chain:
        yield f"It was given {chain}."


_FIRST = {
    Cause.UNHANDLED_EXCEPTION: "{process} died because {who} threw an exception that nobody handled.",
    Cause.FAIL_FAST: "{process} ended itself: {who} called Environment.FailFast, or the runtime did as if it had.",
    Cause.STACK_OVERFLOW: "{process} died because {who} called deeper than its stack has room for.",
    Cause.ACCESS_VIOLATION: "{process} died because {who} touched memory that is not there or that it may not touch.",
    Cause.FATAL_ERROR: "{process} died of an error that the runtime calls fatal, on {who}: FailFast is one such.",
    Cause.SIGNAL: "{process} died of a signal that no managed exception explains, on {who}.",
    Cause.NONE: "{process} did not crash: the core says of no signal that it died of.",
}
IN_EVERY_CORE = "The SIGABRT in it is in every core that the createdump of this runtime writes."
HINTS = {
    Cause.UNHANDLED_EXCEPTION: "dotdump exceptions CORE --held shows the frames of each exception",
    Cause.FAIL_FAST: "dotdump stacks CORE --objects shows the caller; what it said was written to standard error",
    Cause.STACK_OVERFLOW: "dotdump stacks CORE shows which methods call each other",
    Cause.ACCESS_VIOLATION: "look at unsafe code and at calls into native libraries near the frames",
    Cause.FATAL_ERROR: "dotdump stacks CORE --native shows what the thread was doing in the runtime",
    Cause.SIGNAL: "dotdump stacks CORE --native shows native frames; dotdump info CORE what the kernel says",
    Cause.NONE: "dotdump locks CORE and dotdump stacks CORE show what the threads were doing",
}
"""Where to look next."""
