"""What the doctor says of real processes in real trouble."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from corpus import Runtime, corpus, missing, runtimes
from dotdump.cli.main import main
from dotdump.dump.doctor.checks import examine
from dotdump.dump.doctor.finding import Finding, Status
from dotdump.dump.doctor.gather import gather
from native import native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.live
NEWEST = runtimes()[-1:]
ANOTHER_USER = 65534


def findings(pid: int, output: Path | None = None) -> dict[str, Finding]:
    return {found.name: found for found in examine(gather(pid, None if output is None else str(output)))}


def eventually(pid: int, name: str, status: Status, seconds: float = 20.0) -> Finding:
    deadline = time.monotonic() + seconds
    while (found := findings(pid)[name]).status is not status and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found.status is status, found
    return found


def as_root() -> None:
    if os.geteuid() != 0:
        missing("needs root")


def tool(name: str) -> str:
    return shutil.which(name) or missing(f"no {name}")


@contextmanager
def wrapped(*command: str) -> Iterator[int]:
    """Run a command until the block ends; gives its pid, or of ``unshare --fork`` the child's."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith(b'{"ready')
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield int(children[0]) if children and "unshare" in command[0] else process.pid
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def mounted(directory: Path, *options: str) -> Iterator[Path]:
    as_root()
    directory.mkdir(exist_ok=True)
    subprocess.run([tool("mount"), "-t", "tmpfs", *options, "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run([tool("umount"), "-l", str(directory)], check=True)


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda r: r.version)
def test_a_healthy_process_has_no_problems(runtime: Runtime, tmp_path: Path) -> None:
    with corpus(runtime) as target:
        found = findings(target.pid, tmp_path)
        assert [f for f in found.values() if f.status is Status.PROBLEM] == []
        assert runtime.version in found["runtime"].seen
        assert found["createdump"].status is Status.OK
        assert main(["doctor", "-p", str(target.pid), "-o", str(tmp_path)]) == 0


def test_a_program_without_a_runtime_can_be_dumped() -> None:
    with native("threads", "1") as process:
        assert findings(process.pid)["runtime"].status is Status.WARNING
        assert main(["doctor", "-p", str(process.pid)]) == 0


def test_a_working_directory_that_was_removed_is_a_problem_of_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with native("threads", "1") as process:
        for output in (None, Path("core")):
            assert "has been removed" in findings(process.pid, output)["output"].seen
        assert findings(process.pid, tmp_path)["output"].status is Status.OK


@pytest.mark.parametrize("runtime", NEWEST, ids=lambda r: r.version)
class TestTroubles:
    def test_diagnostics_turned_off(self, runtime: Runtime) -> None:
        with corpus(runtime, environment={"DOTNET_EnableDiagnostics": "0"}) as target:
            found = findings(target.pid)
            assert "DOTNET_EnableDiagnostics=0" in found["diagnostics setting"].seen
            assert (found["socket"].status, found["own methods"].status) == (Status.WARNING, Status.OK)
            assert main(["doctor", "-p", str(target.pid)]) == 0

    def test_a_temporary_directory_elsewhere_is_found(self, runtime: Runtime) -> None:
        with (
            TemporaryDirectory(prefix="dd-") as elsewhere,
            corpus(runtime, environment={"TMPDIR": elsewhere}) as target,
        ):
            found = findings(target.pid)
            assert found["socket"].status is Status.OK
            assert found["socket path"].seen.startswith(elsewhere)

    def test_a_temporary_directory_too_long_for_a_socket(self, runtime: Runtime, tmp_path: Path) -> None:
        long = tmp_path / ("x" * 100)
        long.mkdir()
        with corpus(runtime, environment={"TMPDIR": str(long)}) as target:
            found = findings(target.pid)
            assert found["socket path"].status is Status.WARNING
            assert found["socket"].status is Status.WARNING

    def test_stopped_by_a_signal(self, runtime: Runtime) -> None:
        with corpus(runtime) as target:
            os.kill(target.pid, signal.SIGSTOP)
            assert "stopped" in eventually(target.pid, "state", Status.WARNING).seen
            assert findings(target.pid)["socket"].status is Status.WARNING
            assert main(["doctor", "-p", str(target.pid)]) == 0
            os.kill(target.pid, signal.SIGCONT)
            eventually(target.pid, "socket", Status.OK)

    def test_traced_already_and_by_whom(self, runtime: Runtime) -> None:
        with corpus(runtime) as target:
            command = [tool("strace"), "-f", "-o", "/dev/null", "-p", str(target.pid)]
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as strace:
                try:
                    found = eventually(target.pid, "tracer", Status.PROBLEM)
                    assert f"process {strace.pid} (strace)" in found.seen
                finally:
                    strace.terminate()

    def test_createdump_that_may_not_be_run(self, runtime: Runtime, tmp_path: Path) -> None:
        root = copied(runtime, tmp_path)
        createdump = root.directory / "createdump"
        with corpus(root) as target:
            createdump.chmod(0o644)
            assert "not executable" in findings(target.pid)["createdump"].seen
            createdump.unlink()
            assert "missing" in findings(target.pid)["createdump"].seen
            (root.directory / "libmscordaccore.so").unlink()
            assert findings(target.pid)["dac"].status is Status.WARNING

    def test_a_small_and_a_read_only_place_for_the_dump(self, runtime: Runtime, tmp_path: Path) -> None:
        with corpus(runtime) as target:
            with mounted(tmp_path / "small", "-o", "size=1m") as small:
                assert findings(target.pid, small)["space"].status is Status.PROBLEM
            with mounted(tmp_path / "read-only", "-o", "ro") as read_only:
                assert "read-only" in findings(target.pid, read_only)["output"].seen

    def test_a_zombie(self, runtime: Runtime) -> None:
        with corpus(runtime) as target:
            os.kill(target.pid, signal.SIGKILL)
            os.waitid(os.P_PID, target.pid, os.WEXITED | os.WNOWAIT)
            assert "zombie" in eventually(target.pid, "state", Status.PROBLEM).seen

    def test_of_another_user(self, runtime: Runtime) -> None:
        as_root()
        with corpus(runtime) as target:
            assert as_another_user(target.pid)["user"].status is Status.PROBLEM

    def test_not_dumpable(self, runtime: Runtime, tmp_path: Path) -> None:
        as_root()
        script = (
            "import ctypes, os, sys; os.setresuid(65534, 65534, 65534); ctypes.CDLL(None).prctl(4, 0, 0, 0, 0);"
            "print('{\"ready\": true}', flush=True); sys.stdin.read()"
        )
        del runtime, tmp_path
        with wrapped(sys.executable, "-c", script) as pid:
            assert findings(pid)["dumpable"].status is Status.WARNING
            assert as_another_user(pid)["dumpable"].status is Status.PROBLEM

    def test_in_namespaces_of_its_own(self, runtime: Runtime) -> None:
        as_root()
        command = [tool("unshare"), "--pid", "--mount", "--fork", "--mount-proc", *runtime.command("idle")]
        with wrapped(*command) as pid:
            found = findings(pid)
            assert "in which it is process 1" in found["pid namespace"].seen
            assert f"/proc/{pid}/root" in found["mount namespace"].seen
            assert found["socket"].status is Status.OK


def as_another_user(pid: int) -> dict[str, Finding]:
    """What the doctor finds when it runs as nobody, in a process of its own."""
    return in_child(lambda: os.setresuid(ANOTHER_USER, ANOTHER_USER, ANOTHER_USER), pid)


def in_child(prepare: Callable[[], None], pid: int) -> dict[str, Finding]:
    import pickle

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.chdir("/tmp")
            prepare()
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
            os.write(writer, pickle.dumps(findings(pid)))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        data = stream.read()
    os.waitpid(child, 0)
    found: dict[str, Finding] = pickle.loads(data)  # noqa: S301 -- our own child wrote it
    return found


def copied(runtime: Runtime, directory: Path) -> Runtime:
    """A runtime of its own that may be damaged: files are links but createdump and the DAC."""
    shutil.copytree(runtime.root, directory / "dotnet", symlinks=True)
    return Runtime(directory / "dotnet", runtime.version)
