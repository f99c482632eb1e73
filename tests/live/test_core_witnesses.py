"""Real cores, read by us and by gdb and eu-readelf: the same threads, registers, mappings and modules."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from corpus import Runtime, corpus, missing, runtimes
from dotdump.cli.main import main
from dotdump.cli.registry import Exit
from dotdump.formats.core_notes import SI_KERNEL
from dotdump.target.core import CoreTarget, open_core
from dotdump.target.process import open_process
from native import native

pytestmark = pytest.mark.live
REGISTERS = ("rip", "rsp", "rbp", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", *(f"r{number}" for number in range(8, 16)))
GDB_SCRIPT = r"""
python
for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.ptid[1]):
    thread.switch()
    print("thread", thread.ptid[1] or thread.ptid[0])
    for name in NAMES:
        gdb.execute('printf "%s=%%lx\\n", (unsigned long)$%s' % (name, name))
end
"""


def output_of(*command: str) -> str:
    if shutil.which(command[0]) is None:
        missing(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    return done.stdout


def same_as_gdb(core: Path) -> None:
    text = core.with_suffix(".gdb")
    text.write_text(GDB_SCRIPT.replace("NAMES", repr(REGISTERS)))
    printed = output_of("gdb", "-batch", "-nx", "-iex", "set auto-load off", "-x", str(text), "-c", str(core))
    theirs: dict[int, dict[str, int]] = {}
    current: dict[str, int] = {}
    for line in printed.splitlines():
        if found := re.fullmatch(r"thread (\d+)", line):
            current = theirs.setdefault(int(found[1]), {})
        elif found := re.fullmatch(r"(\w+)=([0-9a-f]+)", line):
            current[found[1]] = int(found[2], 16)
    with open_core(core) as target:
        ours = {t.tid: {name: t.registers[name] for name in REGISTERS} for t in target.threads}
    assert ours == theirs
    assert ours


def same_as_eu_readelf(core: Path) -> None:
    notes, segments = output_of("eu-readelf", "-n", str(core)), output_of("eu-readelf", "-l", str(core))
    with open_core(core) as target:
        seen = re.findall(r"info\.si_signo: .*\n(?:.*\n)*?.*?pid: (\d+)", notes)
        assert sorted(t.tid for t in target.threads) == sorted(map(int, seen))
        rows = re.findall(r"^  LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+) (0x\w+)", segments, re.MULTILINE)
        ours = [(h.offset, h.vaddr, h.filesz, h.memsz) for h in target.file.loads]
        assert ours == [tuple(int(part, 16) for part in row) for row in rows]
        builds = dict(re.findall(r"^(\w+)\+\w+ (\w+)@", output_of("eu-unstrip", "-n", f"--core={core}"), re.MULTILINE))
        for start, build_id in builds.items():
            module = target.module_at(int(start, 16))
            if module is not None and module.build_id is not None:
                assert module.build_id.hex() == build_id
        assert builds


def modules_are_those_of_the_process(target: CoreTarget, maps: str) -> None:
    lines = [line.split(maxsplit=5) for line in maps.splitlines()]
    loaded = {
        (line[5], int(line[0].split("-")[0], 16))
        for line in lines
        if len(line) == 6 and line[2] == "00000000" and ".so" in Path(line[5]).name
    }
    assert loaded <= {(module.path, module.base) for module in target.modules}
    assert loaded


@pytest.mark.parametrize("runtime", [r for r in runtimes() if r.major >= 8], ids=lambda r: r.version)
def test_a_core_of_createdump_reads_as_others_read_it(runtime: Runtime, tmp_path: Path) -> None:
    core = tmp_path / "core"
    with corpus(runtime, "idle") as running:
        maps = Path(f"/proc/{running.pid}/maps").read_text()
        tids = sorted(int(path.name) for path in Path(f"/proc/{running.pid}/task").iterdir())
        output_of(str(runtime.directory / "createdump"), "-u", "-f", str(core), str(running.pid))
    same_as_eu_readelf(core)
    same_as_gdb(core)
    with open_core(core) as target:
        assert sorted(t.tid for t in target.threads) == tids
        assert target.problems == ()
        modules_are_those_of_the_process(target, maps)
        coreclr = next(m for m in target.modules if m.name == "libcoreclr.so")
        assert coreclr.version.startswith(f"{runtime.major}.0.")
        assert coreclr.find_symbol("g_dacTable") is not None


def test_a_core_of_gcore_reads_as_others_read_it_and_takes_text_from_files(tmp_path: Path) -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"], stdout=-1)
    try:
        assert sleeper.stdout is not None
        sleeper.stdout.readline()
        maps = Path(f"/proc/{sleeper.pid}/maps").read_text()
        memory = os.open(f"/proc/{sleeper.pid}/mem", os.O_RDONLY)
        output_of("gcore", "-o", str(tmp_path / "core"), str(sleeper.pid))
        core = tmp_path / f"core.{sleeper.pid}"
        same_as_eu_readelf(core)
        same_as_gdb(core)
        with open_core(core) as target:
            modules_are_those_of_the_process(target, maps)
            compare_with_process(target, memory)
        os.close(memory)
    finally:
        sleeper.kill()
        sleeper.communicate()


@pytest.mark.parametrize("writer", ["gcore", "dotdump", "nobody"])
def test_a_file_that_is_mapped_or_read_as_data_is_not_loaded(writer: str, tmp_path: Path) -> None:
    core = tmp_path / "core"
    with native("mapped") as running:
        rows = [line.split() for line in Path(f"/proc/{running.pid}/maps").read_text().splitlines()]
        if writer == "gcore":
            output_of("gcore", "-o", str(core), str(running.pid))
            core = core.with_name(f"core.{running.pid}")
        elif writer == "dotdump":
            command = ["collect", "-p", str(running.pid), "-o", str(core), "--method", "ptrace"]
            subprocess.run([sys.executable, "-m", "dotdump", *command], check=True, capture_output=True, timeout=60)
        with open_core(core) if writer != "nobody" else open_process(running.pid) as target:
            bases = [module.base for module in target.modules]
    texts = [int(row[0].partition("-")[0], 16) - int(row[2], 16) for row in rows if row[1] == "r-xp"]
    assert bases == sorted(texts)


def compare_with_process(target: CoreTarget, memory: int) -> None:
    """Every range that comes from a file, relocated or not, must be what the process itself has there."""
    core, all_of_it = target.core_memory, target.memory
    from_files = 0
    for part in all_of_it.ranges():
        for address in range(part.start, part.end, 4096):
            if core.origin(address) is None and (origin := all_of_it.origin(address)) is not None:
                size = min(4096, part.end - address)
                if core.read_available(address + size - 1, 1):
                    continue
                assert all_of_it.read(address, size) == os.pread(memory, size, address), (hex(address), origin)
                from_files += size
    assert from_files > 1 << 20


PRPSINFO_ARGUMENTS = 79
"""Bytes of the command line that NT_PRPSINFO has room for, the terminating zero aside."""


@pytest.mark.parametrize(("pointer", "address"), [(0x1234, 0x1234), (0x1234567812345678, None)])
def test_a_core_of_the_kernel_says_why_the_process_died(pointer: int, address: int | None, tmp_path: Path) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith(("|", "/")):
        missing(f"the kernel gives cores to {pattern}")
    script = f"import ctypes; ctypes.string_at({pointer:#x})"

    def unlimited() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, preexec_fn=unlimited, check=False)
    assert done.returncode == -signal.SIGSEGV
    (core,) = tmp_path.iterdir()
    same_as_eu_readelf(core)
    same_as_gdb(core)
    with open_core(core) as target:
        assert target.signal is not None
        assert (target.signal.signo, target.signal.address) == (signal.SIGSEGV, address)
        assert target.signal.code == (SI_KERNEL if address is None else 1)
        assert target.process.arguments == f"{sys.executable} -c {script}"[:PRPSINFO_ARGUMENTS]


def test_the_registers_of_our_core_have_the_form_that_the_kernels_have(tmp_path: Path) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith(("|", "/")):
        missing(f"the kernel gives cores to {pattern}")

    script = "import time; print(1, flush=True); time.sleep(60)"
    sleeper = subprocess.Popen([sys.executable, "-c", script], stdout=-1, cwd=tmp_path)
    resource.prlimit(sleeper.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert sleeper.stdout is not None
    sleeper.stdout.readline()
    with open_process(sleeper.pid) as process:
        (ours,) = process.threads
    sleeper.send_signal(signal.SIGQUIT)
    sleeper.communicate()
    (path,) = tmp_path.iterdir()
    with open_core(path) as core:
        (theirs,) = core.threads
        assert {key: len(data) for key, data in ours.notes.items()} == {
            key: len(data) for key, data in theirs.notes.items() if key in ours.notes
        }
        extended = ("LINUX", 0x202)
        assert ours.notes[extended][464:472] == theirs.notes[extended][464:472]  # XCR0


def test_the_core_of_another_architecture_has_the_modules_that_its_maps_had(tmp_path: Path) -> None:
    folder = Path(os.environ.get("DOTDUMP_TEST_CORES", "/nonexistent"))
    packed = folder / "coreclr-10.0.12-arm64-all.core.zst"
    if not packed.exists():
        missing("DOTDUMP_TEST_CORES does not name the folder of the arm64 core")
    core, facts = tmp_path / "core", folder / "coreclr-10.0.12-arm64-all"
    output_of("zstd", "-q", "-d", str(packed), "-o", str(core))
    same_as_eu_readelf(core)
    with open_core(core) as target:
        assert target.process.pid == json.loads((facts / "facts.json").read_text())["pid"]
        lines = [line.split(maxsplit=5) for line in (facts / "maps.txt").read_text().splitlines()]
        expected = {
            int(line[0].split("-")[0], 16)
            for line in lines
            if len(line) == 6 and line[2] == "00000000" and (".so" in line[5] or line[5].endswith("/Corpus"))
        }
        assert expected == {module.base for module in target.modules}
        coreclr = next(m for m in target.modules if m.name == "libcoreclr.so")
        assert coreclr.version == "10.0.1226.42308"
        assert coreclr.find_symbol("DotNetRuntimeContractDescriptor") is not None
        assert target.signal is not None
        assert target.signal.signo == signal.SIGABRT


@pytest.mark.parametrize("runtime", runtimes()[-1:], ids=lambda r: r.version)
def test_a_core_without_its_assemblies_says_that_nothing_has_a_name(
    runtime: Runtime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with corpus(runtime, "idle") as running:
        output_of("gcore", "-o", str(tmp_path / "small"), str(running.pid))
        Path(f"/proc/{running.pid}/coredump_filter").write_text("0x3f")
        output_of("gcore", "-o", str(tmp_path / "whole"), str(running.pid))
    whole, small = (str(tmp_path / f"{name}.{running.pid}") for name in ("whole", "small"))
    for command in ("exceptions", "stacks", "handles", "crash", "modules"):
        assert main([command, whole]) == Exit.DONE, command
        assert "no names" not in capsys.readouterr().err
        assert main([command, small]) == Exit.PROBLEMS, command
        assert capsys.readouterr().err.count("unless coredump_filter in /proc/PID is 0x3f") == 1, command
    assert main(["roots", small, "String", "--no-index"]) == Exit.FAILED
    assert "coredump_filter" in capsys.readouterr().err
