"""``dotdump collect -o -``: a core that is read while it is written, on every way out of standard output."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpus import missing
from dotdump import open_core
from dotdump.cli.main import main
from dotdump.linux.proc import Proc
from native import native

pytestmark = pytest.mark.live

METHODS = ["ptrace", "snapshot"]


def command(pid: int, *options: str) -> list[str]:
    return [sys.executable, "-m", "dotdump", "collect", "-p", str(pid), "-o", "-", *options]


def piped(pid: int, through: list[str], received: Path, *options: str) -> tuple[int, str]:
    """Collect into a pipe that ``through`` reads and writes to ``received``; returns exit code and standard error."""
    with received.open("wb") as file:
        collecting = subprocess.Popen(command(pid, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        subprocess.run(through, stdin=collecting.stdout, stdout=file, check=True)
        assert collecting.stdout is not None
        collecting.stdout.close()
        assert collecting.stderr is not None
        said = collecting.stderr.read()
        collecting.stderr.close()
        return collecting.wait(), said


def assert_is_core(path: Path, pid: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Our own reader, our own verification, and gdb agree that it is a whole core of a process of eight threads."""
    with open_core(path) as target:
        assert (target.process.pid, len(target.threads)) == (pid, 8)
        assert target.memory.read(target.threads[0].stack_pointer, 64).strip(b"\0")
    assert main(["verify", str(path)]) == 0, capsys.readouterr().out
    if shutil.which("gdb") is None:
        missing("no gdb")
    shown = subprocess.run(
        ["gdb", "-batch", "-nx", "-core", path, "-ex", "info threads"], capture_output=True, text=True, check=False
    )
    assert shown.stdout.count("LWP") >= 8, shown.stdout


@pytest.mark.parametrize("method", METHODS)
def test_a_pipe_receives_a_whole_core(method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with native("threads", "7") as process:
        exit_code, said = piped(process.pid, ["cat"], tmp_path / "core", "--method", method, "--format", "json")
        assert int(process.ask()) > 0
        assert_is_core(tmp_path / "core", process.pid, capsys)
    result = json.loads(said)
    assert exit_code == 0
    assert (result["path"], result["verified"], result["findings"][0]["check"]) == ("-", False, "stream")
    assert result["bytes"] == (tmp_path / "core").stat().st_size


@pytest.mark.parametrize("method", METHODS)
def test_a_compressed_stream_is_what_zstd_unpacks(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("zstd") is None:
        missing("no zstd")
    with native("threads", "7") as process:
        options = ("--method", method, "--compress")
        exit_code, said = piped(process.pid, ["zstd", "-dc"], tmp_path / "core", *options)
        assert exit_code == 0, said
        assert said.startswith("-\n")
        assert_is_core(tmp_path / "core", process.pid, capsys)
        assert piped(process.pid, ["cat"], tmp_path / "core.zst", *options)[0] == 0
    assert main(["verify", str(tmp_path / "core.zst")]) == 0


def test_a_redirected_file_has_holes_and_may_be_appended_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fresh, appended = tmp_path / "fresh", tmp_path / "appended"
    with native("threads", "7") as process:
        for path, mode in ((fresh, "wb"), (appended, "ab")):
            with path.open(mode) as file:
                subprocess.run(command(process.pid, "--live"), stdout=file, stderr=subprocess.PIPE, check=True)
            assert_is_core(path, process.pid, capsys)
    assert fresh.stat().st_size == appended.stat().st_size
    assert fresh.stat().st_blocks < appended.stat().st_blocks


def test_a_terminal_gets_no_core() -> None:
    leader, terminal = pty.openpty()
    try:
        with native("threads", "1") as process:
            done = subprocess.run(command(process.pid), stdout=terminal, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 1
        assert "it is a terminal" in done.stderr
        assert "hint:" in done.stderr
    finally:
        os.close(leader)
        os.close(terminal)


@pytest.mark.parametrize("options", [[], ["--compress"]], ids=["plain", "compressed"])
@pytest.mark.parametrize("method", METHODS)
def test_a_reader_that_goes_away_ends_it_cleanly(method: str, options: list[str]) -> None:
    with native("threads", "7") as process:
        arguments = command(process.pid, "--method", method, *options)
        collecting = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert collecting.stdout is not None
        os.read(collecting.stdout.fileno(), 1000)
        collecting.stdout.close()
        _, said = collecting.communicate(timeout=30)
        assert collecting.returncode == 1
        assert said.startswith("dotdump: the dump was cut short: standard output: Broken pipe\n"), said
        assert "Traceback" not in said
        assert not Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        assert int(process.ask()) > 0
        assert "t" not in process.states().values()


@pytest.mark.parametrize("method", METHODS)
def test_a_reader_that_falls_silent_is_given_up(method: str) -> None:
    with native("threads", "7") as process:
        arguments = command(process.pid, "--method", method, "--buffer", "0", "--timeout", "1")
        begun = time.monotonic()
        collecting = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert collecting.stderr is not None
        assert "its reader did not take it within --timeout" in collecting.stderr.read()
        assert collecting.wait(30) == 1
        assert time.monotonic() - begun < 20
        assert int(process.ask()) > 0
        assert collecting.stdout is not None
        collecting.stdout.close()
        collecting.stderr.close()


@pytest.mark.parametrize("options", [[], ["--compress"]], ids=["plain", "compressed"])
@pytest.mark.parametrize("method", METHODS)
def test_a_slow_reader_does_not_hold_the_process(
    method: str, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with native("threads", "7") as process:
        arguments = command(process.pid, "--method", method, *options)
        collecting = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert collecting.stdout is not None
        first = os.read(collecting.stdout.fileno(), 1000)
        ticks = [int(process.ask()) for _ in range(3)]  # the pipe is full, and nobody reads on
        assert ticks == sorted(set(ticks))
        assert "t" not in process.states().values()
        assert collecting.poll() is None
        rest, said = collecting.communicate(timeout=30)
        assert collecting.returncode == 0, said
        received = tmp_path / "core"
        received.write_bytes(first + rest)
        if not options:
            assert_is_core(received, process.pid, capsys)
    assert main(["verify", str(received)]) == 0


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT], ids=lambda number: number.name
)
def test_a_signal_while_nobody_reads_on_leaves_no_twin(number: signal.Signals) -> None:
    with native("mortal", "16") as process:
        arguments = command(process.pid, "--method", "snapshot")
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as collecting:
            assert collecting.stdout is not None
            os.read(collecting.stdout.fileno(), 1)
            assert Proc(process.pid).children()
            collecting.send_signal(number)
            assert collecting.wait(timeout=30) == -number
            assert Proc(process.pid).children() == []
            assert int(process.ask()) > 0
            assert collecting.stderr is not None
            assert collecting.stderr.read() == f"dotdump: stopped; no dump of process {process.pid} was written\n"


def test_ctrl_z_waits_until_the_process_runs_again() -> None:
    seen = set[str]()
    with native("threads", "7") as process:
        arguments = command(process.pid, "--method", "ptrace", "--buffer", "0")
        collecting = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0)
        assert collecting.stdout is not None
        os.read(collecting.stdout.fileno(), 1)
        collecting.send_signal(signal.SIGTSTP)
        while collecting.poll() is None:
            if select.select([collecting.stdout], [], [], 0.05)[0]:
                os.read(collecting.stdout.fileno(), 1 << 20)
            elif Proc(collecting.pid).stat().state == "T":
                seen |= set(process.states().values())
                collecting.send_signal(signal.SIGCONT)
        collecting.stdout.close()
    assert collecting.returncode == 0
    assert seen
    assert "t" not in seen


def test_a_reader_that_could_hold_the_process_is_told_of() -> None:
    with native("threads", "7") as process:
        arguments = command(process.pid, "--method", "ptrace", "--buffer", "4K")
        done = subprocess.run(arguments, capture_output=True, check=False)
    assert done.returncode == 3
    assert b"stood still until the reader of the dump had taken it" in done.stderr


def test_the_runtime_cannot_write_a_stream() -> None:
    with native("threads", "1") as process:
        done = subprocess.run(command(process.pid, "--method", "runtime"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "the runtime writes a file" in done.stderr
    assert "--live and --method ptrace write a stream" in done.stderr
