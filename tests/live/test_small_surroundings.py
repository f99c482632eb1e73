"""dotdump where less is there than it is used to: of /proc, of memory, of room for the file."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import subprocess
import sys
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpus import corpus, missing, runtimes
from dotdump import open_core
from faults.invariant import children_of
from native import native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

pytestmark = pytest.mark.live


def dotdump(
    *arguments: object, mounted: str = "", before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run dotdump, where ``mounted`` is a command of the shell in a mount namespace of its own after that."""
    if mounted and os.geteuid() != 0:
        missing("only root can mount")
    prefix = ("unshare", "-m", "--propagation", "private", "sh", "-c", f'{mounted} && exec "$@"', "sh")
    command = [*(prefix if mounted else ()), sys.executable, "-m", "dotdump", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, preexec_fn=before)


@pytest.mark.parametrize("mounted", ["umount -l /proc", "mount -t tmpfs tmpfs /proc"])
@pytest.mark.parametrize("command", ["collect", "stacks", "doctor"])
def test_a_process_that_proc_does_not_show_is_not_said_to_have_ended(
    mounted: str, command: str, tmp_path: Path
) -> None:
    output = ("-o", tmp_path / "core") if command == "collect" else ()
    with native("threads", "1") as process:
        done = dotdump(command, "-p", process.pid, *output, mounted=mounted)
    assert done.returncode == 1
    assert f"process {process.pid} is there, but not in /proc" in done.stderr
    assert "hint: mount -t proc" in done.stderr


@pytest.mark.parametrize("words", ["ps", "collect -n Billing"])
def test_without_proc_nobody_knows_whether_there_are_processes(words: str) -> None:
    done = dotdump(*words.split(), mounted="umount -l /proc")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot look for processes: /proc is not mounted here\n  hint: mount -t proc" in done.stderr


def test_processes_of_another_pid_namespace_are_not_listed() -> None:
    if os.geteuid() != 0:
        missing("only root can make a pid namespace")
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "dotdump", "ps"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot look for processes: /proc is that of another PID namespace" in done.stderr


def test_numbers_of_another_pid_namespace_are_no_ended_processes(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        missing("only root can make a pid namespace")
    with native("threads", "1") as process:
        command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "dotdump", "collect", "-p"]
        command += [str(process.pid), "-o", str(tmp_path / "core")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "/proc is that of another PID namespace" in done.stderr


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
def test_a_proc_of_processes_only_is_enough(method: str, tmp_path: Path) -> None:
    with native("threads", "1") as process:
        options = ("--method", method, "-o", tmp_path / "core", "--format", "json")
        done = dotdump("collect", "-p", process.pid, *options, mounted="mount -t proc -o subset=pid proc /proc")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["method"] == method


NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
HIDING = """
mount -t proc -o hidepid=2 proc /proc
unshare --pid --fork --kill-child setpriv --reuid 65534 --regid 65534 --clear-groups sleep 100 &
while ! target=$(pgrep -P $! -x sleep); do sleep 0.05; done
code=0
"$@" -p "$target" -o - || code=$?
kill -9 "$target"
exit $code
"""


def test_a_parent_that_proc_hides_is_outside_of_its_childs_namespace(tmp_path: Path) -> None:
    interpreter = [*NOBODY, sys.executable]
    if os.geteuid() != 0 or subprocess.run([*interpreter, "-c", "import dotdump"], check=False).returncode:
        missing("only root can mount, and another user must be able to run dotdump")
    command = ["unshare", "-m", "sh", "-ec", HIDING, "sh", *interpreter, "-m", "dotdump", "collect"]
    with (tmp_path / "core").open("wb") as core:
        done = subprocess.run(command, stdout=core, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    with open_core(tmp_path / "core") as found:
        assert (found.process.pid, found.process.ppid) == (1, 0)


def test_a_masked_status_is_an_error_of_ours(tmp_path: Path) -> None:
    with native("threads", "1") as process:
        masked = f"mount --bind /dev/null /proc/{process.pid}/status"
        done = dotdump("collect", "-p", process.pid, "-o", tmp_path / "core", mounted=masked)
    assert done.returncode == 1
    assert done.stderr.endswith("status: not the status of a process\n")


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (16 << 20, 16 << 20))


def test_where_memory_runs_out_the_twin_is_buried(tmp_path: Path) -> None:
    with native("threads", "20") as process:
        options = ("--method", "snapshot", "-o", tmp_path / "core.zst")
        done = dotdump("collect", "-p", process.pid, *options, before=limit_memory)
        assert children_of(process.pid) == frozenset()
        assert int(process.ask()) > 0
    assert done.returncode == 1
    assert "there is not enough memory for that" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@contextmanager
def small_file_system(path: Path, size: str) -> Iterator[Path]:
    path.mkdir()
    if os.geteuid() != 0:
        missing("only root can mount")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_part_that_a_full_disk_took_is_named_with_advice(tmp_path: Path) -> None:
    with native("threads", "20") as process, small_file_system(tmp_path / "small", "128k") as small:
        done = dotdump("collect", "-p", process.pid, "-o", small / "core.zst")
        assert [path.name for path in small.iterdir()] == ["core.zst.partial"]
    assert done.returncode == 1
    assert (
        f"{small}/core.zst: No space left on device; what there is was kept as {small}/core.zst.partial" in done.stderr
    )
    assert "hint: free some space" in done.stderr


def refuse_ptrace() -> None:
    """Have a filter refuse ptrace(2) with EPERM, as the profiles of containers do."""
    load, is_ptrace, allow, refuse = (0x20, 0, 0, 0), (0x15, 0, 1, 101), (6, 0, 0, 0x7FFF0000), (6, 0, 0, 0x50001)
    code = b"".join(struct.pack("<HBBI", *step) for step in (load, is_ptrace, refuse, allow))
    steps = ctypes.create_string_buffer(code)
    program = struct.pack("<HxxxxxxQ", 4, ctypes.addressof(steps))
    libc = ctypes.CDLL(None)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
        raise OSError("no filter could be set")


def test_where_a_filter_refuses_ptrace_the_runtime_dumps_itself(tmp_path: Path) -> None:
    with corpus(runtimes()[-1] if runtimes() else missing("no runtime")) as target:
        done = dotdump("collect", "-p", target.pid, "-o", tmp_path / "core", before=refuse_ptrace)
        told = dotdump("doctor", "-p", target.pid, before=refuse_ptrace)
    assert done.returncode == 0
    assert "by runtime" in done.stdout
    assert "a filter of system calls (seccomp) refuses ptrace to dotdump" in done.stdout
    assert "warning  own methods          a filter of system calls (seccomp) refuses ptrace" in told.stdout


@pytest.mark.parametrize("command", ["collect --method snapshot -o nowhere", "stacks --native"])
def test_a_filter_that_refuses_ptrace_is_named(command: str) -> None:
    with native("threads", "1") as process:
        done = dotdump(*command.split(), "-p", process.pid, before=refuse_ptrace)
    assert done.returncode == 1
    assert "a filter of system calls (seccomp) refuses ptrace to dotdump" in done.stderr
    assert "hint: allow ptrace in the profile" in done.stderr


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 17, 1 << 17))


def test_a_limit_on_files_is_named_with_advice(tmp_path: Path) -> None:
    with native("threads", "20") as process:
        done = dotdump("collect", "-p", process.pid, "-o", tmp_path / "core.zst", before=limit_files)
    assert done.returncode == 1
    assert f"File too large; what there is was kept as {tmp_path}/core.zst.partial" in done.stderr
    assert "ulimit -f" in done.stderr


def test_a_core_with_holes_is_read_where_no_page_is_left(tmp_path: Path) -> None:
    """Through a mapping a hole in tmpfs takes a page, and SIGBUS follows where there is none."""
    with native("threads", "20") as process, small_file_system(tmp_path / "small", "64m") as small:
        assert dotdump("collect", "-p", process.pid, "-o", small / "core").returncode == 0
        with suppress(OSError), (small / "rest").open("wb", buffering=0) as rest:
            while rest.write(bytes(4096)):
                pass
        for command in ("verify", "info", "stacks --native", "threads"):
            done = dotdump(*command.split(), small / "core")
            assert done.returncode in (0, 3), (command, done)


@contextmanager
def overlaid(below: Path) -> Iterator[Path]:
    """An overlay whose files lie in ``below``; "missing" where a sandbox knows none."""
    for name in ("lower", "upper", "work", "merged"):
        (below / name).mkdir()
    layers = f"lowerdir={below}/lower,upperdir={below}/upper,workdir={below}/work"
    if subprocess.run(["mount", "-t", "overlay", "-o", layers, "overlay", f"{below}/merged"], check=False).returncode:
        missing("no overlay can be mounted")
    try:
        yield below / "merged"
    finally:
        subprocess.run(["umount", "-l", f"{below}/merged"], check=True)


@pytest.mark.parametrize("wrapped", [nullcontext, overlaid])
def test_a_core_in_tmpfs_does_not_grow_as_it_is_read(
    wrapped: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path
) -> None:
    with (
        native("threads", "20") as process,
        small_file_system(tmp_path / "small", "64m") as small,
        wrapped(small) as place,
    ):
        assert dotdump("collect", "-p", process.pid, "-o", place / "core").returncode == 0
        before = (place / "core").stat().st_blocks
        with open_core(place / "core") as core:
            for part in core.core_memory.ranges():
                core.core_memory.read(part.start, part.size)
        assert (place / "core").stat().st_blocks == before


def test_doctor_does_not_promise_to_trace_what_only_shows_its_maps() -> None:
    if os.geteuid() != 0:
        missing("only root has capabilities to drop")
    with native("threads", "1") as process:
        command = ["setpriv", "--bounding-set", "-sys_ptrace", sys.executable, "-m", "dotdump", "doctor", "-p"]
        done = subprocess.run([*command, str(process.pid)], capture_output=True, text=True, timeout=60, check=False)
    assert "warning  own methods          dotdump may not trace it" in done.stdout


@pytest.mark.parametrize("command", ["stacks --native", "threads", "collect -o nowhere", "collect --live -o nowhere"])
def test_a_process_with_more_rights_than_ours_is_refused_with_what_to_do(command: str) -> None:
    if os.geteuid() != 0:
        missing("only root has capabilities to drop")
    with native("threads", "1") as process:
        dotdump = [sys.executable, "-m", "dotdump", *command.split(), "-p", str(process.pid)]
        less = ["setpriv", "--bounding-set", "-sys_ptrace", *dotdump]
        done = subprocess.run(less, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"cannot read its memory: not allowed for process {process.pid}" in done.stderr
    assert "hint: it has rights that dotdump lacks: give dotdump CAP_SYS_PTRACE" in done.stderr


@pytest.mark.parametrize("words", ["collect -o - --method ptrace", "threads"])
def test_where_memory_runs_out_we_are_taken_before_the_process(words: str) -> None:
    seen = set[str]()
    with native("threads", "2") as process:
        command = [sys.executable, "-m", "dotdump", *words.split(), "-p", str(process.pid)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as dotdump:
            while dotdump.poll() is None:
                seen.add(score_of(dotdump.pid))
        theirs = score_of(process.pid)
    assert dotdump.returncode == 0
    assert "999" in seen
    assert theirs == score_of(os.getpid()) != "999"


def score_of(pid: int) -> str:
    """Return how soon the kernel takes a process where memory runs out."""
    return Path(f"/proc/{pid}/oom_score_adj").read_text().strip()
