"""Managed threads of real processes against ClrMD and against what Corpus says of itself."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dotdump
from corpus import Runtime, corpus, executable, missing, runtimes
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.target.compressed import UnpackedWarning
from peers import oracle

if TYPE_CHECKING:
    from dotdump.clr.model.thread import ClrThread

pytestmark = pytest.mark.live

NOT_COUNTED = 0xFFFFFFFF
ARM64 = Path(os.environ.get("DOTDUMP_TEST_CORES", "/nonexistent")) / "coreclr-10.0.12-arm64-all"


def said(thread: ClrThread) -> dict[str, Any]:
    """Return what ClrMD says of a thread, as we know it."""
    exception = thread.current_exception
    return {
        "managed": thread.managed_id,
        "os": thread.os_id,
        "alive": thread.is_alive,
        "finalizer": thread.is_finalizer,
        "gc": thread.is_gc,
        "locks": NOT_COUNTED if thread.lock_count is None else thread.lock_count,
        "mode": thread.gc_mode.capitalize(),
        "state": str(int(thread.state or 0)),
        "exception": exception.type.name if exception else None,
    }


def theirs(threads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: value.partition(":")[0] if key == "exception" and value else value for key, value in thread.items()}
        for thread in [{key: value for key, value in thread.items() if key != "frames"} for thread in threads]
    ]


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_every_thread_is_the_same_and_has_the_name_that_the_program_gave_it(runtime: Runtime, tmp_path: Path) -> None:
    core = tmp_path / "core"
    with corpus(runtime, "all") as running:
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(core), str(running.pid)]
        subprocess.run(command, capture_output=True, check=True, timeout=60)
        names = str(running.facts["threads"]).split(",")
    with dotdump.open_core(core) as target:
        clr = ClrRuntime.of(target)
        assert [said(thread) for thread in clr.threads] == theirs(oracle("threads", core))
        assert clr.thread_list.count == len(clr.threads)
        assert set(names) <= {thread.name for thread in clr.threads}
        catching = next(thread for thread in clr.threads if thread.name == "in-catch")
        assert catching.exceptions[0].type.name == "Corpus.OrderNotFoundException"


def test_threads_of_an_arm64_process_are_the_same() -> None:
    path = ARM64.with_name(f"{ARM64.name}.core.zst")
    if not path.exists():
        missing("DOTDUMP_TEST_CORES does not name the folder of the arm64 core")
    from backports import zstd

    with zstd.open(ARM64 / "threads.json.zst", "rt") as file:
        recorded = json.load(file)
    with pytest.warns(UnpackedWarning), dotdump.open_core(path) as target:
        assert [said(thread) for thread in ClrRuntime.of(target).threads] == theirs(recorded)


@pytest.mark.parametrize("name", ["single-file-net8", "single-file-net10", "native-aot-net10"])
def test_a_program_in_one_file_has_its_threads_too(name: str) -> None:
    with corpus(executable(name), "threads") as running, dotdump.open_snapshot(running.pid) as target:
        clr = ClrRuntime.of(target)
        of_the_system = {thread.tid for thread in target.threads}
        ids = [thread.os_id for thread in clr.threads if thread.is_alive]
        assert len(ids) >= len(str(running.facts["threads"]).split(","))
        assert set(ids) <= of_the_system
        assert any(thread.exceptions for thread in clr.threads)
