"""``Facts``: all that the checks of the doctor look at, gathered at one moment.

A value that could not be found out is None, which is never the same as "no". Knows nothing of how they were found.
"""

from __future__ import annotations

from dotdump.ipc.diagnostics import Diagnostics, DiagnosticsState
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.ipc.runtime_file import RuntimeFile

CAP_SYS_PTRACE = 1 << 19
"""Bit of the capability sets in /proc/PID/status: linux/capability.h."""


@record
class Namespaces:
    """Inodes of the namespaces of a process; None where it may not be looked at."""

    user: int | None = None
    pid: int | None = None
    mount: int | None = None


@record
class Caller:
    """Ourselves; ``user`` is the name for people. ``filtered``: a filter of system calls refuses us ptrace."""

    uid: int = 0
    user: str = "root"
    permitted: int = 0
    effective: int = 0
    ambient: int = 0
    namespaces: Namespaces = Namespaces()
    filtered: bool = False

    @property
    def may_trace_anyone(self) -> bool:
        """Whether we have CAP_SYS_PTRACE, in our own user namespace."""
        return bool(self.effective & CAP_SYS_PTRACE)


@record
class Tool:
    """A file that belongs to the runtime: createdump or the DAC. ``version`` is ``""`` where it does not say."""

    path: str
    present: bool = True
    executable: bool = True
    version: str = ""


@record
class Subject:
    """The process that is to be dumped.

    ``dumpable`` is as PR_GET_DUMPABLE in it would say. ``blocked`` are threads in uninterruptible sleep, twice in a
    row. ``readable`` says whether its maps and its memory are. ``socket_path`` is where its socket should be, as it
    sees it. Sizes in bytes; ``expected`` is that of a Full dump, ``stored`` what dotdump stores of one at most, with
    holes; ``headroom`` is what its control group may still use, ``free_descriptors`` how many more files it may open.
    """

    pid: int
    name: str = "dotnet"
    state: str = "S"
    uids: tuple[int, ...] = (0, 0, 0, 0)
    user: str = "root"
    namespace_pid: int | None = None
    dumpable: bool | None = True
    seccomp: int | None = 0
    effective: int = 0
    tracer: int = 0
    tracer_name: str = ""
    blocked: tuple[int, ...] = ()
    namespaces: Namespaces = Namespaces()
    root_reachable: bool = True
    readable: bool = True
    environment: Mapping[str, str] | None = None
    runtime: RuntimeFile | None = None
    runtime_version: str = ""
    diagnostics: Diagnostics = Diagnostics(DiagnosticsState.OFF)
    socket_path: str = ""
    socket_files: tuple[str, ...] = ()
    createdump: Tool | None = None
    dac: Tool | None = None
    resident: int = 0
    expected: int | None = None
    stored: int | None = None
    headroom: int | None = None
    headroom_of: str = ""
    temporary_read_only: bool | None = False
    file_size_limit: int | None = None
    free_descriptors: int | None = None


@record
class Output:
    """Where the dump is to go. ``free`` in bytes, None where nobody knows.

    ``removed``: it is named from our working directory, which is there no more.
    ``file_size_limit`` is our RLIMIT_FSIZE, None without one.
    """

    directory: str
    exists: bool = True
    removed: bool = False
    writable: bool = True
    read_only: bool = False
    free: int | None = None
    file_size_limit: int | None = None


@record
class Facts:
    """The whole snapshot. ``subject`` is None where only the machine is asked about; ``yama`` without that module."""

    caller: Caller
    output: Output
    subject: Subject | None = None
    yama: int | None = None
