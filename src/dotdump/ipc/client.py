"""``DiagnosticsClient``: one method per thing a caller wants of a runtime, and a deadline on every one.

Each request has a connection of its own, as the protocol wants it. Where a runtime does not know the newest form of a
command the next older one is asked. Source of truth: ``DiagnosticsClient.cs`` of dotnet/diagnostics.
What ``ps`` does not ask for is imported when it is asked for.
"""

from __future__ import annotations

from dotdump.errors import CommandRejected
from dotdump.ipc import process
from dotdump.ipc.answers import accepted, require_done
from dotdump.ipc.commands import Command
from dotdump.ipc.conversation import converse, is_unknown_command
from dotdump.ipc.discovery import connect_process
from dotdump.ipc.transport import Deadline
from dotdump.ipc.wire import Message
from dotdump.linux.proc import ROOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from dotdump.ipc.dump import DumpFlags, DumpType
    from dotdump.ipc.event_pipe import CollectTracing
    from dotdump.ipc.event_session import EventPipeSession
    from dotdump.ipc.pending_dump import PendingDump, WrittenDump
    from dotdump.ipc.transport import Channel
else:
    Protocol = object

DEFAULT_TIMEOUT = 10.0
"""Seconds for a request that a runtime answers at once."""

DUMP_TIMEOUT = 3600.0
"""Seconds for a dump: the runtime answers when the whole core is written."""


class Endpoint(Protocol):
    """Where a runtime can be reached: each call gives a new, trusted connection."""

    def connect(self, deadline: Deadline) -> Channel:
        """Return a connection; raises ``ServerUnavailable`` or ``ServerSilent``."""


class ProcessEndpoint:
    """The default diagnostic port of a process: found and checked anew for every connection."""

    def __init__(self, pid: int, root: str = ROOT) -> None:
        self.pid = pid
        self._root = root

    def connect(self, deadline: Deadline) -> Channel:
        return connect_process(self.pid, deadline, self._root)[0]


class DiagnosticsClient:
    """Asks one runtime. ``timeout`` in seconds bounds each call that is not given its own.

    Every method raises ``ServerUnavailable``, ``ServerSilent`` (also ``TimeoutError``), ``BadMessage`` or
    ``CommandRejected``, all of them ``ProtocolError``; and ``ProcessGone``.
    """

    def __init__(self, endpoint: Endpoint, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.endpoint = endpoint
        self.timeout = timeout

    @classmethod
    def for_process(cls, pid: int, timeout: float = DEFAULT_TIMEOUT, root: str = ROOT) -> DiagnosticsClient:
        """Return a client of the default diagnostic port of ``pid``; connects to nothing yet."""
        return cls(ProcessEndpoint(pid, root), timeout)

    def process_info(self, timeout: float | None = None) -> process.ProcessInfo:
        """Ask who the runtime is, with the newest of three commands that it knows (none before .NET 5)."""
        deadline = self._deadline(timeout)
        for command in reversed(process.PROCESS_INFO_VERSIONS):
            try:
                return self._process_info(command, deadline)
            except CommandRejected as error:
                if not is_unknown_command(error) or command == Command.PROCESS_INFO:
                    raise
        raise AssertionError("the last command returns or raises")

    def process_info_version(self, version: int, timeout: float | None = None) -> process.ProcessInfo:
        """Ask who the runtime is with ProcessInfo, ProcessInfo2 or ProcessInfo3."""
        return self._process_info(process.PROCESS_INFO_VERSIONS[version - 1], self._deadline(timeout))

    def environment(self, timeout: float | None = None) -> dict[str, str]:
        """Ask for the environment as the runtime has it now (.NET 6)."""
        deadline = self._deadline(timeout)
        request = Message(Command.PROCESS_ENVIRONMENT)
        with self.endpoint.connect(deadline) as channel:
            answer, rest = converse(channel, request, deadline)
            size = process.parse_environment_size(accepted(request.command, answer))
            return process.parse_environment(channel.receive_exactly(size, deadline, rest))

    def set_environment_variable(self, name: str, value: str | None, timeout: float | None = None) -> None:
        """Set a variable of the native environment, or unset it with None (.NET 6).

        Native code sees it; managed code where it first asks for the environment after that.
        """
        self._do(process.SetEnvironmentVariable(name, value).encode(), timeout)

    def resume(self, timeout: float | None = None) -> None:
        """Let a suspended runtime start; one that runs already takes it for nothing (.NET 5)."""
        self._do(Message(Command.RESUME_RUNTIME), timeout)

    def write_dump(
        self,
        path: str,
        dump_type: DumpType,
        flags: DumpFlags | int = 0,
        timeout: float = DUMP_TIMEOUT,
    ) -> WrittenDump:
        """Have the runtime write a core of itself to ``path`` and wait for it; see ``begin_write_dump``."""
        with self.begin_write_dump(path, dump_type, flags, timeout) as pending:
            return pending.wait()

    def begin_write_dump(
        self,
        path: str,
        dump_type: DumpType,
        flags: DumpFlags | int = 0,
        timeout: float = DUMP_TIMEOUT,
    ) -> PendingDump:
        """Ask the runtime to write a core of itself and return at once with what to wait on.

        ``path`` is absolute, in the target's file system; createdump expands ``%`` in it (``%%`` is a percent sign).
        """
        from dotdump.ipc.pending_dump import PendingDump

        return PendingDump(self.endpoint, path, dump_type, flags, self._deadline(timeout))

    def start_event_pipe_session(
        self, request: CollectTracing, timeout: float | None = None, user_events: int | None = None
    ) -> EventPipeSession:
        """Start a session of events, as a stream to read; ``user_events`` as ``start_session`` has it."""
        from dotdump.ipc.event_session import start_session

        return start_session(self.endpoint, request, self._deadline(timeout), user_events)

    def attach_profiler(
        self, class_id: str, path: str, attach_timeout: int = 10, data: bytes = b"", timeout: float | None = None
    ) -> None:
        """Load the profiler ``class_id`` (a GUID) from ``path`` into the running process."""
        from dotdump.ipc.profiler import AttachProfiler

        self._do(AttachProfiler(class_id, path, attach_timeout, data).encode(), timeout)

    def startup_profiler(self, class_id: str, path: str, timeout: float | None = None) -> None:
        """Have a suspended runtime load a profiler before managed code runs (.NET 6)."""
        from dotdump.ipc.profiler import StartupProfiler

        self._do(StartupProfiler(class_id, path).encode(), timeout)

    def enable_perf_map(self, kind: int, timeout: float | None = None) -> None:
        """Have the runtime write perf maps (.NET 8). A suspended runtime dies of it (8.0.4): resume it first."""
        self._do(process.EnablePerfMap(kind).encode(), timeout)

    def disable_perf_map(self, timeout: float | None = None) -> None:
        """Have the runtime stop writing perf maps (.NET 8)."""
        self._do(Message(Command.DISABLE_PERF_MAP), timeout)

    def apply_startup_hook(self, path: str, timeout: float | None = None) -> None:
        """Run a managed start-up hook (.NET 8): before ``Main`` in a suspended runtime, in a running one at once.

        A hook that fails, or is not there, ends the target, as one named by ``DOTNET_STARTUP_HOOKS`` would.
        """
        self._do(process.ApplyStartupHook(path).encode(), timeout)

    def request(self, message: Message, timeout: float | None = None) -> Message:
        """Send any message and return the answer, whatever it says."""
        deadline = self._deadline(timeout)
        with self.endpoint.connect(deadline) as channel:
            return converse(channel, message, deadline)[0]

    def _process_info(self, command: int, deadline: Deadline) -> process.ProcessInfo:
        with self.endpoint.connect(deadline) as channel:
            answer, _ = converse(channel, Message(command), deadline)
        version = process.PROCESS_INFO_VERSIONS.index(command) + 1
        return process.ProcessInfo.parse(accepted(command, answer), version)

    def _do(self, message: Message, timeout: float | None) -> None:
        require_done(message.command, self.request(message, timeout))

    def _deadline(self, timeout: float | None) -> Deadline:
        return Deadline(self.timeout if timeout is None else timeout)
