"""``Method``: a way to get a core, and what passes between it and the frame that is the same for all (``collect``)."""

from __future__ import annotations

from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from dotdump.dump.destination import Output
    from dotdump.dump.progress import Progress
    from dotdump.dump.subject import Subject
    from dotdump.ipc.dump import DumpType
else:
    Protocol = object


@record
class Task:
    """What a method is given: the process, what to keep of it, and an output that is open.

    ``expected`` is about how many bytes it will be, None where nobody knows; ``deadline`` is a time of
    ``time.monotonic``. ``read_back`` reads the output, once it is whole: a method that then waits for something may
    call it meanwhile, else it is called when the method has returned.
    """

    subject: Subject
    type: DumpType
    output: Output
    expected: int | None
    deadline: float
    progress: Progress
    read_back: Callable[[], object]


@record
class Capture:
    """What a method did. ``pause`` in seconds, at most; ``command`` is the protocol's, where one was used.

    ``warnings`` are sentences about what went wrong although there is a core; ``crash_report`` is the JSON that was
    written with it; ``why`` says why this method was used, where that was not asked for.
    """

    pause: float | None = None
    command: str | None = None
    warnings: tuple[str, ...] = ()
    crash_report: bytes | None = None
    why: str = ""


class Method(Protocol):
    """A way to get a core: it decides how memory is read and who writes, the frame does the rest."""

    @property
    def name(self) -> str:
        """What users call it: ``runtime``, ``ptrace``, ``snapshot``."""

    @property
    def claim(self) -> str:
        """The begin of a sentence that says that it did its work, for when the file says otherwise."""

    @property
    def advice_if_cut(self) -> str | None:
        """What to do where the file it wrote is not whole."""

    def check(self, subject: Subject, dump_type: DumpType) -> None:
        """Raise a ``CollectError`` for what it cannot do, before anything is opened or touched."""

    def expected_size(self, subject: Subject, dump_type: DumpType) -> int | None:
        """Return about how many bytes the core will have, None where nobody knows."""

    def capture(self, task: Task) -> Capture:
        """Put a core into ``task.output``. The target runs as before when it returns or raises.

        Raises ``Incomplete`` where a part of a core is there that is worth keeping.
        """
