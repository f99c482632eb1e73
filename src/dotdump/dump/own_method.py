"""``PtraceMethod`` and ``SnapshotMethod``: our own dumper, which asks nothing of the runtime.

Both write the same core. Ptrace stops the process while memory is copied, to a buffer of ours where that is large
enough, else into the file; a snapshot stops it for as long as a fork takes. What the small types keep is chosen by
walking the process, or its twin, before any of it is copied.
"""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from errno import EDQUOT, ENOSPC, EPIPE, ESRCH

from dotdump import __version__
from dotdump.dump import plan
from dotdump.dump.beside import written_beside
from dotdump.dump.buffered import buffer_for, prepared
from dotdump.dump.capture import Capture
from dotdump.dump.choice import choose_kept, make_ready
from dotdump.dump.copied_target import CopiedTarget
from dotdump.dump.doctor.preflight import require_tracing
from dotdump.dump.elf_core_writer import ElfCoreWriter
from dotdump.dump.gc_moment import DEFAULT_WAIT, GcMoment
from dotdump.dump.progress import Phase
from dotdump.dump.sink import FileSink
from dotdump.dump.space import MORE_ROOM, TAKES_NO_MORE, own_size
from dotdump.errors import CollectError, DotdumpError, Incomplete, SnapshotRefused
from dotdump.formats.diagnostics_page import DiagnosticsPage
from dotdump.formats.dotdump_notes import COLLECTING, FREE_DROPPED, REDACTED, Origin
from dotdump.ipc.dump import DumpType
from dotdump.linux.errors import explain
from dotdump.linux.headroom import memory_groups
from dotdump.linux.process_stat import ENDED
from dotdump.records import record
from dotdump.target.process import open_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.dump.capture import Task
    from dotdump.dump.elf_core_writer import WrittenCore
    from dotdump.dump.sink import Sink
    from dotdump.dump.subject import Subject
    from dotdump.formats.core_notes import Siginfo
    from dotdump.memory.space import MemoryRange
    from dotdump.target.model import Target
    from dotdump.target.process import ProcessTarget
    from dotdump.target.snapshot import SnapshotTarget

DEFAULT_BUFFER = 1 << 30
_ALL_THERE_IS = 1 << 62
_NOT_TAKEN = {**TAKES_NO_MORE, ENOSPC: MORE_ROOM, EDQUOT: MORE_ROOM, EPIPE: "whoever read it has ended"}
"""What to do about an output that takes no more, by the error's number."""
_HELD_BY_READER = (
    "the process stood still until the reader of the dump had taken it: its memory is larger than the buffer; "
    "--live or a larger --buffer avoids that"
)


@record
class OwnOptions:
    """``level`` of zstd, None for a plain core; ``gc_wait`` in seconds, 0 for any moment.

    ``buffer`` in bytes; None for ``DEFAULT_BUFFER``, and for as much as there is where somebody reads what is written,
    for a process should not stand still until a reader has taken it.
    ``drop_free`` leaves out of a Heap dump what free objects hold.
    ``first`` is the thread to put in front, as the process counts them, and ``siginfo`` what it died of.
    """

    file_backed: bool = True
    level: int | None = None
    buffer: int | None = None
    gc_wait: float = DEFAULT_WAIT
    drop_free: bool = False
    first: int = 0
    siginfo: Siginfo | None = None


class _OwnMethod:
    """What both have in common; ``why`` says why the method is used, where that was not asked for."""

    claim = "the dump was written"
    advice_if_cut: str | None = "the disk may be full: free some space, or write elsewhere with -o"

    def __init__(self, options: OwnOptions | None = None, why: str = "") -> None:
        self.options = options or OwnOptions()
        self.why = why

    def check(self, subject: Subject, dump_type: DumpType) -> None:
        _check(subject, self.expected_size(subject, dump_type))

    def expected_size(self, subject: Subject, dump_type: DumpType) -> int | None:
        return _expected(subject, dump_type, self.options)


class PtraceMethod(_OwnMethod):
    """Stops the world."""

    name = "ptrace"

    def capture(self, task: Task) -> Capture:
        options = self.options
        make_ready(task.type)
        limit = _buffer_limit(task, options)
        groups = memory_groups(os.getpid())
        room = prepared(_resident(task.subject, task.type), limit, groups)
        pid, memo = task.subject.pid, task.subject.memo
        with GcMoment(pid, _gc_wait(task, options), memo) as gc:
            target = open_process(pid, first=options.first, siginfo=options.siginfo, moment=gc.moment, memo=memo)
        with target:
            core = _Core(task, options, self.name, target)
            buffer = None if core.is_copied else buffer_for(target, core.plan, limit, groups, room)
            if buffer is not None:
                buffer.fill(target, task.deadline)
            if buffer is not None or core.is_copied:
                target.check()
                target.close()
                core.write(target if buffer is None else CopiedTarget(target, buffer))
            else:
                core.write(target, target.check)
        if buffer is None and limit and not core.is_copied and not _is_file(task):
            target.problems.append(_HELD_BY_READER)
        return core.captured(target, self.why)


class SnapshotMethod(_OwnMethod):
    """Forks the process and dumps its twin; where that cannot be done, stops the world, and says so.

    From then on its ``name`` is that of ptrace.
    """

    name = "snapshot"

    def capture(self, task: Task) -> Capture:
        from dotdump.target.snapshot import open_snapshot

        options, pid, memo = self.options, task.subject.pid, task.subject.memo
        make_ready(task.type)
        try:
            with GcMoment(pid, _gc_wait(task, options), memo) as gc:
                target = open_snapshot(pid, first=options.first, moment=gc.moment, memo=memo)
        except SnapshotRefused as refusal:
            self.name = PtraceMethod.name
            return PtraceMethod(options, f"no snapshot: {refusal.message}").capture(task)
        with target:
            core = _Core(task, options, self.name, target, target.not_atomic)
            core.write(target, target.check)
            target.end()
            task.read_back()
        return core.captured(target, self.why)


class _Core:
    """One core on its way into the output of a task."""

    def __init__(
        self,
        task: Task,
        options: OwnOptions,
        method: str,
        target: ProcessTarget | SnapshotTarget,
        not_atomic: tuple[MemoryRange, ...] = (),
    ) -> None:
        self._task = task
        self._options = options
        self._selection = choose_kept(target, task, options)
        self.plan = plan.fitting(self._selection.plan)
        """What is kept."""
        flags: tuple[str, ...] = () if target.suited else (COLLECTING,)
        arguments = "" if self._selection.redacted else target.process.arguments
        flags += (REDACTED,) if self._selection.redacted else ()
        flags += (FREE_DROPPED,) if options.drop_free else ()
        writer, kind = f"dotdump {__version__}", task.type.title
        self._origin = Origin(writer, method, time.time(), flags, not_atomic, arguments, kind)
        self._written: WrittenCore | None = None

    @property
    def is_copied(self) -> bool:
        """Whether all that is kept was copied while it was chosen: the target is not needed to write it."""
        return self._selection.shown is not None

    def write(self, target: Target, check: Callable[[], None] = lambda: None) -> None:
        """Write the core; ``Incomplete`` where that could not be done to the end, or ``check`` raises afterwards."""
        beside = not self.is_copied and _writes_beside(self._task, self._options)
        runtime = self._task.subject.runtime
        page = DiagnosticsPage(runtime.start) if runtime else None
        shown = self._selection.shown or target
        writer = ElfCoreWriter(shown, self.plan, self._origin, diagnostics_page=page, progress=self._progress)
        try:
            with written_beside(self._sink()) if beside else nullcontext(self._sink()) as sink:
                self._written = writer.write(sink)
            check()
        except Incomplete:
            raise
        except DotdumpError as error:
            raise Incomplete(f"the dump was cut short: {error.message}", hint=error.hint) from error
        except OSError as error:
            message = f"the dump was cut short: {self._task.output.path}: {error.strerror}"
            raise Incomplete(message, hint=_NOT_TAKEN.get(error.errno or 0)) from error

    def captured(self, target: ProcessTarget | SnapshotTarget, why: str) -> Capture:
        """Return what the frame reports."""
        warnings = [*target.problems, *self._selection.problems]
        if not target.suited:
            waited = f"{self._options.gc_wait:g} s"
            warnings.append(
                f"taken during a garbage collection: none of {target.stops} stops in {waited} was outside one"
            )
        gaps = self._written.gaps if self._written else ()
        unread = sum(gap.end - gap.start for gap in gaps)
        if unread:
            warnings.append(f"{unread:,} bytes in {len(gaps)} places could not be read: {gaps[0].reason}")
        return Capture(pause=target.pause, warnings=tuple(warnings), why=why)

    def _sink(self) -> Sink:
        plain = self._task.output.sink()
        if self._options.level is None:
            return plain
        from dotdump.dump.zstd_sink import ZstdSink

        return ZstdSink(plain, self._options.level)

    def _progress(self, done: int, total: int) -> None:
        self._task.progress(Phase.WRITE, done, total)
        if time.monotonic() > self._task.deadline:
            raise Incomplete("the dump was cut short: it took longer than --timeout allows")


def _gc_wait(task: Task, options: OwnOptions) -> float:
    """Return for how many seconds a moment outside a garbage collection is waited for."""
    return min(options.gc_wait, max(0.0, task.deadline - time.monotonic()))


def _is_file(task: Task) -> bool:
    """Whether the output is a file, which takes what it is given: a reader of a pipe may let us wait."""
    return isinstance(task.output.sink(), FileSink)


def _buffer_limit(task: Task, options: OwnOptions) -> int:
    if options.buffer is not None:
        return options.buffer
    return DEFAULT_BUFFER if _is_file(task) else _ALL_THERE_IS


def _writes_beside(task: Task, options: OwnOptions) -> bool:
    """Whether to write while memory is read: where that is a copy too, and another CPU is there for it."""
    return options.level is None and _is_file(task) and len(os.sched_getaffinity(0)) > 1


def _check(subject: Subject, expected: int | None) -> None:
    require_tracing(subject, expected)
    try:
        os.close(os.open(f"{subject.living.directory}/mem", os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        if error.errno == ESRCH and subject.state() not in ("", *ENDED):
            raise CollectError(f"process {subject.pid} has no memory of its own: it is a kernel thread") from error
        raise explain(error, subject.pid, "read its memory") from error


def _expected(subject: Subject, dump_type: DumpType, options: OwnOptions) -> int | None:
    """Return how much memory there is at most; None for a compressed or small core, whose size nobody knows."""
    small = dump_type in (DumpType.MINI, DumpType.TRIAGE)
    return _resident(subject, dump_type) if options.level is None and not small else None


def _resident(subject: Subject, dump_type: DumpType) -> int | None:
    return own_size(subject.status, subject.regions, dump_type)
