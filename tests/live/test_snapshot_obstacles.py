"""Snapshots of processes that make forking hard: seccomp filters against it, memory that forks do not inherit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpus import missing
from dotdump import open_core
from dotdump.dump.doctor.gather import gather
from dotdump.errors import SnapshotRefused
from dotdump.linux.proc import Proc
from dotdump.target.snapshot import open_snapshot
from native import native

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

FILTERS = ["errno", "kill"]
FILLED = (0xD0, 0x3E, 0x5A, 0x0D)
SIZE = 65536
CGROUP_2 = "cgroup.subtree_control"
DIES_IN_A_CALL = """
import os, signal, sys
from dotdump.linux.inject import Injection
from dotdump.dump.doctor.gather import gather
from dotdump.errors import SnapshotRefused
from dotdump.linux.proc import Proc
from dotdump.target.snapshot import open_snapshot
Injection._run_call = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
open_snapshot(int(sys.argv[1]))
"""


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def collect(pid: int, output: Path, *options: str, drop: str = "") -> subprocess.CompletedProcess[str]:
    """Collect without the capabilities to ``drop``, as setpriv spells them."""
    setpriv = [shutil.which("setpriv") or "", "--inh-caps", drop, "--bounding-set", drop] if drop else []
    command = [*setpriv, sys.executable, "-m", "dotdump", "collect", "-p", str(pid), "-o", str(output), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def require_setpriv() -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        missing("only root with setpriv can give up capabilities")


@pytest.mark.parametrize("action", FILTERS)
def test_a_filter_against_fork_is_suspended_for_ours(action: str) -> None:
    if os.geteuid() != 0:
        missing("only CAP_SYS_ADMIN may suspend seccomp")
    with native("guarded", action) as process:
        for _ in range(3):
            with open_snapshot(process.pid) as target:
                assert len(target.threads) == 1
            assert target.problems == []
            assert children(process.pid) == ""
            assert int(process.ask()) > 0
        assert "Seccomp:\t2" in Path(f"/proc/{process.pid}/status").read_text()


@pytest.mark.parametrize("action", FILTERS)
def test_a_filter_of_the_thread_that_would_fork_is_seen(action: str) -> None:
    with native("guarded", action, "thread") as process:
        with open_snapshot(process.pid) as target:
            assert len(target.threads) == 2
        assert target.problems == []
        assert children(process.pid) == ""
        assert process.ask() == "0"


def test_a_process_whose_system_calls_go_to_a_handler_is_not_forked() -> None:
    with native("dispatched") as process:
        if process.ask() == "0":
            missing("this kernel dispatches no system calls")
        with pytest.raises(SnapshotRefused, match="no thread that a fork could be made with"):
            open_snapshot(process.pid)
        assert process.ask() == "1"


@pytest.mark.parametrize("action", FILTERS)
def test_without_the_right_to_suspend_it_the_world_is_stopped_instead(action: str, tmp_path: Path) -> None:
    require_setpriv()
    with native("guarded", action) as process:
        done = collect(process.pid, tmp_path / "core", "--live", drop="-sys_admin")
        assert done.returncode == 0, done.stderr
        assert "no snapshot" in done.stdout
        assert "only CAP_SYS_ADMIN can suspend" in done.stdout
        assert int(process.ask()) > 0
        assert children(process.pid) == ""


def test_a_thread_that_loses_its_dumper_in_a_call_has_its_vector_registers_again() -> None:
    with native("vectors") as process:
        assert process.ask() == "0"
        for _ in range(3):
            dumper = subprocess.run([sys.executable, "-c", DIES_IN_A_CALL, str(process.pid)], check=False)
            assert dumper.returncode == -signal.SIGKILL
            assert process.ask() == "0"


def test_a_twin_is_buried_where_a_thread_sleeps_for_longer_than_the_dump(tmp_path: Path) -> None:
    with native("vforked") as process:
        (born,) = Proc(process.pid).children()
        (late,) = process.tids - {process.pid}
        done = collect(process.pid, tmp_path / "core", "--method", "snapshot")
        assert "by snapshot" in done.stdout, done.stderr
        assert f"threads [{late}] still sleep" in done.stderr
        assert "zombie" not in done.stderr
        assert Proc(process.pid).children() == [born]
        assert process.ask() == "0"


def test_where_no_thread_stops_the_stop_after_a_refused_snapshot_does_not_meet_ourselves(tmp_path: Path) -> None:
    with native("vforked", "alone") as process:
        done = collect(process.pid, tmp_path / "core", "--method", "snapshot")
        assert "no snapshot" in done.stdout, done.stderr
        assert f"threads [{process.pid}] slept uninterruptibly" in done.stderr


def test_a_process_whose_child_would_be_init_of_a_namespace_is_not_forked() -> None:
    with native("unshared") as process:
        with suppress(SnapshotRefused):
            open_snapshot(process.pid).close()
        first = process.ask()
        if first == "-1":
            missing("a new pid namespace is not permitted")
        assert first == "0"  # the twin was not init there, which would have ended the namespace
        with pytest.raises(SnapshotRefused):
            open_snapshot(process.pid)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Freeze a process in a control group of its own, of version 2, until the block ends."""
    mounts = [path for path in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")) if (path / CGROUP_2).exists()]
    if os.geteuid() != 0 or not mounts:
        missing("only root can make a control group, of version 2, where that is mounted")
    group = mounts[0] / f"dotdump-test-{pid}"
    group.mkdir()
    try:
        (group / "cgroup.procs").write_text(str(pid))
        (group / "cgroup.freeze").write_text("1")
        while "frozen 1" not in (group / "cgroup.events").read_text():
            time.sleep(0.001)
        yield
    finally:
        (group / "cgroup.freeze").write_text("0")
        (mounts[0] / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def test_a_frozen_process_is_not_forked_and_goes_on_when_it_is_thawed() -> None:
    with native("threads", "3") as process:
        process.ask()
        with frozen(process.pid), pytest.raises(SnapshotRefused, match="does not run"):
            open_snapshot(process.pid)
        assert children(process.pid) == ""
        assert int(process.ask()) > 0


def test_a_process_that_is_frozen_while_its_twin_lives_keeps_that_as_a_zombie() -> None:
    with native("threads", "3") as process:
        with ExitStack() as stack:
            with open_snapshot(process.pid) as target:
                stack.enter_context(frozen(process.pid))
            assert any("as a zombie" in problem for problem in target.problems)
        assert int(process.ask()) > 0
        with open_snapshot(process.pid):
            pass
        assert children(process.pid) == ""


@pytest.mark.parametrize("buffer", ["0", "1GB"])
def test_pages_that_the_process_would_have_to_supply_are_not_waited_for(buffer: str, tmp_path: Path) -> None:
    """Without these capabilities such memory is not to be had as a file."""
    require_setpriv()
    with native("supplied") as process:
        if process.ask() == "0":
            missing("no userfaultfd")
        options = ("--live", "--buffer", buffer)
        done = collect(process.pid, tmp_path / "core", *options, drop="-sys_admin,-checkpoint_restore")
        assert "userfaultfd" in done.stderr, done.stderr
        assert "by ptrace" in done.stdout
        address, asked = process.ask().split()
    assert asked == "2"
    with open_core(tmp_path / "core") as target:
        pages = [target.memory.read_available(int(address, 16) + page * 4096, 4096) for page in range(4)]
    assert pages == [b"S" * 4096, b"", b"S" * 4096, b""]


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
def test_memory_that_forks_do_not_inherit_is_in_the_core(method: str, tmp_path: Path) -> None:
    core = tmp_path / "core"
    with native("advised") as process:
        addresses = [int(word, 16) for word in process.ask().split()]
        done = collect(process.pid, core, "--method", method)
        assert done.returncode == 0, done.stderr
        assert f"by {method}" in done.stdout
    with open_core(core) as target:
        found = [target.memory.read(address, SIZE) for address in addresses]
    assert found == [bytes([value]) * SIZE for value in FILLED]


@pytest.mark.parametrize(("action", "answer"), [("errno", "1"), ("kill", "")])
def test_the_filters_do_what_they_say(action: str, answer: str) -> None:
    """Without this, a filter that filters nothing would let the tests above pass."""
    with native("guarded", action) as process:
        assert process.process.stdin is not None
        process.process.stdin.write(b"fork\n")
        process.process.stdin.flush()
        if answer:
            assert process.read_line() == answer
        else:
            assert process.process.wait(5) == -signal.SIGSYS


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
def test_a_process_whose_main_thread_has_ended_is_dumped(method: str, tmp_path: Path) -> None:
    with native("leaderless") as process:
        done = collect(process.pid, tmp_path / "core", "--method", method)
        assert done.returncode == 0, done.stderr
        assert f"by {method}" in done.stdout
        assert int(process.ask()) == 0
    with open_core(tmp_path / "core") as target:
        assert len(target.threads) == 1
        assert target.process.pid == process.pid
        assert any(module.path.endswith("leaderless") for module in target.modules)


def test_a_process_whose_main_thread_has_ended_is_no_zombie_to_doctor() -> None:
    with native("leaderless") as process:
        subject = gather(process.pid).subject
    assert subject is not None
    assert (subject.state in "RS", subject.readable, subject.root_reachable) == (True, True, True)
    assert subject.environment


def test_a_kernel_thread_is_said_to_have_no_memory(tmp_path: Path) -> None:
    name = Path("/proc/2/comm")
    if os.geteuid() != 0 or not name.exists() or name.read_text() != "kthreadd\n":
        missing("no root, or no kernel threads in this pid namespace")
    done = collect(2, tmp_path / "core", "--method", "ptrace")
    assert "has no memory of its own: it is a kernel thread" in done.stderr
