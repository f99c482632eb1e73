"""The heap of an arm64 process, read here, against what ClrMD said of it on arm64: to the last object and reference."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import missing
from dotdump.analysis.statics import list_statics
from dotdump.errors import FormatError
from dotdump.formats.metadata.image import Metadata
from dotdump.formats.metadata.schema import MethodDef
from dotdump.target.compressed import UnpackedWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.model.heap import ClrHeap

pytestmark = pytest.mark.live

NAME = "coreclr-10.0.12-arm64-all"
FOLDER = Path(os.environ.get("DOTDUMP_TEST_CORES", "/nonexistent"))


@pytest.fixture(scope="module")
def runtime() -> Iterator[dotdump.ClrRuntime]:
    path = FOLDER / f"{NAME}.core.zst"
    if not path.exists():
        missing("DOTDUMP_TEST_CORES does not name the folder of the arm64 core")
    with pytest.warns(UnpackedWarning), dotdump.open_core(path) as target:
        yield dotdump.ClrRuntime.of(target)


@pytest.fixture(scope="module")
def heap(runtime: dotdump.ClrRuntime) -> ClrHeap:
    return runtime.heap


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
    handles = json.loads(recorded("handles.json"))
    dependents = [(int(h["target"], 16), int(h["dependent"], 16)) for h in handles if h["dependent"]]
    for line in recorded("edges.txt").splitlines():
        address, *theirs = (int(word, 16) for word in line.split())
        theirs += [secondary for primary, secondary in dependents if primary == address]
        row = graph.find(address)
        assert row is not None
        assert sorted(graph.addresses[target] for target in graph.references(row)) == sorted(theirs)


def test_handles_are_the_recorded_ones(runtime: dotdump.ClrRuntime) -> None:
    ours = [
        (h.kind.title, hex(h.address), hex(h.target), hex(h.secondary) if h.secondary else None)
        for h in runtime.handles()
    ]
    theirs = [(h["kind"], h["address"], h["target"], h["dependent"]) for h in json.loads(recorded("handles.json"))]
    assert sorted(ours, key=str) == sorted(theirs, key=str)


def test_finalizable_objects_are_the_recorded_ones(runtime: dotdump.ClrRuntime) -> None:
    queue = runtime.finalizable_objects()
    ours = Counter(runtime.heap.object(entry.target).type.name for entry in queue if not entry.is_ready)
    theirs = json.loads(recorded("finalizers.json"))
    assert (ours, sum(entry.is_ready for entry in queue)) == (theirs["registered"], theirs["ready"])


def test_statics_that_refer_to_objects_are_the_recorded_ones(runtime: dotdump.ClrRuntime) -> None:
    on_heap = set(runtime.heap.method_tables)
    ours = [
        (s.type.name, s.field.name, hex(s.object) if s.object else None)
        for s in runtime.statics()
        if s.type.method_table in on_heap and s.field.is_reference and s.initialized and s.thread is None
    ]
    theirs = [(s["type"], s["field"], s["value"]) for s in json.loads(recorded("statics.json"))]
    assert sorted(ours, key=str) == sorted(theirs, key=str)


def test_a_damaged_row_of_metadata_does_not_end_a_list_of_statics(
    runtime: dotdump.ClrRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(list_statics(runtime).statics)
    intact = Metadata.row

    def damaged(metadata: Metadata, kind: type[MethodDef], row_id: int) -> MethodDef:
        if kind is MethodDef:
            raise FormatError("cut")
        return intact(metadata, kind, row_id)

    monkeypatch.setattr(Metadata, "row", damaged)
    assert len(list_statics(dotdump.ClrRuntime.of(runtime.target)).statics) == count


def test_every_recorded_root_is_one_of_ours(runtime: dotdump.ClrRuntime) -> None:
    theirs = json.loads(recorded("roots.json"))
    rooted = runtime.rooted_graph()
    ours = {(str(root.kind), hex(root.address), hex(root.object), root.pinned) for root in rooted.roots}
    handles = {(r["kind"], r["address"], r["target"], r["pinned"]) for r in theirs if r["kind"] != "Stack"}
    assert {root for root in ours if "Handle" in root[0]} == handles
    objects = {r["target"] for r in theirs if r["type"] is not None}
    assert objects <= {hex(root.object) for root in rooted.roots}
