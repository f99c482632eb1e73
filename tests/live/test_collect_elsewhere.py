"""``dotdump collect`` of processes of other users and in other namespaces, and onto file systems that fill up."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from corpus import READY_SECONDS, Corpus, Runtime, corpus, corpus_environment, missing, runtimes

pytestmark = pytest.mark.live

NEWEST = runtimes()[-1] if runtimes() else None
OTHER_USER = 54321


def newest() -> Runtime:
    if os.geteuid() != 0:
        missing("only root can start processes of other users and mount file systems")
    return NEWEST or missing("no runtime")


@contextmanager
def wrapped(*prefix: str, scenario: str = "idle") -> Iterator[Corpus]:
    """Corpus started through another program, such as setpriv or unshare."""
    command = [*prefix, *newest().command(scenario)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=corpus_environment()
    )
    running = Corpus(process)
    try:
        running.facts = json.loads(running.read_line(READY_SECONDS))
        yield running
    finally:
        running.end()


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def run(*arguments: object, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [
        *prefix,
        sys.executable,
        "-m",
        "dotdump",
        "collect",
        "--method",
        "runtime",
        *map(str, arguments),
        "--format",
        "json",
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def left_behind(root: Path) -> list[Path]:
    return [path for place in ("mnt", "tmp", "var/tmp", "dev/shm") for path in (root / place).glob(".dotdump-*")]


def test_root_collects_from_another_user_and_owns_the_file(tmp_path: Path) -> None:
    user = str(OTHER_USER)
    with wrapped("setpriv", "--reuid", user, "--regid", user, "--clear-groups") as target:
        done = run("-p", target.pid, "-o", tmp_path / "core")
        assert done.returncode == 0, done.stderr
        assert target.pause_ms() >= 0
    made = (tmp_path / "core").stat()
    assert (made.st_uid, stat.S_IMODE(made.st_mode)) == (os.geteuid(), 0o600)
    assert left_behind(Path("/")) == []


def test_another_user_is_refused_with_the_reason(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    nobody = ("setpriv", "--reuid", str(OTHER_USER), "--regid", str(OTHER_USER), "--clear-groups")
    with corpus(newest(), "idle") as target:
        done = run("-p", target.pid, "-o", tmp_path / "core", prefix=nobody)
    if "No module named" in done.stderr or "Permission denied: '" in done.stderr:
        missing("this Python cannot be run by another user")
    assert done.returncode == 1
    assert "not allowed" in done.stderr or "not for this user" in done.stderr
    assert names(tmp_path) == []


def test_a_process_with_more_rights_than_ours_keeps_its_directories_to_itself(tmp_path: Path) -> None:
    with corpus(newest(), "idle") as target:
        done = run("-p", target.pid, "-o", tmp_path, prefix=("setpriv", "--bounding-set", "-sys_ptrace"))
    assert done.returncode == 1
    assert "cannot reach the directory in which its runtime would write the dump: not allowed" in done.stderr
    assert "hint: it has rights that dotdump lacks: give dotdump CAP_SYS_PTRACE" in done.stderr


def test_a_process_in_another_mount_namespace(tmp_path: Path) -> None:
    with wrapped("unshare", "--mount", "--propagation", "private") as target:
        done = run("-p", target.pid, "-o", tmp_path / "core")
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"] == str(tmp_path / "core")


@pytest.mark.parametrize("report", [False, True])
def test_a_process_in_a_container_of_its_own(tmp_path: Path, report: bool) -> None:
    """Its own pids, its own /proc and its own place for temporary files: the path it is told means nothing here."""
    script = 'mount -t tmpfs -o mode=1777 tmpfs /mnt && TMPDIR=/mnt exec "$@"'
    prefix = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", script, "sh")
    options = ["--crashreport"] if report else []
    with wrapped(*prefix) as launcher:
        pid = _only_child(launcher.pid)
        assert launcher.facts["pid"] != pid
        done = run("-p", pid, "-o", tmp_path / "core", *options)
        assert done.returncode == 0, done.stderr
        assert left_behind(Path(f"/proc/{pid}/root")) == []
        assert launcher.pause_ms() >= 0
    assert (tmp_path / "core").read_bytes()[:4] == b"\x7fELF"
    assert stat.S_IMODE((tmp_path / "core").stat().st_mode) == 0o600
    assert (tmp_path / "core.crashreport.json").exists() == report


def _only_child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


@contextmanager
def small_file_system(path: Path, megabytes: int) -> Iterator[Path]:
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)], check=False)
    if mounted.returncode:
        missing("no file system can be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_disk_too_small_is_refused_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    with corpus(newest(), "idle") as target, small_file_system(tmp_path / "small", 20) as small:
        done = run("-p", target.pid, "-o", small)
        assert done.returncode == 1
        assert "20 MB are free" in done.stderr or "21 MB are free" in done.stderr
        assert names(small) == []


def test_a_disk_that_fills_up_while_writing_leaves_nothing(tmp_path: Path) -> None:
    with corpus(newest(), "idle") as target, small_file_system(tmp_path / "small", 4) as small:
        done = run("-p", target.pid, "--type", "mini", "-o", small)
        assert done.returncode == 1
        assert "No space left" in done.stderr
        assert "the disk is full" in done.stderr
        assert names(small) == []
        assert target.pause_ms() >= 0


@pytest.mark.parametrize(("limit", "kind"), [(1_000_000, "full"), (0, "mini")])
def test_a_file_size_limit_of_the_target_is_refused_before_anything_stops(
    limit: int, kind: str, tmp_path: Path
) -> None:
    with limited(limit) as target:
        done = run("-p", target.pid, "--type", kind, "-o", tmp_path)
    assert done.returncode == 1
    assert f"its limit is {limit // 1000:,} kB (RLIMIT_FSIZE)" in done.stderr


def test_a_small_dump_that_its_file_size_limit_cut_says_so(tmp_path: Path) -> None:
    with limited(1 << 20) as target:
        done = run("-p", target.pid, "--type", "mini", "-o", tmp_path)
    assert done.returncode == 1
    assert "the file ends at 1,048,576" in done.stderr
    assert "hint: the target's RLIMIT_FSIZE is too small" in done.stderr


@contextmanager
def limited(size: int) -> Iterator[Corpus]:
    """A target whose files, and those of its children, may be no larger than ``size`` bytes."""
    if not shutil.which("prlimit"):
        missing("prlimit is not installed")
    with corpus(newest(), "idle") as target:
        subprocess.run(["prlimit", "--pid", str(target.pid), f"--fsize={size}"], check=True)
        yield target


def test_a_process_that_may_open_no_more_files_is_left_alone(tmp_path: Path) -> None:
    """With fewer free descriptors yet a runtime ends by itself soon."""
    if not shutil.which("prlimit"):
        missing("prlimit is not installed")
    with corpus(newest(), "idle") as target:
        target.pause_ms()
        limit = _limit_that_leaves(3, {int(entry.name) for entry in Path(f"/proc/{target.pid}/fd").iterdir()})
        subprocess.run(["prlimit", "--pid", str(target.pid), f"--nofile={limit}:4096"], check=True)
        done = dotdump("collect", "-p", target.pid, "--type", "mini", "-o", tmp_path / "core", "--format", "json")
        refused = dotdump("collect", "-p", target.pid, "--method", "runtime", "-o", tmp_path / "other")
        listed = json.loads(dotdump("ps", "--format", "json").stdout)["processes"]
        assert target.pause_ms() >= 0
    assert (done.returncode, json.loads(done.stdout)["method"]) == (0, "ptrace"), done.stderr
    assert refused.returncode == 1
    assert "more files (RLIMIT_NOFILE)" in refused.stderr
    assert [found["diagnostics"] for found in listed if found["pid"] == target.pid] == ["silent"]


def _limit_that_leaves(free: int, used: set[int]) -> int:
    """Return the limit below which so many descriptors are free: their numbers have holes."""
    limit = 0
    while free >= 0:
        free -= limit not in used
        limit += 1
    return limit - 1


def dotdump(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dotdump", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
