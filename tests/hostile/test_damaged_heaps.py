"""A real heap with bits flipped: MethodTables, lengths, references, records of segments, tables of handles.

No flip may end a walk with another error than ours, let it run without end, or cost objects that lie elsewhere without
a word. Every round flips several bits of the same heap, and asks for all objects, references, handles and finalizers.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import corpus, missing, runtimes
from dotdump.analysis.whole_object import object_details
from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.errors import DotdumpError
from hostile.damage import Flip, FlippedSpace, FlippedTarget, Flipper, Heap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.target.core import CoreTarget

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("damaged heaps")]

FLIPS = int(os.environ.get("DOTDUMP_HOSTILE_FLIPS", "300"))
SCENARIOS = {"all": FLIPS // 10, "async": FLIPS * 9 // 10}
"""A large heap with every kind of object, and one that is small enough for many rounds."""

SPREAD = 20
"""Flips of places that cost single objects, in one round."""

NEIGHBOURHOOD = 4 << 10
"""Bytes around a flipped bit, or behind the object into which a wrong length leads, in which objects may be lost."""

LIST = "System.Collections.Generic.List<"
FEW = 10
"""Items that are all shown."""

SECONDS = 60.0
"""A round on a machine with other work: the longest seen is 2 s of the processor."""


@pytest.fixture(scope="module", params=SCENARIOS)
def scenario(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def core(scenario: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreTarget]:
    newest = runtimes()[-1] if runtimes() else missing("a runtime that has createdump")
    path = tmp_path_factory.mktemp("damaged") / "core"
    with corpus(newest, scenario) as running:
        command = [str(newest.directory / "createdump"), "--full", "-f", str(path), str(running.pid)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    with dotdump.open_core(path) as target:
        yield target
    path.unlink()


@pytest.fixture(scope="module")
def heap(core: CoreTarget) -> Heap:
    runtime = ClrRuntime.of(core)
    records = sorted({handle.address & ~0xFFFF for handle in runtime.handles()})
    return Heap(runtime, runtime.heap.graph(), [segment.address for segment in runtime.heap.segments], records)


def test_flipped_objects_cost_what_lies_around_them_and_it_is_said(core: CoreTarget, heap: Heap, scenario: str) -> None:
    dice = random.Random(5)
    flipper = Flipper(heap, dice)
    kinds = (flipper.method_table_word, flipper.length, flipper.reference)
    for _ in range(max(1, SCENARIOS[scenario] * 2 // 3 // SPREAD)):
        flips = [dice.choice(kinds)() for _ in range(SPREAD)]
        lost, problems = outcome(core, heap, flips)
        assert problems or not lost, flips
        near = [(f.address - NEIGHBOURHOOD, heap.end_at(f.address + f.reach) + NEIGHBOURHOOD) for f in flips]
        assert [hex(a) for a in lost if not any(start <= a < end for start, end in near)] == [], flips


def test_flipped_records_neither_crash_nor_hang(core: CoreTarget, heap: Heap, scenario: str) -> None:
    """A MethodTable or a segment can cost all that it is for; what is lost has to be said, or no word refers to it."""
    dice = random.Random(6)
    flipper = Flipper(heap, dice)
    silent = 0
    for _ in range(SCENARIOS[scenario] // 3):
        flip = dice.choice((flipper.type, flipper.segment, flipper.handle))()
        lost, problems = outcome(core, heap, [flip])
        if lost and not problems:
            assert flip.what == "segment", flip
            silent += 1
    assert silent <= SCENARIOS[scenario] // 30 + 1, "segments lose objects without a word"


def test_a_collection_that_counts_more_than_it_has_is_told(core: CoreTarget, heap: Heap) -> None:
    lists = (found for found in heap.runtime.heap.objects() if found.type.name.startswith(LIST))
    with_arrays = ((found, array) for found in lists if isinstance(array := found["_items"], ClrObject))
    full, items = next((found, array) for found, array in with_arrays if found["_size"] and 0 < array.length < FEW)
    assert object_details(heap.runtime, full.address).problems == ()
    field = full.type.find_field("_size")
    assert field is not None
    memory = FlippedSpace(core.memory)
    memory.flip(field.address_in(full.address) + 3, 6)
    details = object_details(ClrRuntime.of(FlippedTarget(core, memory)), full.address)
    (problem,) = details.problems
    assert f"there are {items.length}, and it counts 1,07" in problem.message


def outcome(core: CoreTarget, heap: Heap, flips: list[Flip]) -> tuple[list[int], list[str]]:
    """Return which objects are not found any more, and what is said; an error of ours loses all, and says so."""
    memory = FlippedSpace(core.memory)
    for flip in flips:
        memory.flip(flip.address, flip.bit)
    start = time.monotonic()
    try:
        runtime = ClrRuntime.of(FlippedTarget(core, memory))
        graph = runtime.heap.graph()
        runtime.handles()
        runtime.finalizable_objects()
    except DotdumpError as error:
        return list(heap.graph.addresses), [str(error)]
    assert time.monotonic() - start < SECONDS, flips
    said = [*graph.problems, *runtime.heap.problems, *runtime.root_problems]
    lost = (
        sorted(set(heap.graph.addresses).difference(graph.addresses)) if graph.addresses != heap.graph.addresses else []
    )
    return lost, [problem.message for problem in said]
