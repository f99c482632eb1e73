"""``dotdump collect --crashreport`` where the name of the report is taken, or there is none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from corpus import Runtime, corpus, missing, runtimes
from dotdump.cli import crash_report_file
from dotdump.cli.main import main
from dotdump.errors import OutputRefused
from native import native

pytestmark = pytest.mark.live

OLDER = "somebody else's"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A file that has the name of the report of ``core``."""
    path = tmp_path / "core.crashreport.json"
    path.write_text(OLDER)
    return path


def arguments(pid: int, core: Path, *options: str) -> list[str]:
    return ["collect", "-p", str(pid), "-o", str(core), "--type", "mini", "--crashreport", *options]


def assert_is_report(path: Path) -> None:
    assert json.loads(path.read_text())["payload"]["threads"]


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
def test_a_taken_name_is_refused_before_anything_and_replaced_by_force(
    method: str, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    core = report.with_name("core")
    with native("threads", "3") as process:
        command = arguments(process.pid, core, "--method", method)
        assert main(command) == 1
        assert "'core.crashreport.json'" in capsys.readouterr().err
        assert (report.read_text(), core.exists()) == (OLDER, False)
        assert main([*command, "--force"]) == 0
    assert_is_report(report)
    assert core.exists()


def test_a_report_of_the_runtimes_is_replaced_by_force_too(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    modern = [runtime for runtime in runtimes() if runtime.major >= 8]
    if not modern:
        missing("no runtime")
    core = report.with_name("core")
    with corpus(modern[-1]) as target:
        command = arguments(target.pid, core, "--method", "runtime")
        assert main(command) == 1
        assert "--force" in capsys.readouterr().err
        assert (report.read_text(), core.exists()) == (OLDER, False)
        assert main([*command, "--force"]) == 0
    assert_is_report(report)


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_every_small_dump_that_is_asked_for_one_has_a_report(runtime: Runtime, tmp_path: Path) -> None:
    with corpus(runtime) as target:
        assert main(arguments(target.pid, tmp_path / "core")) == 0
    assert_is_report(tmp_path / "core.crashreport.json")


def test_beside_a_core_whose_name_is_ours_to_choose_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    with native("threads", "3") as process:
        older = tmp_path / f"core.{process.pid}.crashreport.json"
        older.write_text(OLDER)
        assert main(arguments(process.pid, tmp_path, "--method", "ptrace")) == 0
    assert older.read_text() == OLDER
    assert_is_report(older.with_name(f"{older.name}-2"))


def test_a_core_without_the_report_that_was_asked_for_is_told_with_its_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise OutputRefused("no space")

    monkeypatch.setattr(crash_report_file, "write_crash_report", fail)
    with native("threads", "3") as process:
        assert main(arguments(process.pid, tmp_path / "core", "--method", "ptrace")) == 3
    said = capsys.readouterr()
    assert said.out.startswith(f"{tmp_path / 'core'}\n")
    assert "the dump is whole, but its crash report was not written: no space" in said.err


def test_a_stream_has_no_name_that_a_report_could_have() -> None:
    with native("threads", "3") as process:
        command = [sys.executable, "-m", "dotdump", *arguments(process.pid, Path("-"))]
        done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"no crash report can be written beside standard output" in done.stderr
