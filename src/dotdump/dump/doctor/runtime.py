"""Checks of the runtime: is there one, do its diagnostics answer, has it what it needs to write a dump.

Source of truth: docs/core/runtime-config/debugging-profiling; ``ds-ipc-pal-socket.c``; the security advisories.
"""

from __future__ import annotations

from dotdump.clr.known_versions import NAMED, is_known
from dotdump.dump.doctor.finding import Finding, ok, problem, warning
from dotdump.ipc.diagnostics import DiagnosticsState
from dotdump.ipc.runtime_file import RuntimeKind
from dotdump.ipc.runtime_settings import ENABLED, is_on
from dotdump.ipc.runtime_settings import setting as runtime_setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.doctor.facts import Subject

SOCKET_PATH_LIMIT = 107
"""Bytes of ``sun_path`` without its NUL; a runtime whose path is longer makes no socket, and says nothing."""

_VULNERABLE = frozenset(map(str, range(11)))
"""Patches of 10.0 that have CVE-2026-62909. What a runtime says of itself may be any text."""
_ADVICE = {
    DiagnosticsState.OFF: "see the other findings; where none explains it, dump it by ptrace",
    DiagnosticsState.REFUSED: "run as its user, or as root",
    DiagnosticsState.SUSPENDED: "resume it, or dump it as it is",
    DiagnosticsState.SILENT: "it may be stopped, or busy writing a dump: wait, or dump it by ptrace",
    DiagnosticsState.SPOOFED: "find out who made that socket; the runtime is not asked through it",
}


def runtime(subject: Subject) -> Finding:
    """Which runtime is in the process."""
    found = subject.runtime
    if found is None and not subject.readable:
        return warning("runtime", "its mapped files may not be looked at", "run as its user, or as root")
    if _serves_itself(subject):
        return ok("runtime", "no .NET: the program brings a diagnostics server of its own, which takes Full dumps")
    if found is None:
        return problem(
            "runtime",
            "no .NET runtime is mapped in it",
            "a dump of it has native stacks only; 'dotdump ps' lists the .NET processes",
        )
    seen = f"{found.kind} {subject.runtime_version}".rstrip()
    if found.kind == RuntimeKind.NATIVE_AOT:
        return warning("runtime", f"{seen}: it cannot dump itself", "dump it by ptrace")
    if found.kind == RuntimeKind.MONO:
        return problem("runtime", f"{seen}: it has no dump command", "dump it by ptrace")
    return _version(subject.runtime_version, f"{seen}, {found.path}")


def _version(version: str, seen: str) -> Finding:
    if not version or is_known(version):
        return ok("runtime", seen)
    return warning(
        "runtime",
        f"{seen}: its structures are not known, so answers from a dump may be wrong or incomplete",
        f"take a Full dump, or a small one by --method runtime; known are {NAMED}",
    )


def state(subject: Subject) -> Finding:
    """Whether the process can run at all: a zombie has no memory, one that is stopped gives no answer."""
    if subject.state in "ZXx":
        return problem(
            "state", "it has ended: what is left is a zombie", "its parent has to reap it; there is nothing to dump"
        )
    if subject.state == "T":
        return problem(
            "state",
            "it is stopped by a signal, so its runtime cannot answer",
            f"kill -CONT {subject.pid}, or dump it by --method ptrace, which needs no answer",
        )
    if subject.state == "t" and not subject.tracer:
        return problem("state", "it is stopped by a tracer", "detach the tracer")
    return ok("state", "it runs")


def blocked_threads(subject: Subject) -> Finding:
    """Whether a thread is in uninterruptible sleep: it cannot be stopped, and whoever waits for it waits as long."""
    if not subject.blocked:
        return ok("blocked threads", "none in uninterruptible sleep")
    some = ", ".join(map(str, subject.blocked[:5])) + (", …" if len(subject.blocked) > 5 else "")
    return problem(
        "blocked threads",
        f"{len(subject.blocked)} in uninterruptible sleep (state D): {some}",
        "createdump would hang, --method ptrace not; find what it waits for: cat /proc/PID/task/TID/stack",
    )


def setting(subject: Subject) -> Finding:
    """Whether EnableDiagnostics or its kin turned them off, in the environment it was started with.

    3.1 knows neither the prefix ``DOTNET_`` nor the newer of the settings: where it answers all the same, they are on.
    """
    name = "diagnostics setting"
    if subject.environment is None:
        return warning(name, "its environment cannot be read", "run as its user, or as root")
    for key in ENABLED:
        if not is_on(subject.environment, key, default=True):
            variable, text = runtime_setting(subject.environment, key)
            if _answers(subject):
                return ok(name, f"{variable}={text} does not turn them off: it answers")
            return problem(name, f"{variable}={text} turns them off", f"start it without {variable}")
    return ok(name, "not turned off in its environment")


def socket_path(subject: Subject) -> Finding:
    """Where its socket should be, from TMPDIR."""
    length = len(subject.socket_path.encode("utf-8", "surrogateescape"))
    if length <= SOCKET_PATH_LIMIT:
        return ok("socket path", subject.socket_path)
    too_long = f"{length} bytes, more than {SOCKET_PATH_LIMIT}"
    hint = "start it with a shorter TMPDIR"
    if subject.socket_files:
        cut = f"{too_long}, so it is cut, and dotnet's tools do not find it: {subject.socket_files[0]}"
        return warning("socket path", cut, hint)
    return problem("socket path", f"{too_long}, so no socket of it can be found: {subject.socket_path}", hint)


def temporary_directory(subject: Subject) -> Finding:
    """Whether it can make a socket at all: a read-only root file system is common in containers."""
    directory = subject.socket_path.rpartition("/")[0]
    if subject.temporary_read_only is None:
        return warning("temporary directory", f"{directory} is not there for it", "start it with a TMPDIR that exists")
    if subject.temporary_read_only:
        return problem(
            "temporary directory",
            f"{directory} is read-only for it, so it can make no socket there",
            "mount a tmpfs on it (docker run --tmpfs /tmp, an emptyDir), or set TMPDIR to one",
        )
    return ok("temporary directory", f"{directory} can be written to")


def socket(subject: Subject) -> Finding:
    """Whether the diagnostics server answers, and is the target's own: file owner and SO_PEERCRED say so."""
    found = subject.diagnostics
    if found.state == DiagnosticsState.OK:
        return ok("socket", "it answers, and the kernel says that the process itself listens")
    if found.state == DiagnosticsState.SUSPENDED:
        return warning("socket", found.reason, _ADVICE[found.state])
    if found.state == DiagnosticsState.OFF and subject.socket_files:
        return problem(
            "socket", f"stale: nobody listens on {subject.socket_files[0]}", "remove it if its process has ended"
        )
    return problem("socket", found.reason or "there is none", _ADVICE[found.state])


def createdump(subject: Subject) -> Finding | None:
    """Whether the runtime can start what writes its dumps; a single-file program has it built in."""
    tool = subject.createdump
    if tool is None:
        return None
    if not tool.present:
        return problem(
            "createdump", f"missing: {tool.path}", "take it from the runtime's own package, or dump by ptrace"
        )
    if not tool.executable:
        return problem("createdump", f"not executable: {tool.path}", f"chmod +x {tool.path}")
    if tool.version and subject.runtime_version and tool.version != subject.runtime_version:
        seen = f"of {tool.version} beside a runtime of {subject.runtime_version}: {tool.path}"
        return warning("createdump", seen, "install both from one package")
    return ok("createdump", tool.path)


def dac(subject: Subject) -> Finding | None:
    """libmscordaccore.so: createdump needs it for every type but Full, and other analysers need it later."""
    tool = subject.dac
    if tool is None:
        return None
    if not tool.present:
        return warning(
            "dac",
            f"missing: {tool.path}",
            "small dumps are then dotdump's own; other analysers need it from the runtime's package",
        )
    if tool.version and subject.runtime_version and tool.version != subject.runtime_version:
        seen = f"of {tool.version} beside a runtime of {subject.runtime_version}: {tool.path}"
        return problem("dac", seen, "install both from one package")
    return ok("dac", tool.path)


def vulnerability(subject: Subject) -> Finding | None:
    """Whether it has CVE-2026-62909: a defect of the diagnostics server of 10.0.0 to 10.0.10."""
    if not subject.runtime_version or _serves_itself(subject):
        return None
    words = subject.runtime_version.split("-")[0].split(".")
    if len(words) > 2 and words[:2] == ["10", "0"] and words[2] in _VULNERABLE:
        seen = f"{subject.runtime_version} has CVE-2026-62909 in its diagnostics"
        return warning("vulnerability", seen, "update to 10.0.11 or later")
    return ok("vulnerability", f"none known to us in the diagnostics of {subject.runtime_version}")


def _serves_itself(subject: Subject) -> bool:
    """Return whether a program without a runtime answers, as one with a ``DiagnosticServer`` of ours does."""
    return subject.runtime is None and subject.readable and _answers(subject)


def _answers(subject: Subject) -> bool:
    return subject.diagnostics.state in (DiagnosticsState.OK, DiagnosticsState.SUSPENDED)
