"""A live target and a core of it answer alike: a stopped process, a twin of it, and the core written of either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from corpus import corpus, runtimes
from dotdump.dump.elf_core_writer import ElfCoreWriter
from dotdump.dump.plan import full
from dotdump.dump.write import origin_of, sink_over
from dotdump.target.core import open_core
from dotdump.target.process import open_process
from dotdump.target.snapshot import open_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dotdump.target.core import CoreTarget
    from dotdump.target.elf_module import ElfModule
    from dotdump.target.process import ProcessTarget
    from dotdump.target.snapshot import SnapshotTarget

    LiveTarget = ProcessTarget | SnapshotTarget

pytestmark = pytest.mark.live
SYMBOLS = {"libcoreclr.so": "coreclr_initialize", "libc.so.6": "malloc"}
PIECE = 4096


@pytest.mark.parametrize("way", [open_process, open_snapshot], ids=lambda way: way.__name__)
def test_they_answer_alike(way: Callable[[int], LiveTarget], tmp_path: Path) -> None:
    with corpus(runtimes()[-1], "threads") as running, way(running.pid) as live:
        path = tmp_path / "core"
        with path.open("wb+") as file:
            written = ElfCoreWriter(live, full(live.regions), origin_of(live)).write(sink_over(file.fileno(), None))
        assert written.gaps == ()
        with open_core(path) as core:
            assert core.problems == ()
            assert core.process == live.process
            assert core.platform == live.platform
            assert core.auxv == live.auxv
            assert_same_threads(live, core)
            assert list(core.regions) == list(live.regions)
            assert list(map(described, core.modules)) == list(map(described, live.modules))
            assert_same_symbols(live.modules, core.modules)
            assert_same_memory(live, core)
    path.unlink()


def assert_same_threads(live: LiveTarget, core: CoreTarget) -> None:
    assert len(live.threads) > 5
    for ours, theirs in zip(live.threads, core.threads, strict=True):
        assert (ours.tid, ours.name, ours.signal) == (theirs.tid, theirs.name, theirs.signal)
        assert ours.registers == theirs.registers
        assert ours.notes.items() <= theirs.notes.items()


def described(module: ElfModule) -> tuple[object, ...]:
    return module.path, module.name, module.base, module.end, module.bias, module.build_id, module.version


def assert_same_symbols(live: Sequence[ElfModule], core: Sequence[ElfModule]) -> None:
    asked = 0
    for ours, theirs in zip(live, core, strict=True):
        if name := SYMBOLS.get(ours.name):
            address = ours.find_symbol(name)
            assert address is not None
            assert address == theirs.find_symbol(name)
            assert ours.symbol_at(address + 1) == theirs.symbol_at(address + 1)
            asked += 1
    assert asked == len(SYMBOLS)


def assert_same_memory(live: LiveTarget, core: CoreTarget) -> None:
    """A piece at the head and at the end of every range, and every stack; what neither has is the same too."""
    for region in live.regions:
        if region.path in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
            continue
        for start in (region.start, region.end - PIECE):
            assert core.memory.read_available(start, PIECE) == live.memory.read_available(start, PIECE), region
    for thread in live.threads:
        assert core.memory.read(thread.stack_pointer, 256) == live.memory.read(thread.stack_pointer, 256)
