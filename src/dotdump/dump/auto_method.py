"""``AutoMethod``: the method that suits the process and the type of dump, and why.

A full dump needs nothing of the runtime, so it is ours: a snapshot of a process that is large enough for the shorter
pause to count, ptrace for others. So is a Heap dump, which is a fraction of the runtime's, of a runtime that is known.
Other dumps are the runtime's as long as it can take them, for what is written by the library that will read them suits
it best; ours where it cannot, or fails (its createdump inherits its filters of system calls), and where a stream or
options ask for what only ours do: none of them is ever dropped. createdump's log is the runtime's, and so is a process
that we may not trace: its runtime may.
"""

from __future__ import annotations

import os

from dotdump.clr.known_versions import is_known
from dotdump.dump.output import OutputFile
from dotdump.dump.own_method import OwnOptions, PtraceMethod, SnapshotMethod
from dotdump.dump.runtime_method import RuntimeMethod
from dotdump.errors import AccessDenied, CollectError, CommandRejected, ProtocolError
from dotdump.formats.runtime_files import DAC_FILE, RUNTIME_FILE
from dotdump.ipc.client import DiagnosticsClient
from dotdump.ipc.conversation import is_unknown_command
from dotdump.ipc.dump import DumpFlags, DumpType
from dotdump.ipc.runtime_file import version_in_path
from dotdump.memory.mapped_path import DELETED, file_name
from dotdump.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.capture import Capture, Method, Task
    from dotdump.dump.subject import Subject

_ANSWER = 3.0
"""Seconds in which a healthy runtime says who it is: it takes milliseconds."""
SMALL = 200 << 20
"""Resident bytes below which stopping the world is as short as a fork."""


@record
class Choice:
    """A method, and why it was chosen. ``bound``: where it fails, no other will do."""

    method: Method
    why: str
    bound: bool = True


class AutoMethod:
    """Chooses when it first sees the process. ``stream``: the output is one, which the runtime cannot write."""

    def __init__(self, flags: DumpFlags, options: OwnOptions, *, stream: bool = False) -> None:
        self._flags = flags
        self._options = options
        self._only_ours = not_for_the_runtime(options, stream=stream)
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
        try:
            capture = self._chosen.method.capture(task)
        except CommandRejected as error:
            if self._chosen.bound or not isinstance(task.output, OutputFile):
                raise
            task.output.empty()
            self._choice = self._own(task.subject, f"its runtime could not: {error.message}")
            capture = self._choice.method.capture(task)
        return replace(capture, why=capture.why or self._chosen.why)

    @property
    def _chosen(self) -> Choice:
        if self._choice is None:
            raise RuntimeError("capture before check")
        return self._choice

    def _choose(self, subject: Subject, dump_type: DumpType) -> Choice:
        runtime = RuntimeMethod(self._flags)
        if self._flags & ~DumpFlags.CRASH_REPORT:
            return self._runtimes(runtime, "createdump's log is the runtime's")
        try:
            PtraceMethod(self._options).check(subject, dump_type)
        except AccessDenied as error:
            if subject.runtime is None and _unable(runtime, subject, dump_type):
                raise
            return self._runtimes(runtime, error.message, error.hint)
        why = _why_ours(subject, dump_type) or self._only_ours or _why_not(runtime, subject, dump_type)
        if not why:
            return Choice(runtime, "the runtime takes its own small dumps best", bound=False)
        return self._own(subject, why)

    def _runtimes(self, runtime: RuntimeMethod, why: str, hint: str | None = None) -> Choice:
        """Return the runtime's method; ``CollectError`` where what was asked for cannot be had of it."""
        if self._only_ours:
            raise CollectError(f"{why}; but {self._only_ours}", hint=hint)
        return Choice(runtime, why)

    def _own(self, subject: Subject, why: str) -> Choice:
        resident = subject.status.resident or 0
        if resident < SMALL:
            return Choice(PtraceMethod(self._options), f"{why}, and {resident >> 20} MiB are copied as fast as forked")
        return Choice(SnapshotMethod(self._options), f"{why}, and a fork pauses it least")


_FOR_OURS = {
    DumpType.FULL: "a full dump needs no runtime",
    DumpType.HEAP: "our own Heap dump leaves out what carries nothing",
}


def _why_ours(subject: Subject, dump_type: DumpType) -> str:
    """Return why a dump of this type is ours in any case, or nothing."""
    version = version_in_path(subject.runtime.path) if subject.runtime is not None else ""
    if dump_type is not DumpType.FULL and version and not is_known(version):
        return ""
    return _FOR_OURS.get(dump_type, "")


_ONLY_OURS = {
    "gc_wait": "--gc-wait",
    "file_backed": "--drop-file-backed",
    "drop_free": "--drop-free",
    "buffer": "--buffer",
    "first": "a thread in front",
    "siginfo": "a signal",
}
"""What gives each of ``OwnOptions`` but the level."""


def not_for_the_runtime(options: OwnOptions, *, stream: bool = False) -> str:
    """Return why a dump of the runtime's cannot be what was asked for, or nothing."""
    if stream:
        return "the runtime cannot write a stream"
    if options.level is not None:
        return "the runtime does not compress, which --compress or a name in .zst asks for"
    plain = OwnOptions()
    given = [option for name, option in _ONLY_OURS.items() if getattr(options, name) != getattr(plain, name)]
    verb = "is" if len(given) == 1 else "are"
    return f"{' and '.join(given)} {verb} not for the runtime's dumps" if given else ""


def _why_not(runtime: RuntimeMethod, subject: Subject, dump_type: DumpType) -> str:
    """Return why the runtime cannot take a small dump of itself, or nothing."""
    return _lacking(subject) or _unable(runtime, subject, dump_type)


def _lacking(subject: Subject) -> str:
    """Return what a small dump of the runtime's own needs and is not there, or nothing."""
    module = subject.runtime
    if module is None:
        return "there is no .NET runtime that could dump itself"
    if file_name(module.path) != RUNTIME_FILE:
        return "the runtime of a program in one file takes Full dumps only, or none"
    if module.path.endswith(DELETED):
        return "the runtime's files were removed or replaced since it started, and small dumps of its own need them"
    directory = os.path.dirname(subject.runtime_path())
    if not os.path.exists(f"{subject.living.directory}/root{directory}/{DAC_FILE}"):
        return "the runtime has no DAC, which small dumps of its own need"
    return ""


def _unable(runtime: RuntimeMethod, subject: Subject, dump_type: DumpType) -> str:
    """Return why a runtime that has all it needs cannot dump itself now, or nothing."""
    try:
        runtime.check(subject, dump_type)
        DiagnosticsClient.for_process(subject.pid).process_info(_ANSWER)
    except CommandRejected as error:  # it answers; 3.1 knows no such question
        return "a runtime as old as 3.1 writes no crash report" if runtime.flags and is_unknown_command(error) else ""
    except (CollectError, ProtocolError) as error:
        return f"its runtime cannot: {error.message}"
    return ""
