"""Native stacks of an arm64 process, as far as its libraries are in the core, beside the managed frames of ClrMD."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import dotdump
from corpus import missing
from dotdump.analysis.stacks import StackList, native_stacks
from dotdump.target.compressed import UnpackedWarning

pytestmark = pytest.mark.live

NAME = "coreclr-10.0.12-arm64-all"
FOLDER = Path(os.environ.get("DOTDUMP_TEST_CORES", "/nonexistent"))


@pytest.fixture(scope="module")
def stacks() -> StackList:
    path = FOLDER / f"{NAME}.core.zst"
    if not path.exists():
        missing("DOTDUMP_TEST_CORES does not name the folder of the arm64 core")
    with pytest.warns(UnpackedWarning), dotdump.open_core(path) as target:
        return native_stacks(target)


def test_every_walk_comes_to_the_start_of_its_thread(stacks: StackList) -> None:
    assert len(stacks.threads) == 20
    assert {thread.end.partition(":")[0] for thread in stacks.threads} == {"end of the chain of frame pointers"}
    frames = [frame for thread in stacks.threads for frame in thread.frames]
    assert not [frame for frame in frames if frame.trust == "scan"]
    assert sum(frame.trust == "cfi" for frame in frames) >= 180


def test_managed_frames_of_clrmd_lie_between_the_native_ones(stacks: StackList) -> None:
    from backports import zstd

    with zstd.open(FOLDER / NAME / "threads.json.zst", "rt") as file:
        recorded = json.load(file)
    ours = {thread.os_id: {frame.location.ip for frame in thread.frames} for thread in stacks.threads}
    managed = [(t["os"], f["ip"]) for t in recorded for f in t["frames"] if f["kind"] == "ManagedMethod"]
    assert len(managed) == 270
    assert sum(ip in ours[thread] for thread, ip in managed) == 258
