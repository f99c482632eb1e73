"""Environments as built facts: what the doctor says of each."""

import pytest

from dotdump.dump.doctor.checks import examine
from dotdump.dump.doctor.facts import CAP_SYS_PTRACE, Caller, Facts, Namespaces, Output, Subject, Tool
from dotdump.dump.doctor.finding import Finding, Status
from dotdump.dump.doctor.preflight import runtime_findings, tracing_findings
from dotdump.ipc.diagnostics import Diagnostics, DiagnosticsState
from dotdump.ipc.runtime_file import RuntimeFile, RuntimeKind
from dotdump.records import replace

HOST = Namespaces(1, 2, 3)
USER = (1000, 1000, 1000, 1000)
FILE = "/app/shared/Microsoft.NETCore.App/10.0.12/libcoreclr.so"
CALLER = Caller(1000, "ann", namespaces=HOST)
ROOT = Caller(0, "root", CAP_SYS_PTRACE, CAP_SYS_PTRACE, 0, HOST)
SUBJECT = Subject(
    4711,
    uids=USER,
    user="ann",
    namespace_pid=4711,
    namespaces=HOST,
    environment={},
    runtime=RuntimeFile(RuntimeKind.CORECLR, FILE, "10.0.12"),
    runtime_version="10.0.12",
    diagnostics=Diagnostics(DiagnosticsState.OK),
    socket_path="/tmp/dotnet-diagnostic-4711-1-socket",
    createdump=Tool("/app/createdump", version="10.0.12"),
    dac=Tool("/app/libmscordaccore.so", version="10.0.12"),
    resident=100 << 20,
    expected=200 << 20,
)
OUTPUT = Output("/dumps", free=10 << 30)
HEALTHY = Facts(CALLER, OUTPUT, SUBJECT)

OK, W, P = Status.OK, Status.WARNING, Status.PROBLEM


def subject(**changes: object) -> Facts:
    return replace(HEALTHY, subject=replace(SUBJECT, **changes))


def caller(who: Caller, **changes: object) -> Facts:
    return replace(subject(**changes), caller=who)


def output(**changes: object) -> Facts:
    return replace(HEALTHY, output=replace(OUTPUT, **changes))


def small_disk(free: int) -> Facts:
    return replace(subject(stored=90 << 20), output=replace(OUTPUT, free=free))


def diagnostics(state: str, reason: str = "because", **changes: object) -> Facts:
    return subject(diagnostics=Diagnostics(state, reason), **changes)


def native(kind: str) -> Facts:
    return subject(runtime=RuntimeFile(kind, "/app/x", ""), createdump=None, dac=None)


def environment(state: str = DiagnosticsState.OFF, **variables: str) -> Facts:
    return diagnostics(state, environment=variables)


CELLS: list[tuple[Facts, str, Status, str]] = [
    (caller(ROOT), "user", OK, "we are root"),
    (caller(replace(CALLER, uid=1001, user="bob")), "user", P, "we are bob, it runs as ann"),
    (subject(uids=(1000, 0, 0, 0)), "user", P, "having changed its user"),
    (replace(HEALTHY, yama=0), "ptrace scope", OK, "is 0"),
    (replace(HEALTHY, yama=1), "ptrace scope", W, "is 1"),
    (replace(HEALTHY, yama=2), "ptrace scope", P, "is 2"),
    (replace(HEALTHY, yama=3), "ptrace scope", P, "nobody"),
    (replace(caller(ROOT), yama=1), "ptrace scope", OK, "we have CAP_SYS_PTRACE"),
    (replace(caller(ROOT), yama=2), "ptrace scope", P, "is 2"),
    (replace(caller(ROOT, effective=CAP_SYS_PTRACE), yama=2), "ptrace scope", OK, "we have CAP_SYS_PTRACE"),
    (replace(caller(ROOT), yama=3), "ptrace scope", P, "is 3"),
    (caller(ROOT), "ptrace capability", OK, "we have"),
    (caller(replace(ROOT, ambient=CAP_SYS_PTRACE)), "ptrace capability", OK, "ambient"),
    (caller(replace(CALLER, permitted=CAP_SYS_PTRACE)), "ptrace capability", W, "not in effect"),
    (caller(Caller(0, namespaces=HOST)), "ptrace capability", W, "root without"),
    (subject(dumpable=False), "dumpable", P, "may not read it"),
    (caller(ROOT, dumpable=False), "dumpable", W, "we may"),
    (subject(dumpable=None), "dumpable", OK, "does not show"),
    (subject(seccomp=1), "seccomp", P, "strict"),
    (subject(seccomp=2), "seccomp", W, "filter"),
    (subject(seccomp=None), "seccomp", OK, "unknown"),
    (subject(namespaces=replace(HOST, user=9)), "user namespace", W, "user:[9]"),
    (subject(namespaces=Namespaces()), "user namespace", W, "may not be looked at"),
    (subject(namespaces=replace(HOST, pid=9), namespace_pid=1), "pid namespace", OK, "it is process 1"),
    (subject(namespaces=replace(HOST, mount=9)), "mount namespace", OK, "/proc/4711/root"),
    (subject(namespaces=replace(HOST, mount=9), root_reachable=False), "mount namespace", P, "cannot be reached"),
    (HEALTHY, "own methods", OK, "may trace it"),
    (caller(ROOT, readable=True), "own methods", OK, "may trace it"),
    (subject(readable=False), "own methods", W, "may not trace it"),
    (replace(HEALTHY, yama=1), "own methods", W, "may not trace it"),
    (replace(caller(ROOT), yama=2), "own methods", OK, "may trace it"),
    (replace(caller(ROOT), yama=3), "own methods", W, "may not trace it"),
    (caller(replace(ROOT, filtered=True)), "own methods", W, "seccomp"),
    (subject(tracer=99), "own methods", W, "cannot be traced as it is"),
    (subject(state="Z"), "own methods", W, "cannot be traced as it is"),
    (subject(tracer=99, tracer_name="strace"), "tracer", P, "process 99 (strace)"),
    (subject(blocked=(5, 6)), "blocked threads", P, "2 in uninterruptible sleep (state D): 5, 6"),
    (subject(blocked=tuple(range(9))), "blocked threads", P, "…"),
    (subject(state="Z"), "state", P, "zombie"),
    (subject(state="T"), "state", P, "stopped by a signal"),
    (subject(state="t"), "state", P, "stopped by a tracer"),
    (subject(state="t", tracer=99), "state", OK, "runs"),
    (environment(DOTNET_EnableDiagnostics="0"), "diagnostics setting", P, "DOTNET_EnableDiagnostics=0"),
    (environment(COMPlus_EnableDiagnostics="0"), "diagnostics setting", P, "COMPlus_EnableDiagnostics=0"),
    (environment(DOTNET_EnableDiagnostics_IPC="0"), "diagnostics setting", P, "_IPC=0"),
    (environment(DOTNET_EnableDiagnostics="0x0"), "diagnostics setting", P, "0x0"),
    (environment(DOTNET_EnableDiagnostics="", COMPlus_EnableDiagnostics="0"), "diagnostics setting", P, "COMPlus"),
    (environment(DOTNET_EnableDiagnostics="1", COMPlus_EnableDiagnostics="0"), "diagnostics setting", OK, "not turned"),
    (environment(DOTNET_EnableDiagnostics="1"), "diagnostics setting", OK, "not turned off"),
    (environment(DOTNET_EnableDiagnostics_Debugger="0"), "diagnostics setting", OK, "not turned off"),
    (environment(DiagnosticsState.OK, DOTNET_EnableDiagnostics="0"), "diagnostics setting", OK, "it answers"),
    (subject(environment=None), "diagnostics setting", W, "cannot be read"),
    (subject(socket_path="/" + "é" * 60), "socket path", P, "121 bytes"),
    (subject(socket_path="/" + "x" * 106), "socket path", OK, "xxx"),
    (subject(socket_path="/" + "x" * 107), "socket path", P, "108 bytes"),
    (subject(socket_path="/" + "x" * 107, socket_files=("/xx",)), "socket path", W, "it is cut"),
    (subject(temporary_read_only=True), "temporary directory", P, "read-only"),
    (subject(temporary_read_only=None), "temporary directory", W, "not there"),
    (diagnostics(DiagnosticsState.OFF), "socket", P, "because"),
    (diagnostics(DiagnosticsState.OFF, socket_files=("/tmp/old",)), "socket", P, "stale"),
    (diagnostics(DiagnosticsState.SILENT), "socket", P, "because"),
    (diagnostics(DiagnosticsState.REFUSED), "socket", P, "because"),
    (diagnostics(DiagnosticsState.SPOOFED), "socket", P, "because"),
    (diagnostics(DiagnosticsState.SUSPENDED), "socket", W, "because"),
    (subject(createdump=Tool("/c", present=False)), "createdump", P, "missing"),
    (subject(createdump=Tool("/c", executable=False)), "createdump", P, "not executable"),
    (subject(createdump=Tool("/c", version="10.0.11")), "createdump", W, "10.0.11 beside"),
    (subject(dac=Tool("/d", present=False)), "dac", W, "missing"),
    (subject(dac=Tool("/d", version="10.0.11")), "dac", P, "10.0.11 beside"),
    (subject(headroom=1 << 20, headroom_of="/g"), "memory headroom", W, "left in /g"),
    (subject(headroom=1 << 30, headroom_of="/g"), "memory headroom", OK, "left in /g"),
    (subject(runtime_version="10.0.0"), "vulnerability", W, "CVE-2026-62909"),
    (subject(runtime_version="10.0.10"), "vulnerability", W, "CVE-2026-62909"),
    (subject(runtime_version="10.0.0-rc.1"), "vulnerability", W, "CVE-2026-62909"),
    (subject(runtime_version="10.0.11"), "vulnerability", OK, "none"),
    (subject(runtime_version="10.0.\u00b2"), "vulnerability", OK, "none"),
    (subject(runtime_version="10.0." + "9" * 5000), "vulnerability", OK, "none"),
    (subject(runtime_version="8.0.4"), "vulnerability", OK, "none"),
    (diagnostics(DiagnosticsState.OFF, runtime=None), "runtime", P, "no .NET runtime"),
    (subject(runtime=None), "runtime", OK, "a diagnostics server of its own"),
    (subject(runtime=None, readable=False), "runtime", W, "may not be looked at"),
    (native(RuntimeKind.NATIVE_AOT), "runtime", W, "cannot dump itself"),
    (native(RuntimeKind.MONO), "runtime", P, "no dump command"),
    (native(RuntimeKind.SINGLE_FILE), "runtime", OK, "single-file"),
    (output(exists=False), "output", P, "no directory"),
    (output(exists=False, removed=True), "output", P, "working directory has been removed"),
    (output(read_only=True), "output", P, "read-only"),
    (output(writable=False), "output", P, "may not be written"),
    (output(free=100 << 20), "space", P, "210 MB needed"),
    (small_disk(100 << 20), "space", W, "94 MB by dotdump's own methods"),
    (small_disk(80 << 20), "space", P, "210 MB needed"),
    (output(free=None), "space", W, "does not say"),
    (output(file_size_limit=1 << 20), "file size limit", P, "our limit"),
    (output(file_size_limit=1 << 40), "file size limit", OK, "none"),
    (subject(file_size_limit=1 << 20), "its file size limit", P, "1,049 kB (RLIMIT_FSIZE), the dump needs about 210"),
    (subject(file_size_limit=0, expected=None), "its file size limit", P, "0 kB (RLIMIT_FSIZE)"),
    (subject(file_size_limit=1 << 20, expected=None), "its file size limit", OK, "none"),
    (subject(free_descriptors=7), "open files", W, "it may open 7 more files"),
    (subject(free_descriptors=-2), "open files", W, "it may open 0 more files"),
    (subject(free_descriptors=8), "open files", OK, "enough"),
]


OF_THE_RUNTIME = {
    "runtime",
    "state",
    "diagnostics setting",
    "temporary directory",
    "socket path",
    "socket",
    "createdump",
    "dac",
    "its file size limit",
}
"""Checks of what only the runtime's own way needs."""


def untraced(facts: Facts, name: str) -> Facts:
    """Return the facts where, for a check of the runtime's way, that is the only one."""
    return replace(facts, yama=1) if name in OF_THE_RUNTIME else facts


def of(facts: Facts, name: str) -> Finding:
    (found,) = [finding for finding in examine(facts) if finding.name == name]
    return found


def test_a_healthy_process_has_no_finding_but_ok() -> None:
    assert {finding.status for finding in examine(HEALTHY)} == {Status.OK}
    assert problems(runtime_findings(HEALTHY, SUBJECT)) == problems(tracing_findings(HEALTHY, SUBJECT)) == []


@pytest.mark.parametrize(("facts", "name", "status", "seen"), CELLS, ids=[f"{c[1]}: {c[3]}" for c in CELLS])
def test_what_is_wrong_is_named_with_what_to_do(facts: Facts, name: str, status: Status, seen: str) -> None:
    found = of(untraced(facts, name), name)
    assert (found.status, bool(found.advice)) == (status, status is not Status.OK)
    assert seen in found.seen


@pytest.mark.parametrize(("facts", "name", "status", "seen"), CELLS, ids=[f"{c[1]}: {c[3]}" for c in CELLS])
def test_where_we_may_trace_it_nothing_of_its_runtime_stops_a_dump(
    facts: Facts, name: str, status: Status, seen: str
) -> None:
    found = of(facts, name)
    mild = name in OF_THE_RUNTIME and of(facts, "own methods").status is Status.OK
    assert (found.status, seen in found.seen) == (W if mild and status is P else status, True)


@pytest.mark.parametrize(("user", "who"), [("ann", "ann or as root"), ("root", "root")])
def test_who_may_dump_it_is_named_once(user: str, who: str) -> None:
    other = caller(replace(CALLER, uid=1001, user="bob"), user=user)
    assert of(other, "user").advice == f"run as {who} (sudo dotdump …)"


def test_one_fault_is_found_by_one_check() -> None:
    alone = [cell for cell in CELLS if cell[2] is Status.PROBLEM]
    assert alone
    for facts, name, *_ in alone:
        assert name in [found.name for found in examine(untraced(facts, name)) if found.status is Status.PROBLEM]


def test_of_the_machine_alone_only_its_own_checks_speak() -> None:
    names = {finding.name for finding in examine(Facts(ROOT, OUTPUT))}
    assert names == {"ptrace scope", "ptrace capability", "output", "space", "file size limit"}


def test_checks_that_do_not_apply_say_nothing() -> None:
    names = {finding.name for finding in examine(subject(createdump=None, dac=None, runtime_version=""))}
    assert names.isdisjoint({"createdump", "dac", "vulnerability"})


def problems(findings: list[Finding | None]) -> list[str]:
    return [found.name for found in findings if found is not None and found.status is Status.PROBLEM]


@pytest.mark.parametrize(
    ("facts", "runtime", "tracing"),
    [
        (subject(tracer=9), ["tracer"], ["tracer"]),
        (caller(replace(CALLER, filtered=True)), [], ["ptrace call"]),
        (subject(state="T"), ["state"], []),
        (subject(blocked=(5,)), ["blocked threads"], []),
        (subject(createdump=Tool("/c", executable=False)), ["createdump"], []),
        (replace(HEALTHY, yama=3), ["ptrace scope"], []),
        (subject(file_size_limit=1 << 20), ["its file size limit"], []),
        (output(file_size_limit=1 << 20), [], ["file size limit"]),
        (subject(free_descriptors=7), ["open files"], []),
        (subject(seccomp=2), [], []),
        (environment(DOTNET_EnableDiagnostics="0"), [], []),
    ],
)
def test_before_a_collect_only_what_stops_its_method_counts(
    facts: Facts, runtime: list[str], tracing: list[str]
) -> None:
    assert facts.subject
    assert problems(runtime_findings(facts, facts.subject)) == runtime
    assert problems(tracing_findings(facts, facts.subject)) == tracing
