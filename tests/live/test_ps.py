"""``dotdump ps`` on real processes of every kind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpus import Runtime, corpus, corpus_environment, executables, missing, runtimes
from dotdump.cli.main import main
from dotdump.ipc.processes import DotnetProcess, find_processes
from dotdump.linux.proc import Proc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.live
NOBODY = 65534
KINDS = {"native-aot": "native-aot", "single-file": "single-file"}
RUNNABLE = {name: path for name, path in executables().items() if "musl" not in name}


def process(pid: int, **options: float) -> DotnetProcess:
    (found,) = [found for found in find_processes(timeout=options.get("timeout", 5.0)) if found.pid == pid]
    return found


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def process_between_threads(pid: int) -> tuple[DotnetProcess, int]:
    """The process as listed while it started and ended no thread, and how many it had."""
    for _ in range(20):
        before, found = threads(pid), process(pid)
        if threads(pid) == before:
            return found, before
    pytest.fail(f"the threads of process {pid} never stay the same")


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda r: r.version)
def test_a_process_is_listed_with_its_runtime_whether_or_not_its_diagnostics_are_on(runtime: Runtime) -> None:
    with corpus(runtime) as on, corpus(runtime, environment={"DOTNET_EnableDiagnostics": "0"}) as off:
        (found, count), hidden = process_between_threads(on.pid), process(off.pid)
        assert (found.runtime, found.version, found.diagnostics) == ("coreclr", runtime.version, "ok")
        assert (found.name, found.assembly, found.uid) == ("dotnet", "Corpus", os.getuid())
        assert found.threads == count
        assert found.rss > 10 << 20
        assert list(found.command_line) == on.process.args
        if runtime.major >= 6:
            assert (hidden.runtime, hidden.version, hidden.diagnostics) == ("coreclr", runtime.version, "off")


@pytest.mark.parametrize("name", RUNNABLE)
def test_programs_with_the_runtime_inside_are_known_by_what_they_export(name: str) -> None:
    with corpus(RUNNABLE[name]) as target:
        found = process(target.pid)
        assert found.runtime == next(kind for start, kind in KINDS.items() if name.startswith(start))
        expected = "off" if name == "native-aot-net10" else "ok"
        assert (found.name, found.diagnostics) == ("Corpus", expected)
        if found.runtime == "single-file":
            assert found.version == {"8": "8.0.31", "0": "10.0.12"}[name[-1]]


def test_one_that_is_stopped_is_silent_and_holds_up_nobody() -> None:
    with ExitStack() as running:
        targets = [running.enter_context(corpus(runtime)) for runtime in runtimes()]
        os.kill(targets[0].pid, signal.SIGSTOP)
        states = {found.pid: found.diagnostics for found in find_processes(timeout=1.5)}
        assert [states[target.pid] for target in targets] == ["silent", *["ok"] * (len(targets) - 1)]


def state_of(pid: int) -> str:
    return next((found.diagnostics for found in find_processes(timeout=2.0) if found.pid == pid), "not there yet")


def test_one_that_waits_to_be_resumed_is_suspended() -> None:
    runtime = runtimes()[-1]
    environment = corpus_environment() | {"DOTNET_DefaultDiagnosticPortSuspend": "1"}
    with subprocess.Popen(
        runtime.command("idle"), env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as waiting:
        try:
            states = (state_of(waiting.pid) for _ in range(200))
            assert any(state == "suspended" for state in states)
        finally:
            waiting.kill()


def test_the_reference_client_lists_no_process_that_we_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    peers = os.environ.get("DOTDUMP_TEST_PEERS") or missing("no DOTDUMP_TEST_PEERS")
    with ExitStack() as running:
        targets = {running.enter_context(corpus(runtime)).pid for runtime in runtimes()}
        oracle = [str(runtimes()[-1].root / "dotnet"), f"{peers}/clrmd/bin/Oracle.dll", "ps"]
        text = subprocess.run(oracle, env=corpus_environment(), capture_output=True, check=True, text=True).stdout
        assert main(["ps", "--format", "json"]) == 0
        ours = {entry["pid"] for entry in json.loads(capsys.readouterr().out)["processes"]}
    assert targets <= set(json.loads(text))
    assert targets <= ours


@contextmanager
def as_nobody(act: Callable[[], str], *, stay: bool = False) -> Iterator[str]:
    """Do something as another user, in a child of our own; gives what it answered, and ends it after the block."""
    if os.geteuid() != 0:
        missing("needs root, to be another user")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.write(writer, act().encode() + b"\n")
            if stay:
                signal.pause()
        finally:
            os._exit(0)
    os.close(writer)
    try:
        with os.fdopen(reader) as answer:
            yield answer.readline()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def listed_by_nobody(*, all_users: bool) -> dict[int, tuple[str, str, str]]:
    """What ps says to another user, by pid: runtime, diagnostics, user."""

    def ask() -> str:
        found = find_processes(all_users=all_users, timeout=2.0)
        return json.dumps({process.pid: (process.runtime, process.diagnostics, process.user) for process in found})

    with as_nobody(ask) as answer:
        return {int(pid): tuple(row) for pid, row in json.loads(answer).items()}


def test_another_user_is_refused_and_sees_it_only_when_asking_for_all_users() -> None:
    with corpus(runtimes()[-1]) as target:
        assert target.pid not in listed_by_nobody(all_users=False)
        seen = listed_by_nobody(all_users=True)
        assert seen[target.pid] == ("unknown", "refused", "root")


def test_a_socket_that_another_user_planted_under_the_exact_name_is_spoofed() -> None:
    with corpus(runtimes()[-1], environment={"DOTNET_EnableDiagnostics": "0"}) as target:
        name = f"dotnet-diagnostic-{target.pid}-{Proc(target.pid).stat().start_time}-socket"
        path = Path(os.environ.get("TMPDIR", "/tmp")) / name
        listener = socket.socket(socket.AF_UNIX)

        def plant() -> str:
            listener.bind(str(path))
            listener.listen()
            return "listening"

        with listener, as_nobody(plant, stay=True) as answer:
            try:
                assert answer == "listening\n"
                found = process(target.pid)
                assert (found.runtime, found.diagnostics) == ("coreclr", "spoofed")
                assert str(path) in found.reason
            finally:
                path.unlink()
