"""Code that a process has changed is in every core of it: what its file has there is not what ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from corpus import Runtime, corpus, runtimes
from dotdump.cli.main import main
from dotdump.memory.region import region_at
from dotdump.memory.space import MemoryRange
from dotdump.target.core import open_core
from dotdump.target.snapshot import open_snapshot
from native import compiled, native

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = pytest.mark.live
WRITTEN = b"\x5a" * 8


def code_of(core: Path) -> bytes:
    with open_core(core) as target:
        module = next(module for module in target.modules if module.name == compiled("patched").name)
        address = module.find_symbol("patched_function")
        assert address is not None
        return target.memory.read(address, 8)


def from_file(core: Path) -> int:
    """How much of a core comes from files, in bytes."""
    with open_core(core) as target:
        held = sum(part.size for part in target.core_memory.ranges())
        return sum(part.size for part in target.memory.ranges()) - held


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
@pytest.mark.parametrize("kind", ["Full", "Heap"])
def test_a_dump_without_pages_of_files_has_what_was_changed_of_them(kind: str, method: str, tmp_path: Path) -> None:
    core = tmp_path / "core"
    options = ["--type", kind, "--method", method, "--drop-file-backed"]
    with native("patched") as running:
        assert main(["collect", "-p", str(running.pid), *options, "-o", str(core)]) == 0
    assert code_of(core) == WRITTEN
    assert from_file(core) > 1 << 20


@pytest.mark.parametrize(
    "options", [["--drop-file-backed"], ["--type", "Heap"], ["--type", "Heap", "--drop-file-backed"]]
)
def test_a_core_without_pages_of_files_has_what_was_changed_of_them(options: list[str], tmp_path: Path) -> None:
    core, small = tmp_path / "core", tmp_path / "small"
    with native("patched") as running:
        assert main(["collect", "-p", str(running.pid), "--method", "ptrace", "-o", str(core)]) == 0
    assert main(["convert", str(core), str(small), *options]) == 0
    assert code_of(small) == WRITTEN
    assert from_file(small) > 1 << 20


def test_what_a_snapshot_has_of_its_own_is_asked_of_the_twin_whatever_becomes_of_the_process() -> None:
    with native("patched") as running, open_snapshot(running.pid) as target:
        running.process.kill()
        running.process.wait()
        address = next(m for m in target.modules if m.path == str(compiled("patched"))).find_symbol("patched_function")
        assert address is not None
        text = region_at(target.regions, address)
        assert text is not None
        copied = target.memory.copied([MemoryRange(text.start, text.end)])
    assert copied == [MemoryRange(address, address + 4096)]


def test_a_heap_dump_does_not_grow_by_what_it_has_not(tmp_path: Path) -> None:
    core, again = tmp_path / "core", tmp_path / "again"
    with native("patched") as running:
        options = ["--type", "Heap", "--method", "ptrace", "-o", str(core)]
        assert main(["collect", "-p", str(running.pid), *options]) == 0
    assert main(["convert", str(core), str(again), "--type", "Heap"]) == 0
    with open_core(core) as first, open_core(again) as second:
        assert total(second.core_memory.ranges()) <= total(first.core_memory.ranges())


def total(ranges: Iterable[MemoryRange]) -> int:
    return sum(part.size for part in ranges)


@pytest.mark.parametrize("runtime", runtimes()[:1], ids=lambda runtime: runtime.version)
def test_a_heap_dump_has_the_write_barrier_that_the_runtime_wrote(runtime: Runtime, tmp_path: Path) -> None:
    core, full = tmp_path / "core", tmp_path / "full"
    with corpus(runtime, "idle") as running:
        for kind, path in (("Full", full), ("Heap", core)):
            options = ["--type", kind, "--method", "ptrace", "-o", str(path)]
            assert main(["collect", "-p", str(running.pid), *options]) == 0
    with open_core(core) as small, open_core(full) as whole:
        module = next(module for module in whole.modules if module.name == "libcoreclr.so")
        address = module.find_symbol("JIT_WriteBarrier")
        assert address is not None
        assert small.memory.read(address, 64) == whole.memory.read(address, 64)
        assert whole.file_memory.read(address, 64) != whole.memory.read(address, 64)
