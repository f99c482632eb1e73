"""The heap of real processes, object by object and reference by reference, against ClrMD and its native DAC."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import Corpus, Runtime, corpus, executables, missing, runtimes
from dotdump.clr.model.runtime import ClrRuntime
from peers import oracle

if TYPE_CHECKING:
    from pathlib import Path

    from dotdump.clr.graph.object_graph import ObjectGraph
    from dotdump.clr.model.heap import ClrHeap

pytestmark = pytest.mark.live

SERVER = {"DOTNET_gcServer": "1", "DOTNET_GCHeapCount": "2", "COMPlus_gcServer": "1", "COMPlus_GCHeapCount": "2"}
STANDALONE = {"DOTNET_GCName": "libclrgc.so"}
COLLECTORS: dict[str, dict[str, str]] = {"workstation": {}, "server": SERVER, "standalone": STANDALONE}
CASES = [
    pytest.param(runtime, COLLECTORS[name], id=f"{runtime.version}-{name}")
    for runtime in runtimes()
    for name in COLLECTORS
    if name == "workstation" or (name == "server" and runtime.major in (3, 10)) or runtime.major == 10
]


def createdump(runtime: Runtime, running: Corpus, path: Path) -> Path:
    command = [str(runtime.directory / "createdump"), "--full", "-f", str(path), str(running.pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def segments_of(heap: ClrHeap) -> set[tuple[object, ...]]:
    return {(str(s.kind), hex(s.start), hex(s.end), s.heap, s.committed_size, s.reserved_size) for s in heap.segments}


@pytest.mark.parametrize(("runtime", "environment"), CASES)
def test_every_segment_object_and_reference_is_the_same(
    runtime: Runtime, environment: dict[str, str], tmp_path: Path
) -> None:
    with corpus(runtime, "all", environment=environment) as running:
        core = createdump(runtime, running, tmp_path / "core")
    with dotdump.open_core(core) as target:
        heap = ClrRuntime.of(target).heap
        theirs = oracle("segments", core)
        expected = {(s["kind"], s["start"], s["end"], s["heap"], s["committed"], s["reserved"]) for s in theirs}
        assert segments_of(heap) == expected
        graph = heap.graph()
        assert graph.problems == ()
        tables = [shape.method_table for shape in graph.types]
        ours = {
            (address, tables[kind], size)
            for address, kind, size in zip(graph.addresses, graph.type_ids, graph.sizes, strict=True)
        }
        assert ours == {object_line(line) for line in oracle("objects", core)}
        assert references_differ(graph, oracle("edges", core)) == []
    core.unlink()


def object_line(line: str) -> tuple[int, int, int]:
    address, table, size = line.split()
    return int(address, 16), int(table, 16), (int(size) + 7) & ~7


def references_differ(graph: ObjectGraph, lines: list[str]) -> list[int]:
    """Return the addresses of objects whose references are not the same."""
    different = []
    for line in lines:
        address, *theirs = (int(word, 16) for word in line.split())
        row = graph.find(address)
        ours = None if row is None else sorted(graph.addresses[target] for target in graph.references(row))
        if ours != sorted(theirs):
            different.append(address)
    return different


GLIBC_PROGRAMS = {name: path for name, path in executables().items() if "musl" not in name}
"""Programs for musl need its loader: they have tests of their own, in test_musl."""


@pytest.mark.parametrize("program", GLIBC_PROGRAMS.values(), ids=list(GLIBC_PROGRAMS))
def test_programs_of_one_file_have_heaps_without_a_loose_end(program: Path, tmp_path: Path) -> None:
    newest = runtimes()[-1] if runtimes() else missing("a runtime that has createdump")
    with corpus(program, "heap") as running:
        core = createdump(newest, running, tmp_path / "core")
    with dotdump.open_core(core) as target:
        graph = ClrRuntime.of(target).heap.graph()
        assert graph.problems == ()
        assert graph.dangling == 0
        assert graph.edge_count > 10_000
    core.unlink()
