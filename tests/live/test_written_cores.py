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
from dotdump.formats.diagnostics_page import DIAGNOSTICS_PAGE_ADDRESS, DIAGNOSTICS_PAGE_SIZE, DiagnosticsPage
from dotdump.memory.space import MemoryRange
from dotdump.target.core import CoreTarget, open_core
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


def places(core: CoreTarget) -> list[MemoryRange]:
    """A page of each thread's stack, of each module's head, and of a few other ranges."""
    held = core.core_memory.ranges()
    pages = [thread.stack_pointer & -4096 for thread in core.threads] + [module.base for module in core.modules]
    pages += [part.start for part in held[:: max(1, len(held) // 20)]]
    return [MemoryRange(page, page + 4096) for page in sorted(set(pages)) if core.core_memory.read_available(page, 1)]


@pytest.mark.parametrize("debugger", ["gdb", "lldb"])
def test_debuggers_read_the_memory_that_ours_reads(
    debugger: str, cores: tuple[Path, Path, Runtime], tmp_path: Path
) -> None:
    with open_core(cores[0]) as core:
        expected = {part.start: core.memory.read(part.start, 4096) for part in places(core)}
    commands = {
        "gdb": (["gdb", "-batch", "-nx"], "-ex", "dump binary memory {file} {start:#x} {end:#x}"),
        "lldb": (["lldb", "--no-lldbinit", "-b"], "-o", "memory read -b -o {file} -c 4096 --force {start:#x}"),
    }
    words, option, text = commands[debugger]
    for start in expected:
        words += [option, text.format(file=tmp_path / f"{start:x}", start=start, end=start + 4096)]
    said = tool(*words, "-c", str(cores[0]))
    seen = {start: (tmp_path / f"{start:x}") for start in expected}
    assert len(expected) > 20
    assert [hex(start) for start, file in seen.items() if not file.exists()] == [], said[-2000:]
    assert {start: file.read_bytes() for start, file in seen.items()} == expected


def test_lldb_reads_every_general_register_of_every_thread_as_ours_does(cores: tuple[Path, Path, Runtime]) -> None:
    names = " ".join(GENERAL)
    with open_core(cores[0]) as core:
        expected = [{name: thread.registers[name] for name in GENERAL} for thread in core.threads]
    script = [
        word
        for number in range(len(expected))
        for word in ("-o", f"thread select {number + 1}", "-o", f"register read {names}")
    ]
    seen = tool("lldb", "--no-lldbinit", "-b", "-c", str(cores[0]), *script)
    parts = seen.split("(lldb) register read")[1:]
    told = [
        {name: int(value, 16) for name, value in re.findall(r"^ +(\w+) = (0x[0-9a-f]+)", part, re.MULTILINE)}
        for part in parts
    ]
    assert told == expected


def test_eu_unstrip_finds_the_same_modules_by_the_same_build_ids(cores: tuple[Path, Path, Runtime]) -> None:
    lines = re.findall(r"^(0x\w+)\+\w+ (\w+)@", tool("eu-unstrip", "-n", f"--core={cores[0]}"), re.MULTILINE)
    told = {int(start, 16): build_id for start, build_id in lines}
    with open_core(cores[0]) as core:
        ours = {module.base: module.build_id.hex() for module in core.modules if module.build_id is not None}
    assert told.keys() & ours.keys()
    assert told.items() <= ours.items()


def test_clrmd_counts_the_same_objects_in_both(cores: tuple[Path, Path, Runtime]) -> None:
    assert objects_in(cores[0], cores[2]) == objects_in(cores[1], cores[2])


def objects_in(core: Path, runtime: Runtime) -> list[tuple[object, ...]]:
    """Return what ClrMD counts in a core that it can walk, by type."""
    oracle = Path(os.environ.get("DOTDUMP_TEST_PEERS", "")) / "clrmd" / "bin" / "Oracle.dll"
    if not oracle.is_file():
        missing("no ClrMD: DOTDUMP_TEST_PEERS does not name it")
    command = [str(runtime.root / "dotnet"), str(oracle), "stat", str(core)]
    done = subprocess.run(command, capture_output=True, text=True, env=corpus_environment(), timeout=120, check=True)
    told = json.loads(done.stdout)
    assert told["walkable"]
    return sorted(map(tuple, told["types"]))


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "createdump's"])
def test_without_file_backed_pages_a_core_has_the_same_threads_and_modules(
    ours: bool, cores: tuple[Path, Path, Runtime], tmp_path: Path
) -> None:
    source, small = cores[0] if ours else cores[1], tmp_path / "small"
    assert main(["convert", str(source), str(small), "--drop-file-backed"]) == 0
    assert small.stat().st_size < source.stat().st_size
    with open_core(source) as whole, open_core(small) as core:
        assert [thread.registers for thread in core.threads] == [thread.registers for thread in whole.threads]
        assert [(m.path, m.base, m.build_id) for m in core.modules] == [
            (m.path, m.base, m.build_id) for m in whole.modules
        ]


def test_a_range_of_a_core_is_there_whole_and_gdb_reads_it(cores: tuple[Path, Path, Runtime], tmp_path: Path) -> None:
    part, read = tmp_path / "part.zst", tmp_path / "read"
    with open_core(cores[0]) as core:
        held = max(core.core_memory.ranges(), key=lambda range_: range_.size)
        start, end = held.start + 4096, held.start + 3 * 4096
        expected = core.memory.read(start, end - start)
    assert main(["convert", str(cores[0]), str(part), "--range", f"{start:#x}-{end - 10:#x}"]) == 0
    with open_core(part) as trimmed:
        diagnostics = MemoryRange(DIAGNOSTICS_PAGE_ADDRESS, DIAGNOSTICS_PAGE_ADDRESS + DIAGNOSTICS_PAGE_SIZE)
        assert trimmed.core_memory.ranges() == [MemoryRange(start, end), diagnostics]
        assert trimmed.memory.read(start, end - start) == expected
    plain = tmp_path / "plain"
    assert main(["convert", str(part), str(plain)]) == 0
    tool("gdb", "-batch", "-nx", "-c", str(plain), "-ex", f"dump binary memory {read} {start:#x} {end:#x}")
    assert read.read_bytes() == expected


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
