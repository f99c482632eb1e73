"""``dotdump collect`` through real runtimes: every type, and every way to fail that can be made real here."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from corpus import Corpus, corpus, executable, missing, runtimes, socket_path
from dotdump.linux.proc import Proc

pytestmark = pytest.mark.live

RUNTIMES = {runtime.version: runtime for runtime in runtimes()}
EIGHT_AND_TEN = [v for major in ("8.", "10.") for v in RUNTIMES if v.startswith(major)][:2]
KILLS = 100 if os.environ.get("DOTDUMP_FAULTS") == "full" else 3
"""How often createdump is killed for each runtime and moment."""


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def run(*arguments: object, seconds: float = 60, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-m", "dotdump", "collect", "--method", "runtime", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def collected(*arguments: object) -> dict[str, object]:
    done = run(*arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


def single_file(major: int) -> Path:
    return executable(f"single-file-net{major}")


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("kind", ["Full", "heap", "MINI", "Triage"])
@pytest.mark.parametrize("version", RUNTIMES)
def test_every_runtime_gives_a_verified_core_of_every_type(version: str, kind: str, tmp_path: Path) -> None:
    with corpus(RUNTIMES[version], "idle") as target:
        result = collected("-p", target.pid, "--type", kind, "-o", tmp_path)
        assert float(target.pause_ms()) > 0
    path = Path(str(result["path"]))
    assert path == tmp_path / f"core.{target.pid}"
    assert path.stat().st_size == result["bytes"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert result["schema"] == "dotdump/collect/1"
    assert (result["type"], result["method"]) == (kind.capitalize(), "runtime")
    assert result["command"] == ("GenerateCoreDump" if version.startswith("3.") else "GenerateCoreDump3")
    assert {finding["verdict"] for finding in result["findings"]} == {"ok"}  # type: ignore[attr-defined] # whatever JSON holds
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("version", RUNTIMES)
def test_gdb_finds_the_threads_that_were_there(version: str, tmp_path: Path) -> None:
    if not shutil.which("gdb"):
        missing("gdb is not installed")
    with corpus(RUNTIMES[version], "threads") as target:
        tasks = Path(f"/proc/{target.pid}/task")
        before = set(names(tasks))
        path = collected("-p", target.pid, "-o", tmp_path)["path"]
        after = set(names(tasks))
    gdb = ["gdb", "-batch", "-nx", "-ex", "info threads", str(RUNTIMES[version].root / "dotnet"), str(path)]
    listing = subprocess.run(gdb, capture_output=True, text=True, timeout=120, check=False).stdout
    found = re.findall(r"\bLWP (\d+)", listing.split("Id")[-1])
    assert len(found) == len(set(found))
    assert before & after <= set(found) <= before | after  # a runtime ends threads that it has no more work for


@pytest.mark.parametrize("major", [8, 10])
def test_a_single_file_gives_a_full_core(major: int, tmp_path: Path) -> None:
    with corpus(single_file(major), "idle") as target:
        done = run("-p", target.pid, "-o", tmp_path / "core", "--format", "json")
        assert Proc(target.pid).children() == []
    assert done.returncode in (0, 3), done.stderr
    assert json.loads(done.stdout)["verified"]


@pytest.mark.parametrize("kind", ["heap", "mini", "triage"])
@pytest.mark.parametrize("major", [8, 10])
def test_a_single_file_can_give_no_other_type_and_that_is_said(major: int, kind: str, tmp_path: Path) -> None:
    with corpus(single_file(major), "idle") as target:
        done = run("-p", target.pid, "--type", kind, "-o", tmp_path)
        assert Proc(target.pid).children() == []
    assert done.returncode == 1
    assert "single-file" in done.stderr
    assert names(tmp_path) == []


def test_native_aot_says_what_it_cannot(tmp_path: Path) -> None:
    with corpus(executable("native-aot-net10"), "idle") as target:
        without = run("-p", target.pid, "-o", tmp_path)
    with corpus(executable("native-aot-net10-eventsource"), "idle") as target:
        refusing = run("-p", target.pid, "-o", tmp_path)
    assert (without.returncode, refusing.returncode) == (1, 1)
    assert "no diagnostics socket" in without.stderr
    assert "E_FAIL (0x80004005)" in refusing.stderr
    assert names(tmp_path) == []


@pytest.mark.parametrize("moment", ["at once", "while writing"])
@pytest.mark.parametrize("version", EIGHT_AND_TEN)
def test_a_killed_createdump_is_always_found_out(version: str, moment: str, tmp_path: Path) -> None:
    with corpus(RUNTIMES[version], "bulk", megabytes=200) as target:
        for _ in range(KILLS):
            killed = _collect_and_kill(target, tmp_path, writing=moment == "while writing")
            assert killed.returncode == 1, killed.stdout
            assert not list(tmp_path.glob("core.*[0-9]"))
            for partial in tmp_path.glob("*.partial"):
                assert partial.name in killed.stderr
                partial.unlink()
            assert names(tmp_path) == []
            assert target.pause_ms() >= 0
            assert Path(f"/proc/{target.pid}/stat").read_text().rpartition(")")[2].split()[0] not in "Tt"


def _collect_and_kill(target: Corpus, directory: Path, *, writing: bool) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "dotdump",
        "collect",
        "--method",
        "runtime",
        "-p",
        str(target.pid),
        "-o",
        str(directory),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ours:
        while ours.poll() is None:
            for child in _children(target.pid):
                if not writing or _has_written(child, 1 << 20):
                    os.kill(child, signal.SIGKILL)
                    out, error = ours.communicate(timeout=60)
                    return subprocess.CompletedProcess(command, ours.returncode, out, error)
    raise AssertionError("createdump was never seen")


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += [int(word) for word in (task / "children").read_text().split()]
        except OSError:
            continue
    return [child for child in found if _name(child) == "createdump"]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _has_written(pid: int, size: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/io").read_text().split()
    except OSError:
        return False
    return int(fields[fields.index("wchar:") + 1]) >= size


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT], ids=lambda number: number.name
)
def test_a_signal_ends_the_call_says_what_goes_on_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    with corpus(next(reversed(RUNTIMES.values())), "bulk", megabytes=400) as target:
        command = [
            sys.executable,
            "-m",
            "dotdump",
            "collect",
            "--method",
            "runtime",
            "-p",
            str(target.pid),
            "-o",
            str(tmp_path),
            "--crashreport",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ours:
            while not _children(target.pid):
                time.sleep(0.002)
            time.sleep(0.1)
            ours.send_signal(number)
            out, error = ours.communicate(timeout=10)
        assert ours.returncode == -number
        assert out == ""
        assert f"process {target.pid}" in error
        assert names(tmp_path) == []
        assert target.pause_ms() >= 0


def test_a_busy_diagnostics_server_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    with corpus(next(reversed(RUNTIMES.values())), "idle") as target, _blocked(target.pid):
        started = time.monotonic()
        done = run("-p", target.pid, "-o", tmp_path, "--timeout", 2)
        assert time.monotonic() - started < 10
    assert done.returncode == 1
    assert re.search(r"no answer within (2|1\.\d+) s", done.stderr), done.stderr  # of both, what connecting left
    assert names(tmp_path) == []


@contextmanager
def _blocked(pid: int) -> Iterator[None]:
    """A client that begins a request and never ends it: the runtime hears nobody else meanwhile."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(socket_path(pid)))
        silent.sendall(b"DOTNET")
        yield


def test_a_stopped_process_is_refused_at_once_with_a_way_out(tmp_path: Path) -> None:
    with corpus(next(reversed(RUNTIMES.values())), "idle") as target, frozen(target.pid):
        done = run("-p", target.pid, "-o", tmp_path, "--timeout", 30, seconds=10)
    assert done.returncode == 1
    assert "kill -CONT" in done.stderr


def test_a_process_stopped_in_mid_dump_meets_the_deadline(tmp_path: Path) -> None:
    with corpus(next(reversed(RUNTIMES.values())), "bulk", megabytes=300) as target:
        command = [
            sys.executable,
            "-m",
            "dotdump",
            "collect",
            "--method",
            "runtime",
            "-p",
            str(target.pid),
            "-o",
            str(tmp_path),
        ]
        with subprocess.Popen([*command, "--timeout", "3"], stderr=subprocess.PIPE, text=True) as ours:
            while not (children := _children(target.pid)):
                time.sleep(0.002)
            with frozen(children[0]):
                _, error = ours.communicate(timeout=15)
        assert ours.returncode == 1
        assert "createdump" in error
        assert names(tmp_path) == []
        assert target.pause_ms() >= 0


def test_a_file_in_the_way_is_left_alone_and_force_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "core"
    path.write_text("older")
    with corpus(next(reversed(RUNTIMES.values())), "idle") as target:
        refused = run("-p", target.pid, "--type", "mini", "-o", path)
        assert (refused.returncode, path.read_text()) == (1, "older")
        assert "--force" in refused.stderr
        assert collected("-p", target.pid, "--type", "mini", "-o", path, "--force")["path"] == str(path)
    assert path.read_bytes()[:4] == b"\x7fELF"


@pytest.mark.parametrize("version", [v for v in RUNTIMES if not v.startswith("3.")])
def test_a_crash_report_comes_with_the_dump(version: str, tmp_path: Path) -> None:
    with corpus(RUNTIMES[version], "idle") as target:
        result = collected("-p", target.pid, "--type", "mini", "--crashreport", "-o", tmp_path / "core")
    report = Path(str(result["crash_report"]))
    assert report == tmp_path / "core.crashreport.json"
    assert json.loads(report.read_text())["payload"]["threads"]
    assert names(tmp_path) == ["core", "core.crashreport.json"]


def test_a_process_is_found_by_its_name_only_where_there_is_one(tmp_path: Path) -> None:
    program = executable("native-aot-net10-eventsource")
    named = tmp_path / "Shop4711"
    shutil.copy(program, named)
    with corpus(named, "idle"):
        assert "E_FAIL" in run("-n", "Shop4711", "-o", tmp_path).stderr
        with corpus(named, "idle"):
            assert "2 .NET processes are called" in run("-n", "Shop4711", "-o", tmp_path).stderr
    assert "no .NET process is called" in run("-n", "Shop4711", "-o", tmp_path).stderr


@pytest.mark.parametrize("version", RUNTIMES)
def test_a_port_to_connect_to(version: str, tmp_path: Path) -> None:
    with corpus(RUNTIMES[version], "idle") as target:
        answer = collected("--dport", f"{socket_path(target.pid)},connect", "--type", "mini", "-o", tmp_path)
        assert answer["pid"] == target.pid


def test_a_port_that_listens(tmp_path: Path) -> None:
    port = tmp_path / "port"
    environment = {"DOTNET_DiagnosticPorts": f"{port},connect,nosuspend"}
    with corpus(next(reversed(RUNTIMES.values())), "idle", environment=environment) as target:
        assert collected("--diagnostic-port", port, "--type", "mini", "-o", tmp_path)["pid"] == target.pid
