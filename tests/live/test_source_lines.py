"""Files and lines: against what the runtime itself prints of an unhandled exception, and against Corpus's source."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import ASSEMBLIES, Runtime, corpus, crash_dump_environment, runtimes
from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.runtime import ClrRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("source lines")]

PRINTED = re.compile(r"^\s*at (?P<method>[\w.]+)\(.*\) in (?P<file>\S+):line (?P<line>\d+)$", re.MULTILINE)
TRACE_HEADER, TRACE_ELEMENT = 16, struct.Struct("<QQQQ")
FULL = 4
PARKED = {
    "LockBoth": "lock (second)",
    "OwnContendedLock": "Park()",
    "WaitForContendedLock": "lock (s_contended)",
    "AcceptForever": ".Accept()",
    "ParkInsideCatch": "Park()",
    "SleepForever": "Park()",
    "RunDynamicMethod": ".CreateDelegate(",
}


@dataclass(frozen=True)
class Crash:
    """A core of an unhandled exception, and what the runtime printed."""

    runtime: Runtime
    core: Path
    printed: list[tuple[str, str, int]]


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def crash(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crash]:
    folder = tmp_path_factory.mktemp("lines")
    environment = crash_dump_environment(folder / "core", FULL)
    runtime: Runtime = request.param
    done = subprocess.run(
        runtime.command("crash-exception"), env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    printed = [(found["method"], found["file"], int(found["line"])) for found in PRINTED.finditer(done.stderr)]
    assert printed, done.stderr
    yield Crash(runtime, folder / "core", printed)
    shutil.rmtree(folder)


def stack_of(clr: ClrRuntime, exception: ClrObject) -> Iterator[int]:
    """Yield the instruction pointers that an exception has kept: in 9 and later its array can be one of arrays."""
    found = exception["_stackTrace"]
    assert isinstance(found, ClrObject)
    if found.type.name == "System.Object[]":
        assert found.array is not None
        found = found.array[0]
        assert isinstance(found, ClrObject)
    assert found.array is not None
    start = found.array.address_of(0)
    count = clr.access.reader.u32(start)
    for number in range(count):
        element = clr.target.memory.read(start + TRACE_HEADER + TRACE_ELEMENT.size * number, TRACE_ELEMENT.size)
        yield TRACE_ELEMENT.unpack(element)[0]


def lines_of(clr: ClrRuntime, exception: ClrObject, before: int = 1) -> Iterator[tuple[str, str, int]]:
    """Yield method, file and line of the code ``before`` bytes before each instruction pointer."""
    for ip in stack_of(clr, exception):
        block = clr.code.find(ip - before)
        assert block is not None
        method, place = clr.method(block.method_desc), clr.location_of(block)
        if place.source is not None:
            yield f"{method.type_name}.{method.name}", place.source.file, place.source.line


def test_lines_are_those_that_the_runtime_prints_of_an_unhandled_exception(crash: Crash) -> None:
    """3.1 looks up where a call returns to, not the call: often the next line, as of ``Main`` here."""
    with dotdump.open_core(crash.core) as target:
        clr = ClrRuntime.of(target)
        thrown = [found for found in clr.heap.objects() if found.type.name == "Corpus.OrderNotFoundException"]
        (outer,) = [found for found in thrown if found["_stackTrace"] is not None]
        inner = outer["_innerException"]
        assert isinstance(inner, ClrObject)
        as_printed = 0 if crash.runtime.major < 5 else 1
        assert [*lines_of(clr, inner, as_printed), *lines_of(clr, outer, as_printed)] == crash.printed
        *_, (method, _, line) = lines_of(clr, outer)
    assert method == "Corpus.Program.Main"
    assert "build(options, facts);" in (ASSEMBLIES.parent / "Program.cs").read_text().splitlines()[line - 1]
    assert len(crash.printed) == 3


@pytest.fixture(scope="module", params=runtimes()[-1:], ids=lambda runtime: runtime.version)
def parked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A core of Corpus ``threads`` whose assembly lies in a folder of its own."""
    folder = tmp_path_factory.mktemp("parked")
    runtime: Runtime = request.param
    for name in ("Corpus.dll", "Corpus.runtimeconfig.json"):
        shutil.copy(runtime.assembly.parent / name, folder)
    mine = MovedRuntime(runtime.root, runtime.version, folder / "Corpus.dll")
    with corpus(mine, "threads") as running:
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(folder / "core"), str(running.pid)]
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    yield folder
    shutil.rmtree(folder)


@dataclass(frozen=True)
class MovedRuntime(Runtime):
    """A runtime that runs another copy of the Corpus."""

    path: Path

    @property
    def assembly(self) -> Path:
        return self.path


def parked_lines(core: Path, symbols: list[str]) -> dict[str, tuple[str, int]]:
    """Return file and line of the newest frame of each method that a thread of the Corpus is parked in."""
    with dotdump.open_core(core, symbols=symbols) as target:
        clr = ClrRuntime.of(target)
        found: dict[str, tuple[str, int]] = {}
        for thread in clr.threads:
            for step in thread.walk():
                block = getattr(step, "code", None)
                if block is None or not block.method_desc:
                    continue
                place = clr.location_of(block).source
                if place is not None:
                    found.setdefault(clr.method(block.method_desc).name, (place.file, place.line))
    return found


def test_threads_are_parked_where_the_source_parks_them(parked: Path) -> None:
    build = ASSEMBLIES / "net10.0"
    found = parked_lines(parked / "core", [str(build)])
    source = (ASSEMBLIES.parent / "ThreadScenario.cs").read_text().splitlines()
    for method, text in PARKED.items():
        file, line = found[method]
        assert file.endswith("/ThreadScenario.cs")
        assert text in source[line - 1], (method, line)


def test_without_its_pdb_a_method_has_no_line_and_with_another_build_s_none_either(parked: Path) -> None:
    assert not parked_lines(parked / "core", [])
    assert not parked_lines(parked / "core", [str(ASSEMBLIES / "net8.0")])


def test_a_pdb_beside_the_assembly_is_found(parked: Path) -> None:
    shutil.copy(ASSEMBLIES / "net10.0" / "Corpus.pdb", parked)
    try:
        assert set(PARKED) <= set(parked_lines(parked / "core", []))
    finally:
        (parked / "Corpus.pdb").unlink()
