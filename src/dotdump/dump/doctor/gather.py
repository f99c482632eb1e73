"""Gathers the ``Facts`` of the doctor: reads /proc, looks at files, asks the runtime who it is. Changes nothing.

What may not be looked at becomes None; only a process that is not there is an error.
"""

from __future__ import annotations

import os

from dotdump.dump.doctor.blocked import blocked_threads
from dotdump.dump.doctor.caller import read_caller, read_namespaces, read_yama
from dotdump.dump.doctor.facts import Facts, Output, Subject, Tool
from dotdump.dump.doctor.tools import find_tool
from dotdump.dump.doctor.tracers import tracer_of
from dotdump.dump.space import expected_size, free_bytes, own_size
from dotdump.errors import CollectError, DotdumpError, FormatError
from dotdump.formats.runtime_files import CREATEDUMP_FILE, DAC_FILE
from dotdump.ipc.diagnostics import Diagnostics, DiagnosticsState
from dotdump.ipc.discovery import (
    DEFAULT_DIRECTORY,
    PREFIX,
    SUFFIX,
    find_candidates,
    from_its_directory,
    search_place,
    seen_through,
)
from dotdump.ipc.dump import DumpType
from dotdump.ipc.runtime_exports import written_version
from dotdump.ipc.runtime_file import RuntimeFile, RuntimeKind, find_runtime
from dotdump.ipc.state import diagnose
from dotdump.ipc.trust import read_owner
from dotdump.linux.headroom import memory_groups, tightest
from dotdump.linux.identity import ProcessIdentity
from dotdump.linux.mounts import find_mount
from dotdump.linux.proc import ROOT, Proc, name_of
from dotdump.linux.rlimits import FILE_SIZE
from dotdump.linux.users import user_name
from dotdump.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from dotdump.linux.status import Status

    T = TypeVar("T")


def gather(pid: int | None, output: str | None = None, timeout: float = 1.0, root: str = ROOT) -> Facts:
    """Return the facts about process ``pid``, or about this machine; ``timeout`` is for the runtime's answer.

    ``output`` is where the dump is to go, a file or a directory. Raises ``ProcessGone``, ``NotFound``.
    """
    subject = None
    if pid is not None:
        subject = _subject(_existing(pid, root), timeout, root)
    return Facts(read_caller(root), _output(output, root), subject, read_yama(root))


def _existing(pid: int, root: str) -> int:
    """Return ``pid`` where it is a process, be it a zombie; raises ``ProcessGone``, ``NotFound``."""
    if not 0 < pid < 1 << 31 or not Proc(pid, root).stat().has_ended:
        ProcessIdentity.open(pid, root).close()
    return pid


def _may_read_memory(living: Proc) -> bool:
    """Return whether the kernel would let us trace it: CAP_PERFMON shows maps to who may not."""
    try:
        os.close(os.open(f"{living.directory}/mem", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _subject(pid: int, timeout: float, root: str) -> Subject:
    proc = Proc(pid, root)
    living, status = proc.living(), proc.status()
    state, inside = living.stat().state, f"{living.directory}/root"
    runtime = _allowed(lambda: find_runtime(living.pid, root))
    diagnostics = _diagnostics(pid, status, timeout, root)
    environment = _allowed(living.environment)
    headroom, headroom_of = tightest(_allowed(lambda: memory_groups(pid)) or [])
    regions = _allowed(living.maps)
    limits = _allowed(living.limits) or {}
    tracer = tracer_of(proc)
    return Subject(
        pid=pid,
        name=status.name,
        state=state,
        uids=status.uids,
        user=user_name(status.uids[1]) if len(status.uids) > 1 else "nobody we know",
        namespace_pid=status.namespace_pid,
        dumpable=_dumpable(status, living.directory),
        seccomp=status.seccomp,
        effective=status.capabilities_effective or 0,
        tracer=tracer,
        tracer_name=name_of(tracer, root) if tracer else "",
        blocked=blocked_threads(proc),
        namespaces=read_namespaces(proc),
        root_reachable=os.access(inside, os.X_OK),
        readable=regions is not None and _may_read_memory(living),
        environment=environment,
        runtime=runtime,
        runtime_version=_version(runtime, diagnostics),
        diagnostics=diagnostics,
        socket_path=_socket_path(status, proc, environment),
        socket_files=_socket_files(pid, root),
        createdump=_tool(runtime, CREATEDUMP_FILE, inside),
        dac=_tool(runtime, DAC_FILE, inside),
        resident=status.resident or 0,
        expected=expected_size(regions, DumpType.FULL) if regions else None,
        stored=own_size(status, regions, DumpType.FULL) if regions else None,
        headroom=headroom,
        headroom_of=headroom_of,
        temporary_read_only=_temporary_read_only(living, environment, inside),
        file_size_limit=limits.get(FILE_SIZE, (None, None))[0],
        free_descriptors=living.free_descriptors(),
    )


def _output(path: str | None, root: str) -> Output:
    try:
        place = os.path.abspath(path or os.curdir)
    except FileNotFoundError:
        return Output(path or os.curdir, exists=False, removed=True, writable=False)
    directory = place if os.path.isdir(place) else os.path.dirname(place)
    exists = os.path.isdir(directory)
    if not exists:
        return Output(directory, exists=False, writable=False)
    room = os.statvfs(directory)
    limit = (_allowed(Proc(os.getpid(), root).limits) or {}).get(FILE_SIZE, (None, None))[0]
    return Output(
        directory,
        writable=os.access(directory, os.W_OK | os.X_OK),
        read_only=bool(room.f_flag & os.ST_RDONLY),
        free=free_bytes(room),
        file_size_limit=limit,
    )


def _allowed(look: Callable[[], T]) -> T | None:
    """Return what ``look`` sees, or None where it may not be looked at or is not there."""
    try:
        return look()
    except (CollectError, FormatError, OSError):
        return None


def _dumpable(status: Status, directory: str) -> bool | None:
    """Files of a process that is not dumpable are root's: proc(5). Of root's own processes that says nothing."""
    if not status.uids or status.uids[1] == 0:
        return None
    try:
        return os.stat(f"{directory}/environ").st_uid == status.uids[1]
    except OSError:
        return None


def _diagnostics(pid: int, status: Status, timeout: float, root: str) -> Diagnostics:
    if status.state in "ZXx":
        return Diagnostics(DiagnosticsState.OFF, "its main thread has ended, and with that its files in /proc")
    return diagnose(pid, timeout, root)


def _version(runtime: RuntimeFile | None, diagnostics: Diagnostics) -> str:
    if runtime is not None and runtime.version:
        return runtime.version
    return diagnostics.info.runtime_version.partition("+")[0] if diagnostics.info else ""


def _temporary_directory(environment: Mapping[str, str] | None) -> str:
    return (environment or {}).get("TMPDIR") or DEFAULT_DIRECTORY


def _socket_path(status: Status, proc: Proc, environment: Mapping[str, str] | None) -> str:
    stat = _allowed(proc.stat)
    key = stat.start_time if stat else 0
    return f"{_temporary_directory(environment).rstrip('/')}/{PREFIX}{status.namespace_pid}-{key}{SUFFIX}"


def _socket_files(pid: int, root: str) -> tuple[str, ...]:
    try:
        owner = read_owner(pid, root)
        return tuple(found.path for found in find_candidates(owner, search_place(owner, root).directory))
    except (DotdumpError, OSError):
        return ()


def _temporary_read_only(proc: Proc, environment: Mapping[str, str] | None, inside: str) -> bool | None:
    """Return whether the target's own temporary directory is read-only for it; None where it is not there."""
    try:
        directory = os.path.normpath(from_its_directory(proc.pid, _temporary_directory(environment)))
    except OSError:
        return None
    if os.access(inside, os.X_OK) and not os.path.isdir(seen_through(inside, directory)):
        return None
    mount = find_mount(_allowed(proc.mounts) or [], directory)
    return mount is not None and mount.read_only


def _tool(runtime: RuntimeFile | None, name: str, inside: str) -> Tool | None:
    """Return the file ``name`` beside the runtime; None where it is not meant to have one, or is out of reach."""
    if runtime is None or runtime.kind is not RuntimeKind.CORECLR:
        return None
    tool = find_tool(runtime.path, name, inside)
    if tool is None or not tool.present:
        return tool
    return replace(tool, version=written_version(inside + tool.path))
