"""Who asks for a dump, and what the kernel lets whom trace: facts about ourselves and this machine.

Source of truth: proc(5); Documentation/admin-guide/LSM/Yama.rst; namespaces(7).
"""

from __future__ import annotations

import os

from dotdump.dump.doctor.facts import Caller, Namespaces
from dotdump.errors import CollectError
from dotdump.linux.proc import ROOT, Proc, read_file
from dotdump.linux.users import user_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.linux.status import Status

_YAMA = "sys/kernel/yama/ptrace_scope"


def read_caller(root: str = ROOT) -> Caller:
    """Return who we are."""
    proc = Proc(os.getpid(), root)
    status = proc.status()
    return Caller(
        os.geteuid(),
        user_name(os.geteuid()),
        status.capabilities_permitted or 0,
        status.capabilities_effective or 0,
        status.capabilities_ambient or 0,
        read_namespaces(proc),
        filtered=_is_filtered(status),
    )


def filtered_caller() -> Caller:
    """Return what of ourselves stops a dumper of ours before it looks at the process: a filter of system calls."""
    return Caller(filtered=_is_filtered(Proc(os.getpid()).status()))


def read_namespaces(proc: Proc) -> Namespaces:
    """Return the namespaces of a process, None for each that may not be looked at."""
    return Namespaces(*(_namespace(proc, kind) for kind in ("user", "pid", "mnt")))


def read_yama(root: str = ROOT) -> int | None:
    """Return Yama's ptrace_scope, or None where this kernel has no Yama."""
    try:
        return int(read_file(f"{root}/{_YAMA}"))
    except (OSError, ValueError):
        return None


def _is_filtered(ourselves: Status) -> bool:
    if not ourselves.seccomp:
        return False
    from dotdump.linux.ptrace import is_refused

    return is_refused()


def _namespace(proc: Proc, kind: str) -> int | None:
    try:
        return proc.namespace(kind)
    except (CollectError, OSError):
        return None
