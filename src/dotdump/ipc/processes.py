"""``DotnetProcess``: the .NET processes that are there, also those whose diagnostics are off.

What is not .NET must cost next to nothing: a runtime always has several threads, so of a process with one thread only
the number of its threads is asked, one system call. Of the others the maps are read until a runtime's file comes.
Source of truth: proc(5); thread counts of runtimes 3.1 to 10.0, the least being three, in one that is suspended.
"""

from __future__ import annotations

import os

from dotdump.errors import AccessDenied, FormatError, ProcessGone
from dotdump.ipc.diagnostics import Diagnostics, DiagnosticsState
from dotdump.ipc.discovery import DEFAULT_DIRECTORY, PREFIX, find_candidates
from dotdump.ipc.runtime_file import find_runtime
from dotdump.ipc.state import diagnose_all
from dotdump.ipc.trust import read_owner
from dotdump.linux.cgroup import find_container
from dotdump.linux.errors import require_proc
from dotdump.linux.proc import ROOT, Proc
from dotdump.linux.users import user_name
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.ipc.runtime_file import RuntimeFile

_FEWEST_THREADS = 2
_NAME_LIMIT = 15
_UNASKED = Diagnostics(DiagnosticsState.OFF)


@record
class DotnetProcess:
    """A process with a .NET runtime in it.

    ``namespace_pid`` is its pid as it sees it; ``name`` that of its program; ``assembly`` that of its entry assembly,
    or ``""``; ``runtime`` a ``RuntimeKind`` or ``"unknown"``; ``container`` an id, or None on the host; ``rss`` in
    bytes; ``reason`` why ``diagnostics`` is not ``ok``.
    """

    pid: int
    namespace_pid: int
    name: str
    assembly: str
    user: str
    uid: int
    runtime: str
    version: str
    diagnostics: str
    reason: str
    container: str | None
    rss: int
    threads: int
    start_time: int
    command_line: tuple[str, ...]


def find_processes(
    name: str | None = None, *, all_users: bool = False, timeout: float = 1.0, root: str = ROOT
) -> list[DotnetProcess]:
    """Return the .NET processes by pid; ``timeout`` in seconds is for all of their answers together.

    ``name`` is that of the program or of the entry assembly. Of other users' processes those that may be looked at
    are told by root only, unless ``all_users``: then also those that only show a diagnostics socket.

    Raises ``CollectError`` where /proc cannot tell.
    """
    if root == ROOT:
        require_proc()
    uid = os.geteuid()
    everyone = all_users or uid == 0
    runtimes = dict(_runtimes(root, lambda owner: everyone or owner == uid))
    answers = diagnose_all(runtimes, timeout, root)
    processes = []
    for pid, runtime in runtimes.items():
        try:
            process = describe(pid, runtime, answers.get(pid, _UNASKED), root)
        except (ProcessGone, AccessDenied, FormatError):
            continue
        if name is None or name in (process.name, process.assembly):
            processes.append(process)
    return processes


def describe(pid: int, runtime: RuntimeFile | None, answer: Diagnostics, root: str = ROOT) -> DotnetProcess:
    """Return what is to be said of one process; raises ``ProcessGone``."""
    proc = Proc(pid, root)
    status = proc.status()
    command_line = proc.command_line()
    info = answer.info
    return DotnetProcess(
        pid=pid,
        namespace_pid=status.namespace_pid,
        name=_program(status.name, command_line),
        assembly=(info.entry_assembly if info else "") or _entry(command_line),
        user=user_name(status.uids[1]),
        uid=status.uids[1],
        runtime=runtime.kind if runtime else "unknown",
        version=(runtime.version if runtime else "") or (_release(info.runtime_version) if info else ""),
        diagnostics=answer.state,
        reason=answer.reason,
        container=find_container(proc.cgroups()),
        rss=status.resident or 0,
        threads=status.threads or 0,
        start_time=proc.stat().start_time,
        command_line=command_line,
    )


def _runtimes(root: str, wanted: Callable[[int], bool]) -> Iterator[tuple[int, RuntimeFile | None]]:
    counts = _counts_threads(root)
    sockets = _Sockets()
    for pid in sorted(int(entry) for entry in os.listdir(root) if entry.isdecimal()):
        try:
            facts = os.stat(f"{root}/{pid}/task")
        except OSError:
            continue
        if (counts and facts.st_nlink - 2 < _FEWEST_THREADS) or not wanted(facts.st_uid):
            continue
        try:
            runtime = find_runtime(pid, root)
        except ProcessGone:
            continue
        except AccessDenied:
            runtime = None
        if runtime is not None or sockets.belong_to(pid, root):
            yield pid, runtime


def _counts_threads(root: str) -> bool:
    """Return whether the links of ``task`` count threads, as Linux has it; gVisor and others need not."""
    try:
        return os.stat(f"{root}/self/task").st_nlink == 2 + len(os.listdir(f"{root}/self/task"))
    except OSError:
        return False


class _Sockets:
    """Whose diagnostics sockets lie in our directory for them; all that shows of a process that we may not look at."""

    def __init__(self) -> None:
        self._directory = os.environ.get("TMPDIR") or DEFAULT_DIRECTORY
        self._listed: frozenset[str] | None = None

    def belong_to(self, pid: int, root: str) -> bool:
        """Return whether a socket bears the pid and the start time of the process, and is its user's."""
        if str(pid) not in self._pids():
            return False
        try:
            owner = read_owner(pid, root)
            return any(
                candidate.key == owner.start_time and os.lstat(candidate.path).st_uid in owner.uids
                for candidate in find_candidates(owner, self._directory)
            )
        except (OSError, ProcessGone, FormatError):
            return False

    def _pids(self) -> frozenset[str]:
        """Return the pids in the names of sockets; lists them once, and only where some process is in doubt."""
        if self._listed is None:
            try:
                names = os.listdir(self._directory)
            except OSError:
                names = []
            self._listed = frozenset(n.removeprefix(PREFIX).partition("-")[0] for n in names if n.startswith(PREFIX))
        return self._listed


def _program(comm: str, command_line: tuple[str, ...]) -> str:
    """Return the name of the program, which the kernel cuts after 15 bytes, in full where the command line has it."""
    called = os.path.basename(command_line[0]) if command_line else ""
    return called if len(os.fsencode(comm)) == _NAME_LIMIT and called.startswith(comm) else comm


def _entry(command_line: tuple[str, ...]) -> str:
    """Return the name of the assembly that a command line such as ``dotnet exec App.dll`` runs, or ``""``."""
    for word in command_line[1:]:
        if word.endswith(".dll"):
            return os.path.basename(word).removesuffix(".dll")
    return ""


def _release(version: str) -> str:
    """Return ``10.0.12`` of ``10.0.12+950c1b…``."""
    return version.partition("+")[0].partition(" ")[0]
