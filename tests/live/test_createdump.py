"""Our createdump in place of the runtime's: crashes and WriteDump, in a copy of the runtime made of hard links."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpus import Runtime, corpus, corpus_environment, crash_dump_environment, executable, runtimes
from dotdump.dump.verify import Verdict, verify_core, worst
from dotdump.ipc.client import DiagnosticsClient
from dotdump.ipc.dump import DumpType
from dotdump.memory.file import FileSpace
from dotdump.target.core import open_core
from native import native
from our_createdump import put_our_createdump, with_our_createdump

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

CRASHES = ["crash-exception", "crash-failfast", "crash-segv"]
MODERN = [runtime for runtime in runtimes() if runtime.major in (8, 10)]


@pytest.fixture(params=MODERN, ids=lambda runtime: runtime.version)
def with_ours(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runtime]:
    """A runtime whose createdump is ours."""
    with with_our_createdump(request.param, tmp_path) as copy:
        yield copy


@pytest.mark.parametrize("scenario", CRASHES)
def test_a_crash_leaves_a_core_that_says_why(with_ours: Runtime, scenario: str, tmp_path: Path) -> None:
    settings = {
        "DOTNET_DbgEnableMiniDump": "1",
        "DOTNET_DbgMiniDumpType": "4",
        "DOTNET_DbgMiniDumpName": str(tmp_path / "core.%p"),
    }
    environment = corpus_environment() | settings
    done = subprocess.run(with_ours.command(scenario), env=environment, capture_output=True, text=True, check=False)
    (core,) = tmp_path.glob("core.*")
    assert "[createdump] Dump successfully written" in done.stdout
    with open_core(core) as target:
        assert target.signal is not None
        assert target.signal.signo == -done.returncode == signal.SIGABRT


@pytest.mark.parametrize("scenario", ["crash-exception", "crash-failfast"])
def test_a_crash_leaves_a_mini_core_and_a_report_of_it(with_ours: Runtime, scenario: str, tmp_path: Path) -> None:
    settings = {
        "DOTNET_DbgEnableMiniDump": "1",
        "DOTNET_DbgMiniDumpType": "1",
        "DOTNET_DbgMiniDumpName": str(tmp_path / "core.%p"),
        "DOTNET_EnableCrashReport": "1",
    }
    environment = corpus_environment() | settings
    subprocess.run(with_ours.command(scenario), env=environment, capture_output=True, text=True, check=False)
    core = next(path for path in tmp_path.iterdir() if path.suffix != ".json")
    assert core.stat().st_size < 10_000_000
    made = [sys.executable, "-m", "dotdump", "crashreport", str(core)]
    report = subprocess.run(made, capture_output=True, text=True, check=True).stdout
    if with_ours.major >= 6:
        assert json.loads(report) == json.loads(Path(f"{core}.crashreport.json").read_text())
    (crashed,) = (thread for thread in json.loads(report)["payload"]["threads"] if thread["crashed"] == "true")
    methods = [frame.get("method_name", "") for frame in crashed["stack_frames"]]
    assert any("CrashScenario" in method for method in methods)
    if scenario == "crash-exception":
        assert crashed["managed_exception_type"].startswith("Corpus.")
        assert crashed["managed_exception_message"]


def test_a_stack_overflow_leaves_a_mini_core_that_says_so(with_ours: Runtime, tmp_path: Path) -> None:
    core = tmp_path / "core"
    command = with_ours.command("crash-stackoverflow")
    done = subprocess.run(
        command, env=crash_dump_environment(core, 1), capture_output=True, text=True, check=False, timeout=90
    )
    assert "[createdump] Dump successfully written" in done.stdout
    told = subprocess.run(
        [sys.executable, "-m", "dotdump", "crash", str(core), "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(told.stdout)
    assert found["cause"] == "stack overflow"
    assert "Corpus.CrashScenario.StackOverflow(" in found["summary"]


@pytest.mark.parametrize(("scenario", "cause"), [("crash-failfast", "fail fast"), ("crash-segv", "access violation")])
def test_a_native_aot_program_has_ours_beside_it(scenario: str, cause: str, tmp_path: Path) -> None:
    program = shutil.copy(executable("native-aot-net10"), tmp_path)
    put_our_createdump(tmp_path)
    core = tmp_path / "core"
    subprocess.run(
        [program, scenario], env=crash_dump_environment(core, 1), capture_output=True, check=False, timeout=60
    )
    told = {
        command: json.loads(
            subprocess.run(
                [sys.executable, "-m", "dotdump", command, str(core), "--format", "json"],
                capture_output=True,
                text=True,
                check=False,
            ).stdout
        )
        for command in ("crash", "exceptions")
    }
    assert told["crash"]["cause"] == cause
    assert "wait4" not in told["crash"]["summary"]
    assert scenario != "crash-segv" or "It was in Corpus.CrashScenario.SegmentationFault(" in told["crash"]["summary"]
    assert [text for text in map(str, told["exceptions"]["problems"]) if "broken" in text] == []


def test_write_dump_gives_a_core(with_ours: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "core"
    with corpus(with_ours, "heap") as running:
        client = DiagnosticsClient.for_process(running.pid)
        with client.begin_write_dump(str(path), DumpType.FULL) as pending:
            assert pending.poll(60) is not None
    with FileSpace(path) as space:
        assert worst(verify_core(space, space.size)) is not Verdict.PROBLEM


def test_collect_through_such_a_runtime_gives_a_core(with_ours: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "core"
    with corpus(with_ours, "heap") as running:
        command = [sys.executable, "-m", "dotdump", "collect", "-p", str(running.pid), "-o", str(path)]
        done = subprocess.run([*command, "--method", "runtime"], capture_output=True, text=True, check=False)
        assert running.ask("gc") is not None
    assert done.returncode == 0, done.stderr
    assert "by runtime, GenerateCoreDump" in done.stdout
    assert [found.name for found in tmp_path.glob("*core*")] == ["core"]
    with open_core(path) as target:
        assert target.process.pid == running.pid
        assert target.origin is not None
        assert target.origin.method == "ptrace"


def createdump(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dotdump", "createdump", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_messages_and_exit_code_are_those_of_createdump(tmp_path: Path) -> None:
    with native("threads", "3") as process:
        done = createdump("--full", "--name", str(tmp_path / "%e.%p"), str(process.pid))
    said = done.stdout.splitlines()
    assert done.returncode == 0
    assert said[0] == f"[createdump] Gathering state for process {process.pid} threads"
    assert "[createdump] Target process is alive" in said
    assert (tmp_path / f"threads.{process.pid}").exists()


@pytest.mark.parametrize("stdout", ["| true", ">&-", "> /dev/full", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_dump_needs_nobody_who_hears_of_it(stdout: str, tmp_path: Path) -> None:
    core = tmp_path / "core"
    with native("threads", "3") as process:
        script = f'set -o pipefail; "$@" {stdout}'
        words = [sys.executable, "-m", "dotdump", "createdump", "--full", "-f", str(core), str(process.pid)]
        done = subprocess.run(["bash", "-c", script, "sh", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with FileSpace(core) as space:
        assert worst(verify_core(space, space.size)) is not Verdict.PROBLEM


def test_a_log_that_cannot_be_made_is_complained_of_and_a_dump_taken(tmp_path: Path) -> None:
    log, core = tmp_path / "nowhere" / "log", tmp_path / "core"
    with native("threads", "3") as process:
        done = createdump("--full", "-l", str(log), "-f", str(core), str(process.pid))
    assert done.returncode == 0
    assert done.stderr == f"[createdump] Can not create log file '{log}': No such file or directory (2)\n"
    assert "[createdump] Target process is alive" in done.stdout.splitlines()
    assert core.exists()


def test_a_name_with_control_characters_reaches_no_terminal(tmp_path: Path) -> None:
    script = "open('/proc/self/comm', 'wb').write(b'\\x1b[31mev\\nil\\x07'); print('ready', flush=True); input()"
    words = [sys.executable, "-c", script]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        arguments = ["-f", str(tmp_path / "core"), str(process.pid)]
        told = createdump("--full", *arguments)
        logged = createdump("--full", "-l", str(tmp_path / "log"), *arguments)
        words = ["collect", "-p", str(process.pid), "-o", str(tmp_path / "%e"), "--method", "ptrace"]
        collected = subprocess.run(
            [sys.executable, "-m", "dotdump", *words], capture_output=True, text=True, check=False
        )
        process.communicate("")
    shown = r"\x1b[31mev\nil\x07"
    assert told.stdout.splitlines()[0] == f"[createdump] Gathering state for process {process.pid} {shown}"
    assert (tmp_path / "log").read_text().splitlines()[0] == told.stdout.splitlines()[0]
    assert f"{process.pid} ({shown})" in collected.stdout
    every = told.stdout + told.stderr + logged.stderr + collected.stdout + collected.stderr
    assert all(line.isprintable() for line in every.splitlines())


@pytest.mark.parametrize("log", ["log", "/dev/full"])
def test_a_log_takes_names_that_are_no_text_or_nothing_at_all(log: str, tmp_path: Path) -> None:
    core = os.fsdecode(os.fsencode(tmp_path) + b"/core-\xff")
    with native("threads", "3") as process:
        done = createdump("--full", "-l", str(tmp_path / log), "-f", core, str(process.pid))
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    assert Path(core).exists()
    assert log != "log" or b"core-\xff" in (tmp_path / log).read_bytes()


def test_a_crash_report_alone_leaves_no_dump(tmp_path: Path) -> None:
    with native("threads", "3") as process:
        done = createdump("--crashreportonly", "--name", str(tmp_path / "core"), str(process.pid))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["core.crashreport.json"]
    payload = json.loads((tmp_path / "core.crashreport.json").read_text())["payload"]
    assert payload["protocol_version"] == "1.0.0"
    assert len(payload["threads"]) == 4
    assert all(thread["stack_frames"] for thread in payload["threads"])


def test_a_crash_report_alone_leaves_a_core_that_was_there_before(tmp_path: Path) -> None:
    (tmp_path / "core").write_text("of a crash before")
    with native("threads", "3") as process:
        done = createdump("--crashreportonly", "--name", str(tmp_path / "core"), str(process.pid))
        (tmp_path / "core.crashreport.json").rename(tmp_path / "of a directory's name")
        assert createdump("--crashreportonly", "--name", str(tmp_path), str(process.pid)).returncode == 0
    assert done.returncode == 0, done.stderr
    names = {"core", "of a directory's name", f"core.{process.pid}.crashreport.json"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert (tmp_path / "core").read_text() == "of a crash before"


@pytest.mark.parametrize(
    ("options", "words"), [([], "minidump with heap"), (["-h"], "minidump with heap"), (["-n"], "minidump")]
)
def test_the_type_is_the_one_that_createdump_would_take(options: list[str], words: str, tmp_path: Path) -> None:
    with native("threads", "3") as process:
        done = createdump(*options, "--name", f"{tmp_path}/%e.%p.%%", str(process.pid))
    path = tmp_path / f"threads.{process.pid}.%"
    assert done.returncode == 0
    assert f"[createdump] Writing {words} to file {path}" in done.stdout.splitlines()
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    "words", [["--bogus"], ["abc"], ["0"], ["-f"], ["--signal", "x", "1"], ["1", "2"]], ids=" ".join
)
def test_arguments_that_it_does_not_take_are_a_failure_as_any(words: list[str]) -> None:
    done = createdump(*words)
    assert (done.returncode, done.stdout) == (255, "")
    assert "usage: dotdump createdump" in done.stderr
    assert createdump("--help").returncode == 0


def test_a_signal_is_told_in_numbers_of_32_bits(tmp_path: Path) -> None:
    facts = ["--signal", "11", "--code", "4294967290", "--errno", "0xffffffff", "--address", "-1"]
    with native("threads", "3") as process:
        done = createdump("--full", *facts, "-f", str(tmp_path / "core"), str(process.pid))
    assert (done.returncode, done.stderr) == (0, "")
    with open_core(tmp_path / "core") as target:
        assert target.signal is not None
        assert (target.signal.signo, target.signal.code, target.signal.errno) == (11, -6, -1)


def test_a_process_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    done = createdump("--full", "--name", str(tmp_path / "core"), "4194301")
    assert done.returncode == 255
    assert done.stderr.startswith("[createdump] ")
    assert not list(tmp_path.iterdir())
