"""What a program said when it ended itself: the message and the exception that ``Environment.FailFast`` was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.stack_objects import with_objects
from dotdump.errors import UNREADABLE
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.analysis.stacks import StackList
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime

FAIL_FAST = (
    "System.Environment.FailFast(",
    "System.Environment.<FailFast>",
    "System.RuntimeExceptionHelpers.FailFast(",
    "System.RuntimeExceptionHelpers.RuntimeFailFast(",
)
"""How the methods begin; the second half is of NativeAOT, where exceptions that nobody handles and faults end in it."""
MESSAGE_LIMIT = 500
"""Characters of a message that are told."""


@record
class LastWords:
    """The message of ``FailFast``, cut at ``MESSAGE_LIMIT``, and its exception; None where it had none that is kept."""

    message: str | None = None
    exception: ClrObject | None = None


def caller_of_fail_fast(methods: Sequence[str]) -> str | None:
    """Return which of ``methods``, the innermost first, called FailFast, empty where that is not known; or None."""
    places = [number for number, method in enumerate(methods) if method.startswith(FAIL_FAST)]
    return "".join(methods[places[-1] + 1 :][:1]) if places else None


def last_words(runtime: ClrRuntime, stacks: StackList) -> LastWords:
    """Return what the frames of ``FailFast`` on ``stacks`` keep of what it was given."""
    kept = list(_kept(runtime, stacks))
    texts = (found.read_text(MESSAGE_LIMIT) for found in kept if found.type.is_string)
    return LastWords(next(texts, None), next((found for found in kept if found.type.is_exception), None))


def _kept(runtime: ClrRuntime, stacks: StackList) -> Iterator[ClrObject]:
    for stack in with_objects(runtime, stacks).threads:
        for frame in stack.frames:
            if (frame.location.method or "").startswith(FAIL_FAST):
                for each in frame.objects:
                    try:
                        yield runtime.heap.object(int(each.address, 16))
                    except UNREADABLE:
                        continue
