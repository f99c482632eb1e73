"""A program on another C library: its loader, its thread stacks and its signal return are not glibc's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import musl
from corpus import corpus, missing
from dotdump import open_core
from dotdump.analysis.statistics import heap_statistics
from dotdump.clr.model.runtime import ClrRuntime

pytestmark = pytest.mark.live


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
@pytest.mark.parametrize("program", musl.PROGRAMS, ids=lambda path: path.parent.name)
def test_a_musl_program_gives_a_core_whose_heap_is_its_own(program: Path, method: str, tmp_path: Path) -> None:
    core, libraries = tmp_path / "core", tmp_path / "libraries"
    libraries.mkdir()
    with corpus(program, "heap", environment=musl.environment(libraries)) as running:
        command = [sys.executable, "-m", "dotdump", "collect", "-p", str(running.pid), "-o", str(core)]
        command += ["--method", method, "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        threads = len(list(Path(f"/proc/{running.pid}/task").iterdir()))
        assert running.ask("gc") is not None
    result = json.loads(done.stdout)
    assert (result["method"], result["warnings"]) == (method, [])
    with open_core(core) as target:
        assert any("musl/" in module.path or "ld-musl" in module.path for module in target.modules)
        found = heap_statistics(ClrRuntime.of(target))
    counts = {row.name: row.count for row in found.types}
    facts = {key[6:]: value for key, value in running.facts.items() if key.startswith("count:")}
    assert facts
    assert {name: counts.get(name) for name in facts} == facts
    _assert_gdb_sees(core, threads)


def _assert_gdb_sees(core: Path, threads: int) -> None:
    if shutil.which("gdb") is None:
        missing("no gdb")
    command = ["gdb", "-batch", "-nx", "-core", str(core), "-ex", "info threads"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert abs(sum("LWP" in line for line in shown.splitlines() if line[:1] in " *") - threads) <= 1, shown
