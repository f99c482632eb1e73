"""The state of a process's diagnostics, found out without harm and within a deadline.

Asks ProcessInfo, never more: some runtimes die of other questions (an empty StartupProfiler request, EnablePerfMap
while suspended: seen on 8.0.4).
"""

from __future__ import annotations

from enum import StrEnum

from dotdump.errors import (
    BadMessage,
    CommandRejected,
    DotdumpError,
    ServerRefused,
    ServerSilent,
    ServerSpoofed,
    ServerUnavailable,
)
from dotdump.ipc.client import DiagnosticsClient
from dotdump.linux.proc import ROOT, Proc
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.ipc.process import ProcessInfo


class DiagnosticsState(StrEnum):
    """What became of the question who it is."""

    OK = "ok"
    OFF = "off"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    SILENT = "silent"
    SPOOFED = "spoofed"


@record
class Diagnostics:
    """``reason`` says why it is not ``OK``, ``hint`` what to do; ``info`` is None where it did not, or cannot, say.

    A runtime before .NET 5 is ``OK`` without ``info``: it answers, but does not know the question.
    """

    state: DiagnosticsState
    reason: str = ""
    hint: str | None = None
    info: ProcessInfo | None = None


def diagnose(pid: int, timeout: float = 0.5, root: str = ROOT) -> Diagnostics:
    """Find out the state of the diagnostics of ``pid`` within ``timeout`` seconds; raises ``ProcessGone``."""
    try:
        info = DiagnosticsClient.for_process(pid, timeout, root).process_info()
    except CommandRejected:
        return Diagnostics(DiagnosticsState.OK, "the runtime is older than .NET 5 and does not say who it is")
    except (ServerUnavailable, ServerSilent, BadMessage) as error:
        return Diagnostics(_state_of(error), error.message, error.hint)
    if is_suspended(pid, root):
        return Diagnostics(
            DiagnosticsState.SUSPENDED,
            "the runtime waits at its start to be resumed through a diagnostic port",
            "DOTNET_DefaultDiagnosticPortSuspend or DOTNET_DiagnosticPorts made it wait",
            info,
        )
    return Diagnostics(DiagnosticsState.OK, info=info)


def is_suspended(pid: int, root: str = ROOT) -> bool:
    """Return whether the runtime waits to be resumed: its server has a thread, but its finalizer has none yet.

    Threads have these names since .NET 6; of an older runtime the answer is always False.
    """
    names = thread_names(pid, root)
    return ".NET EventPipe" in names and ".NET Finalizer" not in names


def thread_names(pid: int, root: str = ROOT) -> set[str]:
    """Return the names of the threads of ``pid``; those that end meanwhile are left out."""
    proc, names = Proc(pid, root), set()
    for tid in proc.tasks():
        try:
            names.add(proc.read(f"task/{tid}/comm").rstrip(b"\n").decode("utf-8", "replace"))
        except DotdumpError:
            continue
    return names


def _state_of(error: DotdumpError) -> DiagnosticsState:
    if isinstance(error, ServerSpoofed):
        return DiagnosticsState.SPOOFED
    if isinstance(error, ServerRefused):
        return DiagnosticsState.REFUSED
    return DiagnosticsState.OFF if isinstance(error, ServerUnavailable) else DiagnosticsState.SILENT
