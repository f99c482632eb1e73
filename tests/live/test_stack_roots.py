"""References on the stacks of real processes against ClrMD: every slot of every frame."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dotdump
from corpus import corpus, missing, runtimes
from dotdump.clr.contracts.walk_step import Step
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.target.compressed import UnpackedWarning
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack roots")]

ARM64 = Path(os.environ.get("DOTDUMP_TEST_CORES", "/nonexistent")) / "coreclr-10.0.12-arm64-all"

Row = tuple[str, str, bool, bool]


def slots(clr: ClrRuntime) -> Counter[Row]:
    """Return the references that frames keep as ClrMD tells of them: in a register at 0, without those of GCFrames.

    A reference to a variable on the stack ClrMD follows, and calls what stands there the target.
    """
    found: Counter[Row] = Counter()
    for thread in clr.threads:
        for frame in clr.stack_references.references_of(thread).frames:
            for slot in frame.references:
                target = named(clr, slot.value) if slot.interior else slot.value
                if target:
                    found[hex(0 if slot.register else slot.address), hex(target), slot.interior, slot.pinned] += 1
    return found


def dispatching(clr: ClrRuntime) -> list[range]:
    """Return where frames lie of the managed code of 9 that dispatches exceptions.

    ClrMD tells of the references in those that called a handler at one time and not at another, of the same program.
    """
    methods = ((step, clr.method_at(step.context.lookup)) for step in managed_steps(clr) if step.context is not None)
    return [range(s.sp, s.caller_sp) for s, method in methods if method and method.type_name == "System.Runtime.EH"]


def managed_steps(clr: ClrRuntime) -> Iterator[Step]:
    for thread in clr.threads:
        yield from (step for step in thread.walk() if isinstance(step, Step) and step.code is not None)


def named(clr: ClrRuntime, value: int) -> int:
    if clr.heap.segment_at(value) is None and clr.target.memory.read_available(value, 8):
        value = clr.access.reader.pointer(value)
    found = clr.heap.containing(value)
    return found.address if found is not None else 0


def recorded(roots: list[dict[str, Any]]) -> Counter[Row]:
    return Counter((r["address"], r["target"], r["interior"], r["pinned"]) for r in roots if r["kind"] == "Stack")


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def core(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("stacks") / "core"
    with corpus(request.param, "all") as running:
        command = [str(request.param.directory / "createdump"), "--full", "-f", str(path), str(running.pid)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    yield path
    path.unlink()


def test_every_slot_is_the_same(core: Path) -> None:
    with dotdump.open_core(core) as target:
        clr = ClrRuntime.of(target)
        ours, uncertain = slots(clr), dispatching(clr)
    theirs = recorded(oracle("roots", core))
    assert sum(theirs.values()) > 70
    different = (ours - theirs) + (theirs - ours)
    assert [row for row in different if not any(int(row[0], 16) in place for place in uncertain)] == []


def test_every_thread_is_known_in_full_and_every_root_is_an_object(core: Path) -> None:
    with dotdump.open_core(core) as target:
        clr = ClrRuntime.of(target)
        assert {clr.stack_references.references_of(thread).problem for thread in clr.threads} == {""}
        roots = clr.stack_roots()
        assert len(roots) > 70
        for root in roots:
            assert clr.heap.object(root.object).type.name
            assert root.name.startswith(f"thread {root.thread}")


def test_every_slot_of_an_arm64_process_is_the_same() -> None:
    path = ARM64.with_name(f"{ARM64.name}.core.zst")
    if not path.exists():
        missing("DOTDUMP_TEST_CORES does not name the folder of the arm64 core")
    from backports import zstd

    with zstd.open(ARM64 / "roots.json.zst", "rt") as file:
        theirs = recorded(json.load(file))
    with pytest.warns(UnpackedWarning), dotdump.open_core(path) as target:
        ours = slots(ClrRuntime.of(target))
    assert sum((ours & theirs).values()) == 74
    # the frame that throws: the debugger library of arm64 reads its slots relative to a frame pointer of 0
    assert {int(row[0], 16) for row in theirs - ours} == set(range(0x10, 0x50, 8))
    assert {int(row[0], 16) for row in ours - theirs} == set(range(0x5502842B50, 0x5502842B90, 8))
