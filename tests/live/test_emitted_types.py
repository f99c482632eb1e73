"""Types and methods made at run time (``System.Reflection.Emit``): their names and fields, against ClrMD."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import Runtime, runtimes
from dotdump.analysis.managed_stacks import list_stacks
from dotdump.cli.main import main
from dotdump.clr.model.runtime import ClrRuntime
from hosted import dumped
from managed_stack_witness import compare
from peers import oracle
from type_witness import compare as differences_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("emitted types")]

THREADS, DEPTH = 3, 5
DESCEND = "Stacks.Walker.Descend(Int32)"


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def dump(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runtime, Path]]:
    runtime: Runtime = request.param
    folder = tmp_path_factory.mktemp("emitted")
    with dumped("many_stacks.py", runtime, folder, THREADS, DEPTH) as (core, _):
        yield runtime, core


def test_methods_made_at_run_time_have_names(dump: tuple[Runtime, Path]) -> None:
    _, core = dump
    recorded = oracle("threads", core)
    with dotdump.open_core(core) as target:
        found = compare(ClrRuntime.of(target), recorded)
    assert found.samples == []
    assert found.equal == found.theirs > THREADS * DEPTH
    theirs = [f["method"] for thread in recorded for f in thread["frames"]]
    assert theirs.count(DESCEND) >= THREADS * DEPTH


def test_types_made_at_run_time_have_names_and_fields(dump: tuple[Runtime, Path]) -> None:
    runtime, core = dump
    with dotdump.open_core(core) as target:
        clr = ClrRuntime.of(target)
        (kept,) = [found for found in clr.heap.objects() if found.type.name == "Stacks.Walker"]
        assert [(field.name, field.type.name) for field in kept.type.fields if field.type] == [
            ("Next", "Stacks.Walker"),
            ("Depth", "System.Int32"),
        ]
        assert kept["Depth"] == 0
        if runtime.major >= 9:  # before that ClrMD's DAC ends when it is asked for all fields
            every = (json.loads(line) for line in oracle("types", core))
            (theirs,) = [each for each in every if each["name"] == "Stacks.Walker"]
            assert differences_of(theirs, kept.type) == []


def test_a_mini_dump_names_them_too(dump: tuple[Runtime, Path], tmp_path: Path) -> None:
    _, core = dump
    assert main(["convert", str(core), str(tmp_path / "mini"), "--type", "Mini"]) == 0
    with dotdump.open_core(tmp_path / "mini") as target:
        stacks = list_stacks(ClrRuntime.of(target)).threads
    assert [frame.location.method for stack in stacks for frame in stack.frames].count(DESCEND) >= THREADS * DEPTH
