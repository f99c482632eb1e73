"""A Python program that is a target, seen from another process as any other."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dotdump import open_core
from dotdump.dump import runtime_method
from dotdump.dump.collect import Request, collect
from dotdump.dump.runtime_method import RuntimeMethod
from dotdump.errors import CommandRejected
from dotdump.ipc.client import DiagnosticsClient
from dotdump.ipc.diagnostics import DiagnosticsState
from dotdump.ipc.dump import DumpFlags, DumpType
from dotdump.ipc.state import diagnose

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

PROGRAM = """
import sys, dotdump
with dotdump.DiagnosticServer(name="shop"):
    print("ready", flush=True)
    sys.stdin.read()
"""

IMPORTS_NOTHING = PROGRAM.replace("    print", "    sys.meta_path.clear()\n    print", 1)
MANY_THREADS = (
    "import threading\n"
    "for _ in range(200): threading.Thread(target=threading.Event().wait, daemon=True).start()\n" + PROGRAM
)


@contextmanager
def _program(program: str = PROGRAM, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process
            process.communicate(timeout=10)
        finally:
            process.kill()


def _dotdump(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dotdump", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def _ps() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(_dotdump("ps", "--format", "json").stdout)["processes"]
    return rows


def _ready(process: subprocess.Popen[bytes]) -> bool:
    assert process.stdout
    return process.stdout.readline() == b"ready\n"


def test_it_is_found_trusted_and_asked() -> None:
    with _program(SHOP="open") as process:
        assert _ready(process)
        answer = diagnose(process.pid, 5)
        assert answer.state == DiagnosticsState.OK
        assert answer.info
        assert (answer.info.pid, answer.info.entry_assembly) == (process.pid, "shop")
        assert "DiagnosticServer" in answer.info.command_line
        assert DiagnosticsClient.for_process(process.pid).environment()["SHOP"] == "open"


def test_it_answers_where_no_module_can_be_imported_any_more() -> None:
    with _program(IMPORTS_NOTHING) as process:
        assert _ready(process)
        client = DiagnosticsClient.for_process(process.pid)
        assert client.process_info().pid == process.pid
        client.set_environment_variable("SHOP", "open")
        assert client.environment()["SHOP"] == "open"
        with pytest.raises(CommandRejected, match="a Python program has no Mini dump"):
            client.write_dump("/nowhere/core", DumpType.MINI)


def test_ps_lists_it() -> None:
    with _program() as process:
        assert _ready(process)
        (row,) = [row for row in _ps() if row["pid"] == process.pid]
        assert row["diagnostics"] == "ok"


def test_it_is_off_where_the_environment_says_so() -> None:
    with _program(DOTNET_EnableDiagnostics="0") as process:
        assert _ready(process)
        assert diagnose(process.pid, 5).state == DiagnosticsState.OFF


def test_it_waits_at_its_start_where_the_environment_says_so() -> None:
    with _program(DOTNET_DefaultDiagnosticPortSuspend="1") as process:
        deadline = time.monotonic() + 20
        while diagnose(process.pid, 1).state != DiagnosticsState.SUSPENDED:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert process.stdout
        assert not select.select([process.stdout], [], [], 0.3)[0]
        (row,) = [row for row in _ps() if row["pid"] == process.pid]
        assert row["diagnostics"] == "suspended"
        DiagnosticsClient.for_process(process.pid, 5).resume()
        assert _ready(process)
        assert diagnose(process.pid, 5).state == DiagnosticsState.OK


def test_it_has_a_core_of_itself_written_to_a_path_and_to_a_held_file(tmp_path: Path) -> None:
    with _program() as process:
        assert _ready(process)
        client = DiagnosticsClient.for_process(process.pid)
        written = client.write_dump(str(tmp_path / "named.%p"), DumpType.FULL, timeout=60)
        assert written.version == 3
        with (tmp_path / "held").open("w+b") as held:
            client.write_dump(f"/proc/{os.getpid()}/fd/{held.fileno()}", DumpType.FULL, timeout=60)
        for path in (tmp_path / f"named.{process.pid}", tmp_path / "held"):
            with open_core(path) as core:
                assert core.process.pid == process.pid
                assert len(core.threads) >= 2
        with pytest.raises(CommandRejected, match="no Mini dump"):
            client.write_dump(str(tmp_path / "mini"), DumpType.MINI, timeout=60)
        with pytest.raises(CommandRejected, match="nowhere"):
            client.write_dump("/nowhere/core", DumpType.FULL, timeout=60)
        assert process.poll() is None


def test_it_has_a_crash_report_written_beside_a_core_or_alone(tmp_path: Path) -> None:
    with _program() as process:
        assert _ready(process)
        client = DiagnosticsClient.for_process(process.pid)
        client.write_dump(str(tmp_path / "both"), DumpType.FULL, DumpFlags.CRASH_REPORT, timeout=60)
        client.write_dump(str(tmp_path / "alone"), DumpType.FULL, DumpFlags.CRASH_REPORT_ONLY, timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "alone.crashreport.json",
        "both",
        "both.crashreport.json",
    ]
    assert json.loads((tmp_path / "alone.crashreport.json").read_text())["payload"]["threads"]


def test_a_crash_report_that_takes_longer_than_the_core_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_method, "SILENCE_AFTER_RELEASE", 0.2)
    with _program(MANY_THREADS) as process:
        assert _ready(process)
        request = Request(process.pid, output=str(tmp_path / "core"), crash_report=True)
        result = collect(request, RuntimeMethod(DumpFlags.CRASH_REPORT))
    assert result.crash_report
    assert len(json.loads(Path(result.crash_report).read_text())["payload"]["threads"]) == 203
    assert result.warnings == ()


def test_the_doctor_does_not_miss_a_runtime_where_there_is_none_to_be(tmp_path: Path) -> None:
    with _program() as process:
        assert _ready(process)
        doctor = _dotdump("doctor", "-p", process.pid, "-o", tmp_path, "--format", "json")
    findings = {finding["name"]: finding for finding in json.loads(doctor.stdout)["findings"]}
    assert doctor.returncode == 0
    assert "server of its own" in findings["runtime"]["seen"]
    assert "vulnerability" not in findings


@pytest.mark.parametrize("method", ["auto", "runtime"])
def test_collect_takes_a_verified_core_that_demands_no_runtime(method: str, tmp_path: Path) -> None:
    core = tmp_path / "core"
    with _program() as process:
        assert _ready(process)
        collected = _dotdump("collect", "-p", process.pid, "--method", method, "-o", core, "--format", "json")
        assert collected.returncode == 0, collected.stderr
        assert process.poll() is None
    result = json.loads(collected.stdout)
    assert result["method"] == ("ptrace" if method == "auto" else "runtime")
    assert {finding["verdict"] for finding in result["findings"]} == {"ok"}
    assert "runtime" not in {finding["check"] for finding in result["findings"]}
    verified = _dotdump("verify", core)
    assert (verified.returncode, "runtime" in verified.stdout) == (0, False), verified.stdout
