"""What ``collect`` refuses before it touches anything, with what to do instead: the checks of its method."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpus import Runtime, corpus, missing, runtimes
from dotdump.dump.doctor.preflight import require_runtime, require_tracing
from dotdump.dump.subject import Subject
from dotdump.errors import CollectError
from dotdump.ipc.dump import DumpType
from native import native

pytestmark = pytest.mark.live
NEWEST = runtimes()[-1]


LIMITED = ("prlimit", "--fsize=1000000")


def run(*arguments: object, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-m", "dotdump", "collect", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_createdump_that_cannot_be_run_is_named_and_our_own_way_works(tmp_path: Path) -> None:
    shutil.copytree(NEWEST.root, tmp_path / "dotnet", symlinks=True)
    runtime = Runtime(tmp_path / "dotnet", NEWEST.version)
    with corpus(runtime) as target:
        (runtime.directory / "createdump").unlink()
        refused = run("-p", target.pid, "--method", "runtime", "-o", tmp_path / "core")
        assert refused.returncode == 1
        assert f"missing: {runtime.directory}/createdump" in refused.stderr
        assert "ptrace" in refused.stderr
        assert not (tmp_path / "core").exists()
        assert run("-p", target.pid, "-o", tmp_path / "core").returncode == 0


@pytest.mark.parametrize("method", ["runtime", "ptrace", "snapshot", "auto"])
def test_a_process_that_runs_under_strace_is_refused_with_who_holds_it(method: str, tmp_path: Path) -> None:
    strace = shutil.which("strace") or missing("no strace")
    with corpus(NEWEST) as target:
        command = [strace, "-f", "-e", "trace=none", "-o", "/dev/null", "-p", str(target.pid)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as tracer:
            try:
                deadline = time.monotonic() + 20
                while f"TracerPid:\t{tracer.pid}" not in Path(f"/proc/{target.pid}/status").read_text():
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                refused = run("-p", target.pid, "--method", method, "-o", tmp_path / "core")
            finally:
                tracer.terminate()
    assert refused.returncode == 1
    assert f"process {tracer.pid} (strace) traces it already" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_thread_that_is_stuck_forbids_createdump_which_would_hang_but_not_our_own_way() -> None:
    with native("threads", "3", "vfork") as process, Subject.open(process.pid) as subject:
        with pytest.raises(CollectError, match="1 in uninterruptible sleep") as refused:
            require_runtime(subject, DumpType.FULL)
        assert "--method ptrace" in (refused.value.hint or "")
        require_tracing(subject, None)


def test_our_own_limit_on_files_counts_where_we_write(tmp_path: Path) -> None:
    with corpus(NEWEST) as target:
        refused = run("-p", target.pid, "--method", "ptrace", "-o", tmp_path / "core", prefix=LIMITED)
        assert refused.returncode == 1
        assert "our limit is 1,000 kB (RLIMIT_FSIZE)" in refused.stderr
        assert list(tmp_path.iterdir()) == []
