"""``dotdump collect`` by our own methods, on every runtime there is, beside gdb and ClrMD."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from corpus import Corpus, Runtime, corpus, executables, missing, runtimes, starting
from dotdump.dump.own_method import PtraceMethod
from dotdump.dump.subject import Subject
from dotdump.ipc.dump import DumpType
from dotdump.ipc.state import is_suspended
from dotdump.target.core import open_core
from native import native

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

pytestmark = pytest.mark.live

METHODS = ["ptrace", "snapshot"]
PROGRAMS: dict[str, Runtime | Path] = {
    **{runtime.version: runtime for runtime in runtimes()},
    **{name: path for name, path in executables().items() if "musl" not in name},
}


def collect(pid: int, output: Path | str, *options: str, prefix: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run the command; returns what it said as JSON, with its exit code and standard error."""
    command = [*prefix, sys.executable, "-m", "dotdump", "collect", "-p", str(pid), "-o", str(output)]
    done = subprocess.run([*command, *options, "--format", "json"], capture_output=True, text=True, check=False)
    result = json.loads(done.stdout) if done.stdout else {}
    return {**result, "exit": done.returncode, "stderr": done.stderr}


def objects(core: Path) -> dict[str, int]:
    """Return how many objects of each type ClrMD counts in a core that it can walk."""
    peers = os.environ.get("DOTDUMP_TEST_PEERS")
    modern = [runtime for runtime in runtimes() if runtime.major >= 8]
    if not peers or not modern:
        missing("no ClrMD to compare with (DOTDUMP_TEST_PEERS)")
    oracle = Path(peers) / "clrmd" / "bin" / "Oracle.dll"
    environment = os.environ | {"DOTNET_ROLL_FORWARD": "LatestMajor"}
    command = [str(modern[-1].root / "dotnet"), str(oracle), "stat", str(core)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    said = json.loads(done.stdout.splitlines()[0])
    assert said["walkable"] is True
    return {name: count for _, name, count, *_ in said["types"]}


def counts(facts: Mapping[str, Any]) -> dict[str, int]:
    return {key.removeprefix("count:"): value for key, value in facts.items() if key.startswith("count:")}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_gives_a_verified_core_that_gdb_opens(program: str, method: str, tmp_path: Path) -> None:
    if shutil.which("gdb") is None:
        missing("no gdb")
    core = tmp_path / "core"
    with corpus(PROGRAMS[program], "heap") as running:
        result = collect(running.pid, core, "--method", method)
        assert result["exit"] == 0, result
        assert (result["method"], result["verified"], result["warnings"]) == (method, True, [])
        threads = len(list(Path(f"/proc/{running.pid}/task").iterdir()))
        assert running.ask("gc") is not None
    command = ["gdb", "-batch", "-nx", "-core", str(core), "-ex", "info threads"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert abs(sum("LWP" in line for line in shown.splitlines() if line[:1] in " *") - threads) <= 1, shown


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_clrmd_counts_the_objects_that_are_there(runtime: Runtime, method: str, tmp_path: Path) -> None:
    core = tmp_path / "core"
    with corpus(runtime, "heap") as running:
        assert collect(running.pid, core, "--method", method)["exit"] == 0
        expected = counts(running.facts)
    found = objects(core)
    assert expected
    assert {name: found.get(name) for name in expected} == expected


def newest(
    scenario: str = "heap", environment: dict[str, str] | None = None, **keys: object
) -> AbstractContextManager[Corpus]:
    if not runtimes():
        missing("no runtime")
    return corpus(runtimes()[-1], scenario, environment=environment, **keys)


def test_auto_takes_a_full_dump_itself_and_says_why(tmp_path: Path) -> None:
    with newest() as running:
        result = collect(running.pid, tmp_path / "core")
        assert result["method"] in METHODS
        assert "needs no runtime" in result["why"]
        small = collect(running.pid, tmp_path / "mini", "--type", "mini")
        assert (small["method"], "the runtime takes" in small["why"]) == ("runtime", True)


@pytest.mark.parametrize("kind", ["Mini", "Triage"])
@pytest.mark.parametrize("runtime", [r for r in runtimes() if r.major >= 8], ids=lambda runtime: runtime.version)
def test_auto_takes_a_small_dump_of_a_runtime_that_waits_to_be_resumed(
    runtime: Runtime, kind: str, tmp_path: Path
) -> None:
    environment = {"DOTNET_DiagnosticPorts": f"{tmp_path}/port,suspend"}
    with starting(runtime, environment=environment) as running:
        deadline = time.monotonic() + 20
        while not is_suspended(running.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        result = collect(running.pid, tmp_path / "core", "--type", kind)
        refused = collect(running.pid, tmp_path / "none", "--type", kind, "--method", "runtime")
        full = collect(running.pid, tmp_path / "full", "--type", "full", "--method", "runtime")
    assert (refused["exit"], "until then it takes Full dumps only" in refused["stderr"]) == (1, True)
    assert full["exit"] == 0, full["stderr"]
    assert (result["exit"], result["method"] in METHODS) == (0, True), result["stderr"]
    assert "waits at its start" in result["why"]


@pytest.mark.parametrize("output", ["core.zst", "core --drop-file-backed", "core --gc-wait 0", "core --buffer 0"])
def test_auto_takes_a_small_dump_itself_where_options_are_not_the_runtimes(output: str, tmp_path: Path) -> None:
    name, *options = output.split()
    with newest() as running:
        result = collect(running.pid, tmp_path / name, "--type", "mini", *options)
    assert (result["exit"], result["method"] in METHODS, "the runtime" in result["why"]) == (0, True, True)
    assert (tmp_path / name).read_bytes()[:4] == (b"\x28\xb5\x2f\xfd" if name.endswith("zst") else b"\x7fELF")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["Heap", "Mini", "Triage"])
def test_small_types_are_taken_of_any_program(kind: str, method: str, tmp_path: Path) -> None:
    with native("threads", "3") as process:
        result = collect(process.pid, tmp_path / "core", "--method", method, "--type", kind)
        assert (result["exit"], result["type"], result["method"]) == (0, kind, method)
        assert result["bytes"] < 3_000_000


IMPORTS = """
import sys
from dotdump.cli.main import main
from dotdump.target.stopping import StoppedProcess

begin, release, before = StoppedProcess.__init__, StoppedProcess.release, []

def stopped(self, *arguments, **options):
    before.append(set(sys.modules))
    begin(self, *arguments, **options)

def released(self):
    release(self)
    print("imported:", *sorted(set(sys.modules) - before[-1]), file=sys.stderr)

StoppedProcess.__init__, StoppedProcess.release = stopped, released
sys.exit(main(sys.argv[1:]))
"""
"""A command line that prints, whenever a process goes on, what was imported while it stood still."""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["Full", "Heap", "Mini", "Triage"])
@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_nothing_is_imported_while_the_process_stands_still(
    runtime: Runtime, kind: str, method: str, tmp_path: Path
) -> None:
    with corpus(runtime, "all") as target:
        assert imported_in_the_stop(target.pid, "--method", method, "--type", kind, "-o", str(tmp_path / "core")) == []


def test_nothing_is_imported_for_memory_that_the_process_supplies(tmp_path: Path) -> None:
    with native("supplied") as target:
        assert imported_in_the_stop(target.pid, "--method", "ptrace", "-o", str(tmp_path / "core")) == []


def imported_in_the_stop(pid: int, *options: str) -> list[str]:
    command = [sys.executable, "-c", IMPORTS, "collect", "-p", str(pid), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    lines = [line.split() for line in done.stderr.splitlines() if line.startswith("imported:")]
    assert lines, done.stderr
    return [name for line in lines for name in line[1:]]


@pytest.mark.parametrize("method", METHODS)
def test_choosing_ends_at_the_timeout(method: str, tmp_path: Path) -> None:
    with newest("bulk", objects=1_000_000) as process:
        options = "--method", method, "--type", "Heap", "--drop-free", "--timeout", "0.1"
        result = collect(process.pid, tmp_path / "core", *options)
        assert process.pause_ms() >= 0
    assert result["exit"] == 1
    assert "choosing what to keep took longer than --timeout allows" in result["stderr"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["Full", "Mini"])
def test_diagnostics_that_are_off_do_not_matter(kind: str, tmp_path: Path) -> None:
    with newest(environment={"DOTNET_EnableDiagnostics": "0"}) as running:
        result = collect(running.pid, tmp_path / "core", "--type", kind)
        assert (result["exit"], result["method"] in METHODS) == (0, True)


@pytest.mark.parametrize("method", METHODS)
def test_a_compressed_core_is_verified_and_much_smaller(method: str, tmp_path: Path) -> None:
    with newest() as running:
        plain = collect(running.pid, tmp_path / "core", "--method", method)
        packed = collect(running.pid, tmp_path / "core.zst", "--method", method)
    assert packed["exit"] == 0, packed
    assert packed["bytes"] * 2 < plain["bytes"]


@pytest.mark.parametrize("method", METHODS)
def test_a_process_that_is_not_dotnet_is_dumped_too(method: str, tmp_path: Path) -> None:
    with native("threads", "7") as process:
        assert collect(process.pid, tmp_path / "core", "--method", method)["exit"] == 0
        assert int(process.ask()) > 0


MAPS_FILES = """
import mmap, sys
def mapped(number):
    with open(f"{sys.argv[1]}/{number}", "wb") as file:
        file.write(b"%8d" % number * 512)
    with open(f"{sys.argv[1]}/{number}", "rb") as file:
        return mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
files = [mapped(number) for number in range(400)]
print("ready", flush=True)
input()
"""


@pytest.mark.parametrize("method", METHODS)
def test_a_process_may_map_more_files_than_can_be_open(method: str, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    core = tmp_path / "core"
    words = [sys.executable, "-c", MAPS_FILES, str(tmp_path / "files")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        limited = ("sh", "-c", 'ulimit -n 300; exec "$@"', "sh")
        result = collect(process.pid, core, "--method", method, prefix=limited)
        process.communicate(b"\n")
    assert (result["exit"], result["warnings"], result["method"]) == (0, [], method), result
    with open_core(core) as target:
        found = {region.path: region.start for region in target.regions if f"{tmp_path}/files/" in region.path}
        assert len(found) == 400
        for path, start in found.items():
            assert target.memory.read(start, 8) == b"%8d" % int(Path(path).name)


BELOW_DEV = """
import ctypes, mmap, os, sys
with open(sys.argv[1], "w+b") as file:
    file.write(b"of the file" * 1000)
    file.flush()
    memory = mmap.mmap(file.fileno(), 4096, flags=mmap.MAP_PRIVATE)
    if sys.argv[2] == "deleted":
        os.unlink(sys.argv[1])
memory[:7] = b"private"
print(ctypes.addressof(ctypes.c_char.from_buffer(memory)), flush=True)
input()
"""


@pytest.mark.parametrize("fate", ["kept", "deleted"])
@pytest.mark.parametrize("method", METHODS)
def test_memory_of_a_regular_file_below_dev_is_in_the_dump(method: str, fate: str, tmp_path: Path) -> None:
    path = Path(f"/dev/dotdump-test-{os.getpid()}")
    if not os.access("/dev", os.W_OK):
        missing("only root has files in /dev")
    words = [sys.executable, "-c", BELOW_DEV, str(path), fate]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            start = int(process.stdout.readline())
            result = collect(process.pid, tmp_path / "core", "--method", method)
        finally:
            process.communicate(b"\n")
            path.unlink(missing_ok=True)
    assert (result["exit"], result["warnings"]) == (0, []), result
    trimmed = [str(tmp_path / "core"), str(tmp_path / "trimmed"), "--drop-file-backed"]
    subprocess.run([sys.executable, "-m", "dotdump", "convert", *trimmed], check=True, capture_output=True)
    for name in ("core", "trimmed"):
        with open_core(tmp_path / name) as target:
            assert target.memory.read(start, 11) == b"privatefile"


GUARDED = """
import ctypes, mmap
memory = mmap.mmap(-1, 1024 * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory[:8], memory[1023 * 4096 : 1023 * 4096 + 8] = b"in front", b"behind.."
memory.madvise(102, 4096, 1022 * 4096)  # MADV_GUARD_INSTALL
print(ctypes.addressof(ctypes.c_char.from_buffer(memory)), flush=True)
input()
"""


@pytest.mark.parametrize("method", METHODS)
def test_guards_within_memory_are_no_memory_that_could_not_be_read(method: str, tmp_path: Path) -> None:
    if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 15):
        missing("before Linux 6.15 nobody is told of guards")
    with subprocess.Popen([sys.executable, "-c", GUARDED], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        start = int(process.stdout.readline())
        result = collect(process.pid, tmp_path / "core", "--method", method)
        process.communicate(b"\n")
    assert (result["exit"], result["warnings"], result["method"]) == (0, [], method), result
    with open_core(tmp_path / "core") as target:
        assert target.memory.read(start, 8) == b"in front"
        assert target.memory.read(start + 1023 * 4096, 8) == b"behind.."


@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_process_is_dumped_and_stays_stopped(method: str, tmp_path: Path) -> None:
    with native("threads", "3") as process:
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.05)
        assert collect(process.pid, tmp_path / "core", "--method", method)["exit"] == 0
        time.sleep(0.05)
        assert set(process.states().values()) == {"T"}


@pytest.mark.parametrize("runtime", runtimes()[-1:], ids=lambda runtime: runtime.version)
def test_what_several_threads_copied_is_what_one_reads(runtime: Runtime, tmp_path: Path) -> None:
    with corpus(runtime, "all") as target:
        os.kill(target.pid, signal.SIGSTOP)
        cores = [tmp_path / "one", *(tmp_path / f"several{number}" for number in range(3))]
        for core in cores:
            done = collect(target.pid, core, "--method", "ptrace", "--buffer", "0" if core.name == "one" else "2G")
            assert done["exit"] == 0, done["stderr"]
    assert len({memory_of(core) for core in cores}) == 1


def memory_of(core: Path) -> bytes:
    """Return a digest of all memory that a core holds, and of where it is."""
    found = hashlib.blake2b()
    with open_core(core) as target:
        for part in target.core_memory.ranges():
            found.update(f"{part}".encode())
            for start in range(part.start, part.end, 1 << 20):
                found.update(target.core_memory.read(start, min(1 << 20, part.end - start)))
    return found.digest()


@pytest.mark.parametrize("method", METHODS)
def test_nobody_special_dumps_a_process_of_their_own(method: str) -> None:
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        missing("only root with setpriv can become nobody")
    nobody = (setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    sleeper = subprocess.Popen([*nobody, "sleep", "60"])
    try:
        with tempfile.TemporaryDirectory() as everyones:
            Path(everyones).chmod(0o777)
            time.sleep(0.2)
            result = collect(sleeper.pid, Path(everyones) / "core", "--method", method, prefix=nobody)
        assert (result["exit"], result.get("method")) == (0, method), result
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize("method", METHODS)
def test_a_process_in_namespaces_of_its_own_is_dumped_from_outside(method: str, tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or unshare is None or not runtimes():
        missing("no root, unshare or runtime")
    command = runtimes()[-1].command("heap")
    wrapped = [unshare, "--user", "--map-root-user", "--pid", "--mount", "--net", "--fork", "--mount-proc", *command]
    from corpus import READY_SECONDS, corpus_environment

    process = subprocess.Popen(wrapped, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, env=corpus_environment())
    running = Corpus(process)
    try:
        running.read_line(READY_SECONDS)
        listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
        inside = int(listed.stdout.split()[0])
        result = collect(inside, tmp_path / "core", "--method", method)
        assert (result["exit"], result["method"]) == (0, method), result
        os.kill(inside, signal.SIGKILL)
    finally:
        running.end()


def test_a_collection_in_progress_is_waited_out(tmp_path: Path) -> None:
    with newest("bulk", objects=200000, mutators=2) as running:
        result = collect(running.pid, tmp_path / "core", "--live", "--gc-wait", "10")
        assert result["exit"] == 0, result


@pytest.mark.parametrize("program", [name for name in PROGRAMS if "aot" not in name])
@pytest.mark.parametrize("kind", ["full", "heap"])
def test_the_room_that_is_asked_for_is_enough_and_not_much_more(program: str, kind: str, tmp_path: Path) -> None:
    """Nobody knows beforehand which pages are zeros, and how much of the heap is free."""
    with corpus(PROGRAMS[program], "heap") as target, Subject.open(target.pid) as subject:
        expected = PtraceMethod().expected_size(subject, DumpType[kind.upper()])
        collect(target.pid, tmp_path / "core", "--method", "ptrace", "--type", kind)
    taken = (tmp_path / "core").stat().st_blocks * 512
    assert expected is not None
    assert taken <= expected <= taken * 1.5 + (8 << 20)
