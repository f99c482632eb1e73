"""Cores that we write of real processes, beside createdump's of the same ones, before independent readers."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from corpus import Runtime, corpus, corpus_environment, missing, runtimes
from dotdump.cli.main import main
from dotdump.dump.elf_core_writer import ElfCoreWriter
from dotdump.dump.plan import full
from dotdump.dump.write import origin_of, sink_over
from dotdump.formats.diagnostics_page import DiagnosticsPage
from dotdump.target.core import open_core
from dotdump.target.process import open_process

pytestmark = pytest.mark.live
GENERAL = (*["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "rip"], *(f"r{n}" for n in range(8, 16)))


@contextmanager
def halted(pid: int) -> Iterator[None]:
    """A process that does nothing between two dumps: some runtimes' own threads allocate now and then."""
    os.kill(pid, signal.SIGSTOP)
    while any(
        stat.read_text().rpartition(")")[2].split()[0] != "T" for stat in Path(f"/proc/{pid}/task").glob("*/stat")
    ):
        time.sleep(0.01)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def cores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, Runtime]]:
    """Our core and createdump's of one process at one moment, and the runtime it ran on."""
    if not runtimes():
        missing("no .NET runtime")
    runtime = runtimes()[-1]
    folder = tmp_path_factory.mktemp("cores")
    ours, theirs = folder / "ours", folder / "theirs"
    with corpus(runtime, "heap") as running, halted(running.pid):
        with open_process(running.pid) as target, ours.open("wb+") as file:
            base = min(region.start for region in target.regions if region.path.endswith("libcoreclr.so"))
            page = DiagnosticsPage(base)
            writer = ElfCoreWriter(target, full(target.regions), origin_of(target), diagnostics_page=page)
            written = writer.write(sink_over(file.fileno(), None))
            assert written.gaps == ()
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(theirs), str(running.pid)]
        subprocess.run(command, check=True, capture_output=True)
    yield ours, theirs, runtime
    shutil.rmtree(folder)


def tool(*command: str) -> str:
    if shutil.which(command[0]) is None:
        missing(f"no {command[0]}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


def test_the_core_has_the_threads_and_the_memory_of_createdumps(cores: tuple[Path, Path, Runtime]) -> None:
    with open_core(cores[0]) as ours, open_core(cores[1]) as theirs:
        assert {thread.tid for thread in ours.threads} == {thread.tid for thread in theirs.threads}
        assert ours.core_memory.ranges() == theirs.core_memory.ranges()
        assert ours.problems == theirs.problems == ()


def test_gdb_sees_the_threads_where_ours_says_they_are(cores: tuple[Path, Path, Runtime]) -> None:
    seen = tool("gdb", "-batch", "-nx", "-c", str(cores[0]), "-ex", 'thread apply all printf "@%p %p\\n", $pc, $sp')
    lwps = [int(lwp) for lwp in re.findall(r"^Thread \d+ \(LWP (\d+)\)", seen, re.MULTILINE)]
    places = [(int(pc, 16), int(sp, 16)) for pc, sp in re.findall(r"@(0x[0-9a-f]+) (0x[0-9a-f]+)", seen)]
    with open_core(cores[0]) as core:
        expected = {thread.tid: (thread.instruction_pointer, thread.stack_pointer) for thread in core.threads}
    assert dict(zip(lwps, places, strict=True)) == expected


def test_gdb_reads_every_general_register_of_every_thread_as_ours_does(cores: tuple[Path, Path, Runtime]) -> None:
    format_ = " ".join(f"{name}=%p" for name in GENERAL)
    values = ", ".join(f"${name}" for name in GENERAL)
    command = f'thread apply all printf "@{format_}\\n", {values}'
    seen = tool("gdb", "-batch", "-nx", "-c", str(cores[0]), "-ex", command)
    lwps = [int(lwp) for lwp in re.findall(r"^Thread \d+ \(LWP (\d+)\)", seen, re.MULTILINE)]
    rows = [dict(word.split("=") for word in line.split()) for line in re.findall(r"^@(.*)$", seen, re.MULTILINE)]
    told = [{name: int(value, 16) if value != "(nil)" else 0 for name, value in row.items()} for row in rows]
    with open_core(cores[0]) as core:
        expected = {thread.tid: {name: thread.registers[name] for name in GENERAL} for thread in core.threads}
    assert dict(zip(lwps, told, strict=True)) == expected


def test_eu_readelf_reads_the_registers_of_every_thread_as_ours_does(cores: tuple[Path, Path, Runtime]) -> None:
    seen = tool("eu-readelf", "-n", str(cores[0]))
    told = {}
    for note in seen.split("PRSTATUS")[1:]:
        words = dict(re.findall(r"\b(pid|r1[0-5]|r[a-ds][xip]|r[89]|rbp|rsp|rip): +(-?\w+)", note))
        told[int(words["pid"])] = {name: int(words[name], 0) % 2**64 for name in GENERAL}
    with open_core(cores[0]) as core:
        expected = {thread.tid: {name: thread.registers[name] for name in GENERAL} for thread in core.threads}
    assert told == expected


@pytest.mark.parametrize("command", [["readelf", "-hlnW"], ["eu-readelf", "-hln"]], ids=lambda c: c[0])
def test_readelf_has_no_complaint(command: list[str], cores: tuple[Path, Path, Runtime]) -> None:
    seen = tool(*command, str(cores[0]))
    assert "CORE" in seen
    assert not re.search(r"warning|error|invalid|corrupt", seen, re.IGNORECASE)


def test_lldb_opens_it_with_all_threads(cores: tuple[Path, Path, Runtime]) -> None:
    seen = tool("lldb", "--no-lldbinit", "-b", "-o", "thread list", "-c", str(cores[0]))
    with open_core(cores[0]) as core:
        assert len(re.findall(r"thread #\d+", seen.split("(lldb) thread list")[-1])) == len(core.threads)


def test_clrmd_counts_the_same_objects_in_both(cores: tuple[Path, Path, Runtime]) -> None:
    oracle = Path(os.environ.get("DOTDUMP_TEST_PEERS", "")) / "clrmd" / "bin" / "Oracle.dll"
    if not oracle.is_file():
        missing("no ClrMD: DOTDUMP_TEST_PEERS does not name it")
    types = []
    for core in (cores[0], cores[1]):
        command = [str(cores[2].root / "dotnet"), str(oracle), "stat", str(core)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=corpus_environment(), timeout=120, check=True
        )
        told = json.loads(done.stdout)
        assert told["walkable"]
        types.append(sorted(map(tuple, told["types"])))
    assert types[0] == types[1]


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "createdump's"])
def test_compressed_and_unpacked_again_it_is_the_same_file(ours: bool, cores: tuple[Path, Path, Runtime]) -> None:
    source = cores[0] if ours else cores[1]
    packed, again = source.with_suffix(".zst"), source.with_suffix(".again")
    assert main(["convert", str(source), str(packed)]) == 0
    assert main(["convert", str(packed), str(again)]) == 0
    assert subprocess.run(["cmp", source, again], check=False).returncode == 0
    assert packed.stat().st_size < source.stat().st_size / 2
    if shutil.which("zstd"):
        assert subprocess.run(["zstd", "-tq", packed], check=False).returncode == 0
    with open_core(packed) as core, open_core(source) as plain:
        assert [t.registers for t in core.threads] == [t.registers for t in plain.threads]
        first = plain.threads[0].stack_pointer
        assert core.memory.read(first, 256) == plain.memory.read(first, 256)
    packed.unlink()
    again.unlink()
