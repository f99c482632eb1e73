"""Managed stacks of real processes against ClrMD: every frame, every explicit Frame, in order."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dotdump
from corpus import COMPILED, Runtime, corpus, executable, missing, runtimes
from dotdump.analysis.managed_stacks import list_stacks
from dotdump.cli.main import main
from dotdump.cli.registry import Exit
from dotdump.clr.contracts.frame_runs import Run
from dotdump.clr.contracts.walk_step import Ending, Step, StepKind
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.target.compressed import UnpackedWarning
from dotdump.target.process import open_process
from peers import oracle

if TYPE_CHECKING:
    from dotdump.clr.model.thread import ClrThread

pytestmark = pytest.mark.live

ARM64 = Path(os.environ.get("DOTDUMP_TEST_CORES", "/nonexistent")) / "coreclr-10.0.12-arm64-all"

Row = tuple[str, str]


def ours(thread: ClrThread) -> tuple[list[Row], list[Row]]:
    """Return ip and sp of managed frames; address and kind of explicit ones."""
    steps = list(thread.walk())
    assert isinstance(steps[-1], Ending)
    assert str(steps[-1]).startswith("end of stack"), str(steps[-1])
    found = [step for step in steps if isinstance(step, Step)]
    managed = [(f"{s.context.pc:#x}", f"{s.context.sp:#x}") for s in found if s.kind is StepKind.MANAGED and s.context]
    return managed, [(f"{s.frame.address:#x}", s.frame.kind) for s in found if s.frame is not None]


def in_runs(thread: ClrThread) -> list[Row]:
    """Return ip and sp of managed frames as they are found where no more than places is asked for."""
    found: list[Row] = []
    for step in thread.walk_in_runs():
        if isinstance(step, Run):
            found += [(f"{pc:#x}", f"{sp:#x}") for pc, sp in zip(step.pcs, step.sps, strict=True)]
        elif isinstance(step, Step) and step.kind is StepKind.MANAGED and step.context is not None:
            found.append((f"{step.context.pc:#x}", f"{step.context.sp:#x}"))
    return found


def theirs(thread: dict[str, Any]) -> tuple[list[Row], list[Row]]:
    """Return the same of ClrMD, which says an explicit frame twice that is a call in a managed frame."""
    frames = thread["frames"]
    managed = [(f["ip"], f["sp"]) for f in frames if f["kind"] == "ManagedMethod" and f["method"]]
    return managed, list(dict.fromkeys((f["sp"], f["frame"]) for f in frames if f["kind"] == "Runtime"))


def assert_same(clr: ClrRuntime, recorded: list[dict[str, Any]]) -> None:
    of_thread = {thread["os"]: theirs(thread) for thread in recorded}
    for thread in clr.threads:
        managed, explicit = ours(thread)
        assert managed == of_thread[thread.os_id][0], thread
        assert managed == in_runs(thread), thread
        assert explicit == of_thread[thread.os_id][1], thread
    assert_named(clr, recorded)


def assert_named(clr: ClrRuntime, recorded: list[dict[str, Any]]) -> None:
    """Assert that each explicit Frame for which ClrMD names a method has that method."""
    stacks = list_stacks(clr).threads
    frames = [(stack.os_id, frame.sp, frame.location) for stack in stacks for frame in stack.frames]
    names = {(thread, sp): found.method for thread, sp, found in frames if found.kind == StepKind.RUNTIME}
    of_clrmd = {(t["os"], f["sp"]): f["method"] for t in recorded for f in t["frames"] if f["kind"] == "Runtime"}
    named = {key: method for key, method in of_clrmd.items() if method}
    assert {key: names.get(key) for key in named} == named


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
@pytest.mark.parametrize(
    ("scenario", "settings"), [("all", {}), ("async", {}), ("all", COMPILED)], ids=["all", "async", "compiled"]
)
def test_every_frame_is_the_same(runtime: Runtime, scenario: str, settings: dict[str, str], tmp_path: Path) -> None:
    core = tmp_path / "core"
    with corpus(runtime, scenario, environment=settings) as running:
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(core), str(running.pid)]
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    with dotdump.open_core(core) as target:
        assert_same(ClrRuntime.of(target), oracle("threads", core))


@pytest.mark.parametrize("runtime", [r for r in runtimes() if r.major < 10], ids=lambda runtime: runtime.version)
def test_every_kind_of_frame_has_a_vtable_like_the_others(runtime: Runtime) -> None:
    with corpus(runtime) as running, open_process(running.pid) as target:
        clr = ClrRuntime.of(target)
        vtables = clr.stack_walker.chains._kinds
        functions = [target.memory.read(vtable, 8 * 16) for vtable in vtables]
    slots = [{(at, words[at : at + 8]) for at in range(0, len(words), 8)} for words in functions]
    assert len(vtables) == len(clr.access.global_text("FrameVtableOrder").split()) > 20
    assert [kind for kind, own in zip(vtables.values(), slots, strict=True) if len(own & slots[0]) < 5] == []


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_registers_of_a_hijacked_thread_lie_where_the_runtime_pushes_them(runtime: Runtime) -> None:
    """OnHijackTripThread: room for the return address, callee-saved registers, those of the value that is returned."""
    code = (runtime.directory / "libcoreclr.so").read_bytes()
    (returned,) = re.findall(rb"\x50\x55\x53\x41\x57\x41\x56\x41\x55\x41\x54(\x51?\x52\x50)\x48\x89\xe7", code)
    with corpus(runtime) as running, open_process(running.pid) as target:
        access = ClrRuntime.of(target).access
        assert access.offset("HijackArgs", "CalleeSavedRegisters") == 8 * len(returned)
        assert access.size("HijackArgs") == 8 * (len(returned) + 6 + 1)


def test_every_frame_of_an_arm64_process_is_the_same() -> None:
    path = ARM64.with_name(f"{ARM64.name}.core.zst")
    if not path.exists():
        missing("DOTDUMP_TEST_CORES does not name the folder of the arm64 core")
    from backports import zstd

    with zstd.open(ARM64 / "threads.json.zst", "rt") as file:
        recorded = json.load(file)
    with pytest.warns(UnpackedWarning), dotdump.open_core(path) as target:
        assert_same(ClrRuntime.of(target), recorded)


@pytest.mark.parametrize("runtime", runtimes()[-1:], ids=lambda runtime: runtime.version)
def test_stacks_of_a_process_that_runs_say_methods_lines_and_exceptions(
    runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    with corpus(runtime, "threads") as running:
        assert main(["stacks", "-p", str(running.pid), "--native", "--format", "json"]) == Exit.DONE
        stacks = json.loads(capsys.readouterr().out)
        assert main(["stacks", "-p", str(running.pid)]) == Exit.DONE
        text = capsys.readouterr().out
        assert main(["threads", "-p", str(running.pid)]) == Exit.DONE
        listed = capsys.readouterr().out
    assert stacks["schema"] == "dotdump/stacks/1"
    by_name = {thread["name"]: thread for thread in stacks["threads"]}
    catching = by_name["in-catch"]
    assert catching["exception"]["type"] == "Corpus.OrderNotFoundException"
    assert catching["exception"]["message"] == "order 4711 was not found"
    kinds = {frame["kind"] for frame in catching["frames"]}
    assert {"managed", "native", "runtime"} <= kinds
    parked = next(f for f in catching["frames"] if f["method"] == "Corpus.ThreadScenario.ParkInsideCatch()")
    assert parked["file"].endswith("ThreadScenario.cs")
    assert parked["line"] > 0
    assert (int(parked["token"], 16) >> 24, parked["il_offset"] > 0) == (0x06, True)
    deep = [frame for frame in by_name["deep"]["frames"] if frame["method"] == "Corpus.ThreadScenario.Recurse(Int32)"]
    assert len(deep) == running.facts["recursion_depth"] + 1
    assert all(thread["end"] for thread in stacks["threads"])
    assert "Corpus.OrderNotFoundException: order 4711 was not found" in text
    assert "(Corpus.ThreadScenario.Build, lambda)" in text
    assert "finalizer, background" in listed


def test_methods_of_native_aot_stand_in_its_stacks_and_other_programs_have_native_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with corpus(executable("native-aot-net10"), "threads") as running:
        assert main(["stacks", "-p", str(running.pid), "--args"]) == Exit.DONE
    said = capsys.readouterr()
    assert "  Corpus.ThreadScenario.SleepForever()" in said.out
    assert "NativeAOT keeps no names of variables" in said.err


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_objects_stand_beneath_the_frames_that_keep_them(runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> None:
    with corpus(runtime, "threads") as running:
        assert main(["stacks", "-p", str(running.pid), "--objects", "--format", "json"]) == Exit.DONE
    stacks = json.loads(capsys.readouterr().out)
    by_name = {thread["name"]: thread for thread in stacks["threads"]}
    catching = by_name["in-catch"]
    kept = {found["type"] for frame in catching["frames"] for found in frame["objects"]}
    assert "Corpus.OrderNotFoundException" in kept
    waiting = by_name["deadlock-a"]
    locks = [
        f for f in waiting["frames"] if f["method"] == "Corpus.ThreadScenario.LockBoth(System.Object, System.Object)"
    ]
    assert {found["type"] for found in locks[0]["objects"]} == {"System.Object"}
    assert {thread["objects_problem"] for thread in by_name.values()} == {""}


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_variables_have_the_values_that_the_source_gave_them(
    runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    with corpus(runtime, "threads") as running:
        assert main(["stacks", "-p", str(running.pid), "--args", "--locals", "--format", "json"]) == Exit.DONE
    stacks = json.loads(capsys.readouterr().out)
    by_name = {thread["name"]: thread["frames"] for thread in stacks["threads"]}
    deep = [frame for frame in by_name["deep"] if frame["method"] == "Corpus.ThreadScenario.Recurse(Int32)"]
    found = [(v["kind"], v["name"], v["type"], v["value"]) for frame in deep for v in frame["variables"]]
    assert found == [
        ("argument", "depth", "Int32", str(depth)) for depth in range(running.facts["recursion_depth"] + 1)
    ]
    locks = {}
    for name in ("deadlock-a", "deadlock-b"):
        frame = next(f for f in by_name[name] if (f["method"] or "").startswith("Corpus.ThreadScenario.LockBoth("))
        locks[name] = {v["name"]: v["value"] for v in frame["variables"] if v["kind"] == "argument"}
    assert locks["deadlock-a"]["first"] == locks["deadlock-b"]["second"]
    assert locks["deadlock-a"]["second"] == locks["deadlock-b"]["first"]
    generic = [v for f in by_name["generic"] for v in f["variables"] or () if v["type"] == "System.Guid"]
    assert [v["value"] for v in generic] == ["00000000-0000-0000-0000-000000000000"]
    main_frame = next(
        f for f in stacks["threads"][0]["frames"] if (f["method"] or "").startswith("Corpus.Program.Main(")
    )
    values = {v["name"]: v["value"] for v in main_frame["variables"]}
    assert values["facts"].endswith(" Corpus.Facts")
    assert values["heartbeat"].endswith(" Corpus.Heartbeat")


@pytest.mark.parametrize("name", ["single-file-net8", "single-file-net10"])
def test_a_program_of_one_file_has_its_frames_and_their_objects(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with corpus(executable(name), "threads") as running:
        assert main(["stacks", "-p", str(running.pid), "--objects", "--format", "json"]) == Exit.DONE
    threads = json.loads(capsys.readouterr().out)["threads"]
    assert threads[0]["frames"][-1]["method"] == "Corpus.Program.Main(System.String[])"
    assert {thread["objects_problem"] for thread in threads} == {""}
    parked = next(thread["frames"] for thread in threads if thread["name"] == "sleeper")
    assert "Corpus.ThreadScenario.SleepForever()" in [frame["method"] for frame in parked]
    assert parked[-1]["frame"] == "DebuggerU2MCatchHandlerFrame"
