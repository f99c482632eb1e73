"""Structs in structs, arrays of them and objects with them, made by chance: what they refer to, against ClrMD."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import Runtime, runtimes
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.memory.region import region_at
from heap_witness import compare_names, compare_objects
from hosted import dumped
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dotdump.clr.graph.object_graph import ObjectGraph

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("random structs")]


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def core(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    runtime: Runtime = request.param
    folder = tmp_path_factory.mktemp("structs")
    with dumped("random_structs.py", runtime, folder, runtime.major) as (path, _):
        yield path


def test_structs_of_any_shape_refer_to_what_they_do(core: Path) -> None:
    witness = partial(oracle, core=core)
    with dotdump.open_core(core) as target:
        runtime = ClrRuntime.of(target)
        assert compare_objects(runtime, witness).different == ()
        assert compare_names(runtime, witness).different == ()
        graph = runtime.heap.graph()
        assert (graph.dangling, list(graph.problems)) == (0, [])
        differing = list(differences(graph, core))
        assert [address for address, theirs in differing if theirs or not is_beyond_clrmd(runtime, address)] == []


def test_types_that_were_made_in_turn_have_their_own_fields(core: Path) -> None:
    with dotdump.open_core(core) as target:
        runtime = ClrRuntime.of(target)
        objects = {found.type.name: found for found in runtime.heap.objects() if "Shapes" in found.type.name}
        fields = {name: [field.name for field in objects[f"Shapes.{name}"].type.fields] for name in ("Left", "Right")}
    assert fields == {name: [f"{name}{number}" for number in range(3)] for name in fields}


def differences(graph: ObjectGraph, core: Path) -> Iterator[tuple[int, list[int]]]:
    """Yield address and ClrMD's references of objects that have others here."""
    dependents = [(int(h["target"], 16), int(h["dependent"], 16)) for h in oracle("handles", core) if h["dependent"]]
    for line in oracle("edges", core):
        address, *theirs = (int(word, 16) for word in line.split())
        theirs += [secondary for primary, secondary in dependents if primary == address]
        row = graph.find(address)
        if row is None or sorted(graph.addresses[target] for target in graph.references(row)) != sorted(theirs):
            yield address, theirs


def is_beyond_clrmd(runtime: ClrRuntime, address: int) -> bool:
    """Whether ClrMD has no references because it reads two words for each run of a pattern, and one is not there."""
    table = runtime.heap.object(address).type.method_table
    runs = -int.from_bytes(runtime.target.memory.read(table - 8, 8), "little", signed=True)
    around = region_at(runtime.target.regions, table)
    return around is not None and runs > 0 and table - 8 * (1 + 2 * runs) < around.start
