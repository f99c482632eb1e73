"""Runtimes of versions that are not known: all that is said of them has a doubt, and their own dumps are preferred.

.NET Core 3.1 under another number: by that number its structures are taken for those of .NET 8, which it has not.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from answers import answer, asked
from corpus import Corpus, Runtime, corpus, runtimes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("unknown versions")]

NUMBER = "6.0.36"
COMMANDS = (
    *("crash", "exceptions", "finalizers", "handles", "heap", "locks", "modules", "retained", "segments", "stacks"),
    *("statics", "strings", "tasks", "threads"),
)
DOUBT = f"CoreCLR {NUMBER} is read as if it were 8.0, so answers may be wrong or incomplete"


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    """Corpus on it."""
    oldest = runtimes()[0]
    runtime = Runtime(tmp_path_factory.mktemp("unknown") / "dotnet", NUMBER)
    shutil.copytree(oldest.root, runtime.root, symlinks=True)
    for directory in (runtime.directory.parent, runtime.root / "host" / "fxr"):
        (directory / oldest.version).rename(directory / NUMBER)
    with corpus(runtime, "all") as running:
        yield running


@pytest.fixture(scope="module")
def core(unknown: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Full dump of it."""
    path = tmp_path_factory.mktemp("unknown-core") / "core"
    status, _, warnings = answer("collect", "-p", str(unknown.pid), "-o", str(path))
    assert (status, warnings) == (0, ""), "a Full dump has all of it, whatever it is"
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_answer_has_the_doubt_once(core: Path, command: str) -> None:
    status, content, warnings = answer(command, str(core))
    assert status == 3
    assert [problem["message"].partition(":")[0] for problem in content["problems"]].count(DOUBT) == 1
    assert f"dotdump: warning: {DOUBT}" in warnings


def test_an_address_and_a_crash_report_have_it_too(core: Path) -> None:
    status, content, _ = answer("address", str(core), "7f0000000000")
    assert (status, len(content["problems"])) == (3, 1)
    status, _, warnings = answer("crashreport", str(core))
    assert status == 3
    assert DOUBT in warnings


def test_what_is_not_found_may_be_for_that(core: Path) -> None:
    command = [sys.executable, "-m", "dotdump", "roots", str(core), r"^Corpus\.Node$"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"hint: {DOUBT}" in done.stderr


def test_info_and_doctor_say_so(unknown: Corpus, core: Path) -> None:
    (runtime,) = asked("info", core)["runtimes"]
    assert (runtime["version"], runtime["known"], runtime["file_version"][:5]) == (NUMBER, False, "4.700")
    findings = {row["name"]: row for row in asked("doctor", "-p", unknown.pid)["findings"]}
    assert findings["runtime"]["status"] == "warning"
    assert "its structures are not known" in findings["runtime"]["seen"]


@pytest.mark.parametrize("kind", ["heap", "mini"])
def test_small_dumps_are_its_own_and_ours_are_doubted(unknown: Corpus, tmp_path: Path, kind: str) -> None:
    collect = ("collect", "-p", str(unknown.pid), "--type", kind, "-o")
    status, content, warnings = answer(*collect, str(tmp_path / "theirs"))
    assert (status, content["method"], warnings.count(DOUBT)) == (0, "runtime", 0)
    status, content, warnings = answer(*collect, str(tmp_path / "ours"), "--method", "ptrace")
    assert (status, content["method"], warnings.count(DOUBT)) == (3, "ptrace", 1)
