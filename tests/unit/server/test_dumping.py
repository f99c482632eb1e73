from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dotdump.errors import CollectError
from dotdump.ipc.dump import DumpFlags, DumpType, GenerateCoreDump
from dotdump.server import dumping

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("code", [0, 3])
def test_a_dump_that_is_there_has_not_failed_although_there_are_warnings(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumping, "_run", lambda _: (code, "dotdump: warning: no"))
    dumping.dump_self(GenerateCoreDump("/tmp/core", DumpType.FULL, 0))


@pytest.mark.parametrize("code", [1, 2, None])
def test_any_other_end_is_a_failure(code: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumping, "_run", lambda _: (code, "dotdump: cannot"))
    with pytest.raises(CollectError, match="cannot"):
        dumping.dump_self(GenerateCoreDump("/tmp/core", DumpType.FULL, 0))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that are run from now on, and succeed."""
    found: list[list[str]] = []

    def run(command: list[str]) -> tuple[int, str]:
        found.append(command)
        return 0, ""

    monkeypatch.setattr(dumping, "_run", run)
    return found


@pytest.mark.parametrize(("path", "output"), [("-", "./-"), ("--force", "./--force"), ("core", "./core"), ("/c", "/c")])
@pytest.mark.parametrize("flags", [0, DumpFlags.CRASH_REPORT])
def test_a_path_is_never_an_option_or_standard_output(
    path: str, output: str, flags: int, commands: list[list[str]]
) -> None:
    dumping.dump_self(GenerateCoreDump(path, DumpType.FULL, flags))
    (command,) = commands
    assert command[command.index("--name" if flags else "--output") + 1] == output


def test_without_a_path_it_goes_where_createdump_writes_it(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/var/100%")
    dumping.dump_self(GenerateCoreDump("", DumpType.FULL))
    assert commands[0][-1] == "/var/100%%/coredump.%p"


def test_only_a_descriptor_of_somebody_is_a_file_that_is_held(commands: list[list[str]]) -> None:
    for path in ("/proc/1/fd/2", "/proc/self/fd/1", "/proc/../var/fd/core", "/proc/1/fd/7/core"):
        dumping.dump_self(GenerateCoreDump(path, DumpType.FULL))
    assert [command[4] for command in commands] == ["dotdump.server.dump_worker"] + ["dotdump"] * 3
    with pytest.raises(CollectError, match="no place beside it for a crash report"):
        dumping.dump_self(GenerateCoreDump("/proc/1/fd/2", DumpType.FULL, DumpFlags.CRASH_REPORT))


def test_a_directory_is_no_name_for_a_dump(commands: list[list[str]], tmp_path: Path) -> None:
    with pytest.raises(CollectError, match="it is a directory"):
        dumping.dump_self(GenerateCoreDump(str(tmp_path), DumpType.FULL))
    assert not commands


@pytest.mark.parametrize("disposition", ["SIG_DFL", "SIG_IGN"])
def test_a_program_that_ignores_the_end_of_its_children_is_told_of_a_dump_that_failed(disposition: str) -> None:
    program = (
        "import signal; from dotdump.server.dumping import dump_self; from dotdump.ipc.dump import GenerateCoreDump;"
        f"signal.signal(signal.SIGCHLD, signal.{disposition});"
        "dump_self(GenerateCoreDump('/nowhere/core', 4))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, env=environment()
    )
    assert "CollectError: dotdump: cannot write into the directory '/nowhere'" in done.stderr


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("pass", "0"),
        ("raise SystemExit", "0"),
        ("raise SystemExit(3)", "3"),
        ("raise SystemExit('no')", "1"),
        ("print('not the code')", "0"),
        ("import sys; raise SystemExit(sys.argv[1:] != ['--force', 'core'])", "0"),
        ("raise ValueError", ""),
        ("import os; os.kill(os.getpid(), 9)", ""),
    ],
)
def test_a_child_tells_how_its_module_ended_and_nothing_else(program: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(program)
    command = [sys.executable, "-P", "-m", "dotdump.server.child", "module", "--force", "core"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=environment(str(tmp_path))
    )
    assert done.stdout == told
    assert (done.returncode == 0) == (told == "0")


def environment(*places: str) -> dict[str, str]:
    """An environment in which Python finds modules in ``places`` and where we do."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([*places, *filter(None, sys.path)])}


def test_no_module_is_taken_from_the_directory_that_the_program_is_in(tmp_path: Path) -> None:
    for name in ("dotdump", "select"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken')")
    program = (
        "import os, sys; from dotdump.server.dumping import dump_self; from dotdump.ipc.dump import GenerateCoreDump;"
        "dump_self(GenerateCoreDump(sys.argv[1], 4))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(tmp_path / "core")],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "core").read_bytes()[:4] == b"\x7fELF"
