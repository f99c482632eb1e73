"""The heap of an arm64 process, read here, against what ClrMD said of it on arm64: to the last object and reference."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import missing
from dotdump.target.compressed import UnpackedWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.model.heap import ClrHeap

pytestmark = pytest.mark.live

NAME = "coreclr-10.0.12-arm64-all"
FOLDER = Path(os.environ.get("DOTDUMP_TEST_CORES", "/nonexistent"))


@pytest.fixture(scope="module")
def heap() -> Iterator[ClrHeap]:
    path = FOLDER / f"{NAME}.core.zst"
    if not path.exists():
        missing("DOTDUMP_TEST_CORES does not name the folder of the arm64 core")
    with pytest.warns(UnpackedWarning), dotdump.open_core(path) as target:
        yield dotdump.ClrRuntime.of(target).heap


def recorded(name: str) -> str:
    from backports import zstd

    with zstd.open(FOLDER / NAME / f"{name}.zst", "rt") as file:
        return str(file.read())


def test_segments_are_the_recorded_ones(heap: ClrHeap) -> None:
    ours = {(str(s.kind), hex(s.start), hex(s.end), s.committed_size, s.reserved_size) for s in heap.segments}
    theirs = json.loads(recorded("segments.json"))
    assert ours == {(s["kind"], s["start"], s["end"], s["committed"], s["reserved"]) for s in theirs}


def test_objects_are_the_recorded_ones(heap: ClrHeap) -> None:
    ours = [f"{o.address:x} {o.method_table:x}" for o in heap.objects()]
    theirs = [line.rpartition(" ")[0] for line in recorded("objects.txt").splitlines()]
    assert sorted(ours) == sorted(theirs)


def test_references_are_the_recorded_ones(heap: ClrHeap) -> None:
    graph = heap.graph()
    for line in recorded("edges.txt").splitlines():
        address, *theirs = (int(word, 16) for word in line.split())
        row = graph.find(address)
        assert row is not None
        assert sorted(graph.addresses[target] for target in graph.references(row)) == sorted(theirs)
