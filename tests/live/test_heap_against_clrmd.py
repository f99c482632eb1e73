"""The heap of real processes, object by object and reference by reference, against ClrMD and its native DAC."""

from __future__ import annotations

import subprocess
from functools import partial
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import Corpus, Runtime, corpus, executables, missing, runtime_settings, runtimes
from dotdump.clr.model.runtime import ClrRuntime
from heap_witness import compare_objects, compare_references, compare_segments
from peers import oracle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live

SERVER = runtime_settings(gcServer="1", GCHeapCount="2")
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


@pytest.mark.parametrize(("runtime", "environment"), CASES)
def test_every_segment_object_and_reference_is_the_same(
    runtime: Runtime, environment: dict[str, str], tmp_path: Path
) -> None:
    with corpus(runtime, "all", environment=environment) as running:
        core = createdump(runtime, running, tmp_path / "core")
    with dotdump.open_core(core) as target:
        clr = ClrRuntime.of(target)
        assert clr.heap.graph().problems == ()
        for compare in (compare_segments, compare_objects, compare_references):
            assert compare(clr, partial(oracle, core=core)).different == ()
    core.unlink()


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
