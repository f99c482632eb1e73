"""Heap, Mini and Triage dumps of our own: what is read of them is what is read of a Full core of the same moment."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from answers import asked
from corpus import COMPILED, Runtime, corpus, corpus_environment, executables, runtimes
from dotdump import open_core as dotdump_core
from dotdump.cli.main import main
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.dump.plan import MOST_SEGMENTS
from dotdump.dump.selection import choose
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.live

PROGRAMS: dict[str, Runtime | Path] = {
    **{runtime.version: runtime for runtime in runtimes()},
    **{name: path for name, path in executables().items() if "musl" not in name and "eventsource" not in name},
}
OF_CLRMD = [runtime.version for runtime in runtimes()]
"""Programs that ClrMD reads: it needs a native DAC beside their runtime."""


class Cores:
    """One process at one moment: a full core, and the small ones made of it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self._made: set[str] = set()

    @property
    def full(self) -> Path:
        return self.folder / "core"

    def of_type(self, dump_type: str) -> Path:
        path = self.folder / f"core.{dump_type.lower()}"
        if dump_type not in self._made:
            asked("convert", self.full, path, "--type", dump_type)
            self._made.add(dump_type)
        return path


@pytest.fixture(scope="module", params=PROGRAMS)
def cores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cores]:
    program = PROGRAMS[request.param]
    folder = tmp_path_factory.mktemp("cores")
    with corpus(program, "all") as process:
        asked("collect", "-p", process.pid, "-o", folder / "core", "--live")
    yield Cores(request.param, folder)
    for path in folder.iterdir():
        path.unlink()


def told(path: Path, *command: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what a command says of a core, without what names the file."""
    said = asked(*command[:1], path, *command[1:])
    for name in ("problems", "core", "source", "path"):
        said.pop(name, None)
    return said


@pytest.mark.parametrize("dump_type", ["Mini"])
@pytest.mark.parametrize("command", [("threads", "--registers"), ("stacks", "--native")], ids=lambda c: c[0])
def test_threads_and_native_stacks_are_those_of_the_full_core(
    cores: Cores, dump_type: str, command: tuple[str, ...]
) -> None:
    assert told(cores.of_type(dump_type), *command) == told(cores.full, *command)


@pytest.mark.parametrize(("dump_type", "command"), [("Mini", "stacks"), ("Heap", "stacks"), ("Mini", "crashreport")])
def test_managed_stacks_are_those_of_the_full_core(cores: Cores, dump_type: str, command: str) -> None:
    assert told(cores.of_type(dump_type), command) == told(cores.full, command)


def test_modules_are_those_of_the_full_core_and_assemblies_have_versions_where_their_files_are_here(
    cores: Cores,
) -> None:
    mini, full = told(cores.of_type("Mini"), "modules"), told(cores.full, "modules")
    if cores.name.startswith("single-file"):
        for small, whole in zip(mini["assemblies"], full["assemblies"], strict=True):
            for name in ("version", "file_version", "mvid"):
                small[name] = small[name] or whole[name]
    assert mini == full


def test_the_exceptions_that_a_mini_dump_has_are_told_as_in_the_full_core(cores: Cores) -> None:
    assert_same_exceptions(cores.of_type("Mini"), cores.full)


def assert_same_exceptions(small: Path, full: Path) -> None:
    mini, whole = (told(path, "exceptions")["exceptions"] for path in (small, full))
    rows = {row["address"]: row for row in whole}
    assert mini
    assert mini == [rows[row["address"]] for row in mini]


def test_what_we_read_is_not_in_a_mini_dump_by_chance(
    cores: Cores, of_small_pieces: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    of_small_pieces(cores.full, tmp_path / "mini")
    for command in ("stacks", "crashreport"):
        assert told(tmp_path / "mini", command) == told(cores.full, command)
    assert_same_exceptions(tmp_path / "mini", cores.full)


@pytest.mark.parametrize("dump_type", ["Mini", "Triage"])
def test_that_statics_are_not_in_a_small_dump_is_told(cores: Cores, dump_type: str) -> None:
    if asked("statics", cores.full)["statics"]:  # not of NativeAOT
        assert asked("statics", cores.of_type(dump_type))["problems"]


@pytest.mark.parametrize("dump_type", ["Mini", "Triage"])
def test_a_small_dump_says_what_it_is_and_that_the_heap_is_not_in_it(cores: Cores, dump_type: str) -> None:
    path = cores.of_type(dump_type)
    assert asked("info", path)["making"]["type"] == dump_type
    lack = [problem["message"] for problem in asked("heap", path, "--no-index")["problems"]]
    assert any("in the dump: one of type Heap or Full has all" in message for message in lack)


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_small_dumps_are_no_larger_than_those_of_createdump(runtime: Runtime, tmp_path: Path) -> None:
    with corpus(runtime, "all") as process:
        for ours, theirs in (("Mini", "--normal"), ("Triage", "--triage")):
            createdump = str(runtime.directory / "createdump")
            command = [createdump, theirs, "--name", str(tmp_path / "theirs"), str(process.pid)]
            subprocess.run(command, check=True, capture_output=True)
            asked("collect", "-p", process.pid, "--type", ours, "--method", "ptrace", "-o", tmp_path / ours)
            assert (tmp_path / ours).stat().st_size < 0.9 * (tmp_path / "theirs").stat().st_size


def test_a_triage_dump_has_the_methods_and_no_texts(cores: Cores) -> None:
    program = PROGRAMS[cores.name]
    files = ["--sysroot", program.root / "shared"] if isinstance(program, Runtime) else []  # 3.1 exports too little
    triage, full = (told(path, "stacks", *files)["threads"] for path in (cores.of_type("Triage"), cores.full))
    for small, whole in zip(triage, full, strict=True):
        assert [(f["kind"], f["ip"]) for f in small["frames"]] == [(f["kind"], f["ip"]) for f in whole["frames"]]
        pairs = zip(small["frames"], whole["frames"], strict=True)
        assert all(ours["method"] == theirs["method"] for ours, theirs in pairs if theirs["kind"] == "managed")
    data = cores.of_type("Triage").read_bytes()
    messages = [thread.get("exception") for thread in triage if thread.get("exception")]
    assert all(found["message"] is None for found in messages)
    for text in (os.environ["PATH"], str(Path.cwd())):
        assert text.encode() not in data
        assert text.encode("utf-16-le") not in data


def test_the_heap_of_a_heap_dump_is_that_of_the_full_core(cores: Cores) -> None:
    full, small = (told(path, "heap", "--no-index", "--limit", 100000) for path in (cores.full, cores.of_type("Heap")))
    assert small == full
    assert cores.of_type("Heap").stat().st_size < cores.full.stat().st_size / 2


@pytest.mark.parametrize("cores", OF_CLRMD, indirect=True)
def test_what_is_loaded_is_what_clrmd_lists(cores: Cores) -> None:
    with dotdump_core(cores.full) as core:
        runtime = ClrRuntime.of(core)
        names = {runtime.loader.name_of(module) for module in runtime.assemblies.modules}
    theirs = {Path(module["name"]).name for module in oracle("modules", cores.full) if module["name"]}
    assert names - {""} == theirs


def test_what_free_objects_hold_can_be_left_out(cores: Cores, tmp_path: Path) -> None:
    asked("convert", cores.full, tmp_path / "core", "--type", "heap", "--drop-free")
    full, small = (told(path, "heap", "--no-index", "--limit", 100000) for path in (cores.full, tmp_path / "core"))
    assert small == full
    assert (tmp_path / "core").stat().st_size <= cores.of_type("Heap").stat().st_size


@pytest.fixture
def of_small_pieces(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Path], None]:
    """Make a Mini dump that has little by chance: what lies beside what was chosen depends on the target's layout."""
    monkeypatch.setattr(choose, "PIECE", 64)
    monkeypatch.setattr(choose, "_MOST_PIECES", 10_000)

    def convert(full: Path, mini: Path) -> None:
        assert main(["convert", str(full), str(mini), "--type", "Mini", "--force"]) == 0

    return convert


SEEN_BY_CLRMD = "threads", "modules", "appdomains"


@pytest.mark.parametrize("cores", OF_CLRMD, indirect=True)
def test_clrmd_sees_the_same_threads_and_modules_in_a_mini_dump_as_in_the_full_core(cores: Cores) -> None:
    for verb in SEEN_BY_CLRMD:
        assert oracle(verb, cores.of_type("Mini")) == oracle(verb, cores.full)


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_clrmd_reads_nothing_by_chance_where_all_code_is_compiled_at_run_time(
    runtime: Runtime, of_small_pieces: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    """Then stubs stand between methods and the native functions that they call, as they do in what users write."""
    with corpus(runtime, "all", environment=COMPILED) as process:
        asked("collect", "-p", process.pid, "-o", tmp_path / "core", "--live")
    of_small_pieces(tmp_path / "core", tmp_path / "mini")
    seen = oracle("threads", tmp_path / "mini")
    assert "IL_STUB_PInvoke(" in str(seen)
    assert seen == oracle("threads", tmp_path / "core")


@pytest.mark.parametrize("runtime", runtimes()[-1:], ids=lambda runtime: runtime.version)
def test_clrmd_opens_every_dump_of_a_program_with_thousands_of_threads(runtime: Runtime, tmp_path: Path) -> None:
    cores = Cores(runtime.version, tmp_path)
    with corpus(runtime, "churn", workers=1, parked=2000) as process:
        asked("collect", "-p", process.pid, "-o", cores.full, "--method", "ptrace")
    mini, heap = (cores.of_type(name) for name in ("Mini", "Heap"))
    assert f"{MOST_SEGMENTS + 1:,} segments" in told(mini, "info")["format"]
    for verb in SEEN_BY_CLRMD:
        assert oracle(verb, mini) == oracle(verb, cores.full) == oracle(verb, heap)


@pytest.mark.parametrize("cores", OF_CLRMD, indirect=True)
def test_what_clrmd_reads_is_not_in_a_mini_dump_by_chance(
    cores: Cores, of_small_pieces: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    of_small_pieces(cores.full, tmp_path / "mini")
    for verb in SEEN_BY_CLRMD:
        assert oracle(verb, tmp_path / "mini") == oracle(verb, cores.full)


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_clrmd_sees_the_same_frames_of_threads_caught_anywhere(
    runtime: Runtime, of_small_pieces: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    full, mini = tmp_path / "full", tmp_path / "mini"
    with corpus(runtime, "bulk", objects=20_000, mutators=4) as running:
        for _ in range(3):
            asked("collect", "-p", running.pid, "--method", "snapshot", "-o", full, "--force")
            of_small_pieces(full, mini)
            assert oracle("threads", mini) == oracle("threads", full)


@pytest.mark.parametrize("cores", OF_CLRMD, indirect=True)
def test_clrmd_finds_every_object_in_a_heap_dump(cores: Cores) -> None:
    assert oracle("objects", cores.of_type("Heap")) == oracle("objects", cores.full)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name.startswith("single-file")])
def test_a_crash_of_a_program_in_one_file_is_told_by_its_mini_core_alone(name: str, tmp_path: Path) -> None:
    program = PROGRAMS[name]
    assert isinstance(program, Path)
    copy = tmp_path / "app" / "Corpus"
    copy.parent.mkdir()
    shutil.copy(program, copy)
    settings = {
        "DOTNET_DbgEnableMiniDump": "1",
        "DOTNET_DbgMiniDumpType": "4",  # the only type that its runtime can take: there is no DAC anywhere
        "DOTNET_DbgMiniDumpName": str(tmp_path / "core.full"),
    }
    command = [str(copy), "crash-exception"]
    subprocess.run(command, env=corpus_environment() | settings, capture_output=True, check=False)
    mini = tmp_path / "core.mini"
    asked("convert", tmp_path / "core.full", mini, "--type", "mini")
    (tmp_path / "core.full").unlink()
    with_files = asked("crashreport", mini)
    copy.unlink()
    alone = asked("crashreport", mini)
    (crashed,) = (thread for thread in alone["payload"]["threads"] if thread["crashed"] == "true")
    assert crashed["managed_exception_type"] == "Corpus.OrderNotFoundException"
    assert crashed["managed_exception_message"] == "order 99 was not found"
    assert any("CrashScenario.Exception" in frame.get("method_name", "") for frame in crashed["stack_frames"])
    assert managed(alone) == managed(with_files)


def managed(report: Any) -> list[list[tuple[str, str]]]:  # noqa: ANN401 - the JSON of a crash report
    """Return the managed frames of each thread, by place and method."""
    threads = report["payload"]["threads"]
    return [[(f["native_address"], f["method_name"]) for f in t["stack_frames"] if "method_name" in f] for t in threads]
