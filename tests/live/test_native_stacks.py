"""Native stacks of real processes, frame by frame against gdb's: C, CPython, and Corpus on every runtime."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from corpus import Runtime, corpus, crash_dump_environment, executables, runtimes, starting
from native import compiled, native
from stack_witness import Comparison, compare

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live

PROGRAMS = {name: path for name, path in executables().items() if "musl" not in name}
PYTHON = """
import sys, threading
def deep(n):
    return sorted([1, 2], key=lambda _: deep(n - 1)) if n else sys.stdin.read()
threading.Thread(target=threading.Event().wait, daemon=True).start()
print("ready", flush=True)
deep(20)
"""


def core_of(pid: int, folder: Path) -> Path:
    core = folder / "core"
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "dotdump", "collect", "-p", str(pid), "-o", str(core), "--method", "ptrace"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return core


def is_the_same(found: Comparison, least: int) -> None:
    assert found.samples == []
    assert found.theirs >= least
    assert found.equal >= 0.99 * found.theirs
    assert set(found.ends) == {"end of stack: undefined return address"}


def test_stacks_of_c_are_those_of_gdb_also_in_handlers_of_signals_and_wherever_it_was_stopped(tmp_path: Path) -> None:
    with native("stacks") as running:
        cores = [core_of(running.pid, tmp_path / str(number)) for number in range(3)]
    found = Comparison()
    for core in cores:
        found.add(compare(core, str(compiled("stacks"))))
    is_the_same(found, 9000)


@pytest.mark.parametrize(
    "flags",
    [
        ("-Wl,--no-eh-frame-hdr",),
        ("-fno-asynchronous-unwind-tables",),
        ("-fno-asynchronous-unwind-tables", "-gz=zlib"),
        ("-fno-asynchronous-unwind-tables", "-Wl,--build-id=none"),
        ("-static", "-Wl,--no-eh-frame-hdr"),
        ("-O0",),
    ],
    ids="".join,
)
def test_stacks_of_programs_without_an_index_or_with_entries_for_debuggers_only_are_those_of_gdb(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    with native("stacks", flags=flags) as running:
        core = core_of(running.pid, tmp_path)
    is_the_same(compare(core, str(compiled("stacks", flags))), 3000)


def test_stacks_of_cpython_are_those_of_gdb(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PYTHON], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        core = core_of(running.pid, tmp_path)
        running.kill()
    is_the_same(compare(core, sys.executable), 50)


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_native_frames_of_dotnet_are_those_of_gdb_before_between_and_behind_managed_ones(
    runtime: Runtime, tmp_path: Path
) -> None:
    with corpus(runtime, "all") as running:
        core = core_of(running.pid, tmp_path)
    is_the_same(compare(core, str(runtime.root / "dotnet")), 400)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_stacks_of_programs_that_carry_their_runtime_are_those_of_gdb(program: Path, tmp_path: Path) -> None:
    with corpus(program, "all") as running:
        core = core_of(running.pid, tmp_path)
    is_the_same(compare(core, str(program)), 100)


def test_a_process_that_runs_shows_its_stacks_and_runs_on() -> None:
    with native("stacks") as running:
        command = [sys.executable, "-m", "dotdump", "stacks", "-p", str(running.pid), "--native", "--format", "json"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        found = json.loads(done.stdout)
        assert running.process.poll() is None
    assert len(found["threads"]) == 18
    methods = [[frame["method"] for frame in thread["frames"]] for thread in found["threads"]]
    assert max(names.count("recurse") for names in methods) == 3001
    assert any("never_returns" in names and "many_arguments" in names for names in methods)
    kinds = [[frame["kind"] for frame in thread["frames"]].count("signal") for thread in found["threads"]]
    assert max(kinds) == 2


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_a_call_of_null_by_native_code_of_dotnet_has_its_callers_also_in_a_core_without_their_code(
    runtime: Runtime, tmp_path: Path
) -> None:
    core, library = tmp_path / "core", compiled("bad_read", ("-shared", "-fPIC"))
    environment = crash_dump_environment(core, 2) | {"LD_PRELOAD": str(library)}
    with starting(runtime, "idle", environment=environment) as running:
        running.process.wait(60)
    command = [sys.executable, "-m", "dotdump", "stacks", str(core), "--native", "--format", "json"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    frames = next(thread["frames"] for thread in found["threads"] if thread["managed_id"] == 1)
    bad = next(number for number, frame in enumerate(frames) if frame["ip"] == "0x0")
    assert frames[bad - 1]["kind"] == "signal"
    assert [frame["method"] for frame in frames[bad + 1 : bad + 4]] == ["call_missing", "read", "SystemNative_Read"]
    assert any("ReadLine()" in frame["method"] for frame in frames[bad + 4 :] if frame["method"])
    core.unlink()
