"""``AutoMethod``: the method that suits the process and the type of dump, and why.

A full dump needs nothing of the runtime, so it is ours: a snapshot of a process that is large enough for the shorter
pause to count, ptrace for others. Other types, createdump's log and crash reports are the runtime's. So is a process
that we may not trace: its runtime may.
"""

from __future__ import annotations

from dotdump.dump.own_method import PtraceMethod, SnapshotMethod
from dotdump.dump.runtime_method import RuntimeMethod
from dotdump.errors import AccessDenied
from dotdump.ipc.dump import DumpFlags, DumpType
from dotdump.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.capture import Capture, Method, Task
    from dotdump.dump.own_method import OwnOptions
    from dotdump.dump.subject import Subject

SMALL = 200 << 20
"""Resident bytes below which stopping the world is as short as a fork."""


@record
class Choice:
    """A method, and why it was chosen."""

    method: Method
    why: str


class AutoMethod:
    """Chooses when it first sees the process."""

    def __init__(self, flags: DumpFlags, options: OwnOptions) -> None:
        self._flags = flags
        self._options = options
        self._choice: Choice | None = None

    @property
    def name(self) -> str:
        """The name of the method that was chosen."""
        return self._choice.method.name if self._choice else "auto"

    @property
    def claim(self) -> str:
        return self._chosen.method.claim

    @property
    def advice_if_cut(self) -> str | None:
        return self._chosen.method.advice_if_cut

    def check(self, subject: Subject, dump_type: DumpType) -> None:
        self._choice = self._choose(subject, dump_type)
        self._choice.method.check(subject, dump_type)

    def expected_size(self, subject: Subject, dump_type: DumpType) -> int | None:
        return self._chosen.method.expected_size(subject, dump_type)

    def capture(self, task: Task) -> Capture:
        capture = self._chosen.method.capture(task)
        return replace(capture, why=capture.why or self._chosen.why)

    @property
    def _chosen(self) -> Choice:
        if self._choice is None:
            raise RuntimeError("capture before check")
        return self._choice

    def _choose(self, subject: Subject, dump_type: DumpType) -> Choice:
        runtime = RuntimeMethod(self._flags)
        if dump_type is not DumpType.FULL:
            return Choice(runtime, f"only the runtime takes dumps of type {dump_type.name.capitalize()}")
        if self._flags:
            return Choice(runtime, "createdump's log and crash report are the runtime's")
        try:
            PtraceMethod(self._options).check(subject, dump_type)
        except AccessDenied as error:
            return Choice(runtime, error.message)
        resident = subject.status.resident or 0
        if resident < SMALL:
            why = f"a full dump needs no runtime, and {resident >> 20} MiB are copied as fast as forked"
            return Choice(PtraceMethod(self._options), why)
        return Choice(SnapshotMethod(self._options), "a full dump needs no runtime, and a fork pauses it least")
