"""``RuntimeMethod``: the runtime dumps itself, asked through its diagnostics socket.

The runtime starts createdump, which stops the process, writes the file and lets it go; its "success" proves nothing,
so nothing is believed before the file is verified. Source of truth: ``ds-dump-protocol.c`` and createdump of
dotnet/runtime; what they do when things go wrong was measured on 3.1, 8, 9 and 10.
"""

from __future__ import annotations

import signal
import time

from dotdump.dump.advice import advice_for
from dotdump.dump.capture import Capture
from dotdump.dump.doctor.preflight import require_runtime
from dotdump.dump.handover import PrivateDirectory, choose_handover
from dotdump.dump.output import OutputFile
from dotdump.dump.progress import Phase
from dotdump.dump.space import expected_size
from dotdump.dump.subject import STOPPED
from dotdump.dump.verify import Verdict, verify_core, worst
from dotdump.dump.watch import Watch
from dotdump.errors import (
    BadMessage,
    CollectError,
    CommandRejected,
    DotdumpError,
    Incomplete,
    OutputRefused,
    ProcessGone,
    ServerSilent,
)
from dotdump.formats.runtime_files import RUNTIME_FILE
from dotdump.ipc.client import DiagnosticsClient
from dotdump.ipc.commands import command_name
from dotdump.ipc.dump import DumpFlags, DumpType
from dotdump.ipc.state import is_suspended
from dotdump.linux.rlimits import FILE_SIZE
from dotdump.memory.descriptor import DescriptorSpace
from dotdump.memory.mapped_path import file_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.capture import Task
    from dotdump.dump.handover import Handover
    from dotdump.dump.subject import Subject
    from dotdump.ipc.pending_dump import PendingDump, WrittenDump

FIRST_LOOKS, FIRST_SECONDS, LATER_LOOKS = 0.01, 1.0, 0.1
"""Seconds between two looks: often at first, so that a short pause is measured and not guessed."""

AFTERMATH = 0.5
"""Seconds in which the stop of a dumper that died can still come through."""

LASTING_SECONDS = 0.2
"""Seconds that a dumper may still be there after the answer to which its end has led."""

SILENCE_AFTER_RELEASE = 3.0
"""Seconds that a runtime gets to answer after the process runs again and its dumper has nothing to do: it takes
milliseconds."""


class RuntimeMethod:
    """Asks the runtime. ``client`` is who to ask, None for the process's own default diagnostic port."""

    name = "runtime"
    claim = "the runtime says that it wrote the dump"

    def __init__(self, flags: DumpFlags = DumpFlags.NONE, client: DiagnosticsClient | None = None) -> None:
        self.flags = flags
        self.advice_if_cut = "its createdump was probably killed while it wrote: try again, or use --method ptrace"
        self._client = client

    def check(self, subject: Subject, dump_type: DumpType) -> None:
        require_runtime(subject, dump_type)
        if dump_type is not DumpType.FULL and is_suspended(subject.pid):
            raise CollectError(
                f"cannot dump process {subject.pid} through its runtime: it waits at its start to be resumed, "
                "and until then it takes Full dumps only",
                hint="take --type full, or any by --method ptrace",
            )

    def expected_size(self, subject: Subject, dump_type: DumpType) -> int | None:
        return expected_size(subject.regions, dump_type)

    def capture(self, task: Task) -> Capture:
        crash_report = DumpFlags.CRASH_REPORT in self.flags
        if not isinstance(task.output, OutputFile):
            raise OutputRefused(
                f"cannot write to {task.output.path}: the runtime writes a file, and goes back and forth in it",
                hint="--live and --method ptrace write a stream; with --method runtime give a file with -o",
            )
        handover = choose_handover(task.subject, task.output, task.expected, crash_report=crash_report)
        conversation = _Conversation(task, handover)
        try:
            client = self._client or DiagnosticsClient.for_process(task.subject.pid)
            written = conversation.hold(client, self.flags)
            handover.receive(lambda done: task.progress(Phase.FETCH, done, task.expected))
            if not conversation.is_whole():
                conversation.resume_if_left_stopped(AFTERMATH)
                self.advice_if_cut = _advice_on_limit(task) or self.advice_if_cut
            if task.output.size == 0:
                raise _nothing_written(task)
            return Capture(
                pause=conversation.watch.pause,
                command=command_name(written.command) if written else None,
                warnings=tuple(conversation.warnings),
                crash_report=handover.read_crash_report() if isinstance(handover, PrivateDirectory) else None,
            )
        finally:
            handover.close()
            conversation.watch.close()


class _Conversation:
    """One request to a runtime, and what is seen of the process until it answers."""

    def __init__(self, task: Task, handover: Handover) -> None:
        self.task = task
        self.handover = handover
        self.watch = Watch(task.subject)
        self.warnings: list[str] = []

    def hold(self, client: DiagnosticsClient, flags: DumpFlags) -> WrittenDump | None:
        """Ask, wait, watch; None where the core is there but the runtime will never say so.

        Raises ``CommandRejected``, ``ServerSilent`` and ``ProcessGone``, each with what to do or what may still go on;
        a ``KeyboardInterrupt`` gets that as a note.
        """
        seconds = round(max(0.1, self.task.deadline - time.monotonic()), 1)
        try:
            with client.begin_write_dump(self.handover.path, self.task.type, flags, seconds) as pending:
                self.task.subject.identity.check()  # alive after connecting: so we are connected to this process
                return self._wait(pending)
        except CommandRejected as error:
            self._end_lasting_helper()
            self.resume_if_left_stopped(0.0)
            error.hint = error.hint or advice_for(error.code, error.text)
            raise
        except ServerSilent as error:
            hint = f"{self.watch.describe()}; --timeout SECONDS waits longer, --method ptrace needs no answer"
            raise ServerSilent(error.message, hint=hint) from error
        except BadMessage as error:
            if self.task.subject.identity.poll(0.5):
                raise ProcessGone(f"process {self.task.subject.pid} ended while it was being dumped") from error
            raise
        except KeyboardInterrupt as stop:
            stop.add_note(self.watch.describe())
            raise

    def _wait(self, pending: PendingDump) -> WrittenDump | None:
        started = time.monotonic()
        while True:
            early = time.monotonic() - started < FIRST_SECONDS
            written = pending.poll(FIRST_LOOKS if early else LATER_LOOKS)
            self.watch.look()
            if written is not None:
                self._end_lasting_helper()
                return written
            size = self.handover.size()
            self.task.progress(Phase.WRITE if size else Phase.GATHER, size, self.task.expected)
            if self.watch.left_stopped():
                self.resume_if_left_stopped(0.0)
            if self._has_fallen_silent():
                return self._end_hung_helper(pending)

    def is_whole(self) -> bool:
        """Return whether the output holds a whole core."""
        size = self.task.output.size
        findings = verify_core(DescriptorSpace(self.task.output.descriptor), size, self.task.subject.expectation())
        return worst(findings) is not Verdict.PROBLEM

    def _has_fallen_silent(self) -> bool:
        """Return whether a whole core is there, the process runs again, its dumper does nothing, yet no answer comes.

        A dumper that works may write a crash report yet, or read back what it wrote.
        """
        if self.watch.quiet_for() < SILENCE_AFTER_RELEASE or not self.watch.helper_runs():
            return False
        self.handover.receive(lambda _: None)
        return self.is_whole()

    def _end_hung_helper(self, pending: PendingDump) -> WrittenDump | None:
        """End a dumper that did its work and then hangs, for while it is there the runtime answers nobody.

        The createdump in single-file programs of .NET 8 may: it is a fork of the program that finishes the core, lets
        its parent go, and then waits for ever in its own exit.
        """
        self._end_helper("did not end by itself, and the runtime waited for it")
        try:
            return pending.poll(SILENCE_AFTER_RELEASE)
        except DotdumpError:
            return None

    def _end_lasting_helper(self) -> None:
        """End a dumper that is still there when the answer has come: a runtime waits for its own before it answers.

        That fork may also come back from its work as if it were the program: it answers us, and whoever asks next,
        while the program itself waits for its end.
        """
        until = time.monotonic() + LASTING_SECONDS
        while self.watch.helper_runs() and time.monotonic() < until:
            time.sleep(FIRST_LOOKS)
            self.watch.look()
        if self.watch.helper_runs():
            self._end_helper("did not end, and answered in the place of its program, which waited for it")

    def _end_helper(self, why: str) -> None:
        helper, name = self.watch.helper, self.watch.helper_name
        if helper is not None and self.watch.end_helper():
            self.warnings.append(f"{name} (process {helper.pid}), which was to write the dump, {why}: it was ended")

    def resume_if_left_stopped(self, patience: float) -> None:
        """Let the process run again where a dumper that died leaves it stopped, within ``patience`` seconds.

        createdump attaches by ptrace's ATTACH, which sends SIGSTOP: where it dies before it has taken that back, the
        stop comes through, at once or a moment later. The process was running when the dump began.
        """
        subject, until = self.task.subject, time.monotonic() + patience
        while subject.state() != STOPPED or subject.tracer():
            if time.monotonic() >= until:
                return
            time.sleep(FIRST_LOOKS)
        if subject.identity.pidfd is not None:
            signal.pidfd_send_signal(subject.identity.pidfd, signal.SIGCONT)
            self.warnings.append(f"a dumper that died left process {subject.pid} stopped: it was sent SIGCONT")


def _advice_on_limit(task: Task) -> str | None:
    """Return what to do where createdump died of its file size limit, the target's: what is there is as long."""
    try:
        limit, _ = task.subject.living.limits().get(FILE_SIZE, (None, None))
    except CollectError:
        return None
    return advice_for(0, "File too large") if limit is not None and task.output.size >= limit else None


def _nothing_written(task: Task) -> Incomplete:
    runtime = task.subject.runtime
    if task.type is not DumpType.FULL and runtime is not None and file_name(runtime.path) != RUNTIME_FILE:
        hint = "a single-file program has no DAC beside it, so its runtime can only take --type Full"
    else:
        killed = "its createdump was killed, by the OOM killer for one: try again, or use --method ptrace"
        hint = _advice_on_limit(task) or killed
    return Incomplete(f"{RuntimeMethod.claim}, but there is none: nothing was written", hint=hint)
