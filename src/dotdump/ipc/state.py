"""The state of processes' diagnostics, found out without harm and within a deadline, of all of them at once.

Asks ProcessInfo, never more: some runtimes die of other questions (an empty StartupProfiler request, EnablePerfMap
while suspended: seen on 8.0.4).
"""

from __future__ import annotations

import os
import select

from dotdump.errors import (
    BadMessage,
    CommandRejected,
    DotdumpError,
    ProcessGone,
    ServerRefused,
    ServerSpoofed,
    ServerUnavailable,
)
from dotdump.ipc.answers import accepted
from dotdump.ipc.conversation import is_unknown_command
from dotdump.ipc.diagnostics import Diagnostics, DiagnosticsState
from dotdump.ipc.discovery import connect_process
from dotdump.ipc.process import PROCESS_INFO_VERSIONS, ProcessInfo
from dotdump.ipc.transport import Deadline
from dotdump.ipc.wire import Message, MessageDecoder
from dotdump.linux.proc import ROOT, Proc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from dotdump.ipc.discovery import ListNames
    from dotdump.ipc.transport import Channel

SUSPENDED_THREAD = "diag. suspended"
"""What a server of ours, in a program that has no runtime, calls its thread while the program waits to be resumed."""

_TOO_LONG = "a command line of more than 32,000 characters does not fit into its answer"
_CONNECT_SECONDS = 0.25
"""For one process: nobody waits for an answer yet, but we may be late ourselves where the processors are busy."""
_CHUNK = 1 << 16


def diagnose(pid: int, timeout: float = 0.5, root: str = ROOT) -> Diagnostics:
    """Find out the state of the diagnostics of ``pid`` within ``timeout`` seconds; raises ``ProcessGone``."""
    found = diagnose_all([pid], timeout, root)
    if pid not in found:
        raise ProcessGone(f"process {pid} has ended")
    return found[pid]


def diagnose_all(pids: Iterable[int], timeout: float = 0.5, root: str = ROOT) -> dict[int, Diagnostics]:
    """Find out the state of several processes within ``timeout`` seconds for all; those that are gone are left out.

    A quarter of a second more for each that lets nobody connect: its queue is full.
    """
    survey = _Survey(timeout, root)
    for pid in pids:
        survey.ask(pid, len(PROCESS_INFO_VERSIONS))
    return survey.answers()


class _Survey:
    """Questions to several processes at once: none of them waits for the answer of another."""

    def __init__(self, timeout: float, root: str) -> None:
        self._found: dict[int, Diagnostics] = {}
        self._asked: dict[int, _Question] = {}
        self._poll = select.poll()
        self._deadline = Deadline(timeout)
        self._root = root
        self._names: dict[str, list[str]] = {}

    def ask(self, pid: int, version: int) -> None:
        """Send a question, or note why it cannot be sent."""
        try:
            question = _Question(pid, version, self._deadline, self._root, self._list_names)
        except ProcessGone:
            return
        except DotdumpError as error:
            self._found[pid] = _failed(error)
            return
        descriptor = question.channel.fileno()
        self._asked[descriptor] = question
        self._poll.register(descriptor, select.POLLIN)

    def answers(self) -> dict[int, Diagnostics]:
        """Wait until everyone has answered or the time is over."""
        while self._asked and (ready := self._poll.poll(self._deadline.remaining * 1000)):
            for descriptor, _ in ready:
                self._receive(descriptor, self._asked[descriptor])
        for question in self._asked.values():
            self._found[question.pid] = _failed(self._deadline.missed(f"waiting for {question.channel.name}"))
            question.channel.close()
        return self._found

    def _list_names(self, directory: str) -> list[str]:
        """Return the names in a directory, which most processes share; it may be large, so it is listed once."""
        if directory not in self._names:
            self._names[directory] = os.listdir(directory)
        return self._names[directory]

    def _receive(self, descriptor: int, question: _Question) -> None:
        try:
            answer = question.receive(self._deadline)
        except ProcessGone:
            answer = None
        except DotdumpError as error:
            answer = _failed(error)
        else:
            if answer is None:
                return
        self._poll.unregister(descriptor)
        self._asked.pop(descriptor).channel.close()
        if isinstance(answer, int):
            self.ask(question.pid, answer)
        elif answer is not None:
            self._found[question.pid] = answer


class _Question:
    """ProcessInfo in one of its versions, sent to one process."""

    def __init__(self, pid: int, version: int, deadline: Deadline, root: str, list_names: ListNames) -> None:
        self.pid = pid
        self._version = version
        self._root = root
        self._decoder = MessageDecoder()
        self.channel: Channel = connect_process(pid, Deadline(_CONNECT_SECONDS), root, list_names)[0]
        try:
            self.channel.send(Message(PROCESS_INFO_VERSIONS[version - 1]).encode(), deadline)
        except BaseException:
            self.channel.close()
            raise

    def receive(self, deadline: Deadline) -> Diagnostics | int | None:
        """Return the answer, the version to ask next, or None while it has not come in full."""
        data = self.channel.receive(_CHUNK, deadline)
        if not data:
            raise BadMessage(f"{self.channel.name} closed the connection without an answer")
        answer = self._decoder.feed(data)
        if answer is None:
            return None
        try:
            payload = accepted(PROCESS_INFO_VERSIONS[self._version - 1], answer)
        except CommandRejected as error:
            if not is_unknown_command(error):
                return Diagnostics(DiagnosticsState.OK, f"it does not say who it is: {error.message}", _TOO_LONG)
            if self._version > 1:
                return self._version - 1
            return Diagnostics(DiagnosticsState.OK, "the runtime is older than .NET 5 and does not say who it is")
        return self._told(ProcessInfo.parse(payload, self._version))

    def _told(self, info: ProcessInfo) -> Diagnostics:
        if not is_suspended(self.pid, self._root):
            return Diagnostics(DiagnosticsState.OK, info=info)
        return Diagnostics(
            DiagnosticsState.SUSPENDED,
            "the runtime waits at its start to be resumed through a diagnostic port",
            "DOTNET_DefaultDiagnosticPortSuspend or DOTNET_DiagnosticPorts made it wait",
            info,
        )


def is_suspended(pid: int, root: str = ROOT) -> bool:
    """Return whether the runtime waits to be resumed: its server has a thread, but its finalizer has none yet.

    Threads have these names since .NET 6; of an older runtime the answer is always False.
    """
    names = thread_names(pid, root)
    return SUSPENDED_THREAD in names or (".NET EventPipe" in names and ".NET Finalizer" not in names)


def thread_names(pid: int, root: str = ROOT) -> set[str]:
    """Return the names of the threads of ``pid``; those that end meanwhile are left out."""
    proc, names = Proc(pid, root), set()
    for tid in proc.tasks():
        try:
            names.add(proc.read(f"task/{tid}/comm").rstrip(b"\n").decode("utf-8", "replace"))
        except DotdumpError:
            continue
    return names


def _failed(error: DotdumpError) -> Diagnostics:
    return Diagnostics(_state_of(error), error.message, error.hint)


def _state_of(error: DotdumpError) -> str:
    if isinstance(error, ServerSpoofed):
        return DiagnosticsState.SPOOFED
    if isinstance(error, ServerRefused):
        return DiagnosticsState.REFUSED
    return DiagnosticsState.OFF if isinstance(error, ServerUnavailable) else DiagnosticsState.SILENT
