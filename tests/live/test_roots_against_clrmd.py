"""Segments, handles, finalizers and statics of real processes, as the commands print them, against ClrMD."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import dotdump
from corpus import Runtime, corpus, runtime_settings, runtimes
from dotdump.cli.main import main
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.clr.model.value import ClrStruct
from heap_witness import compare_finalizers, compare_handles, compare_roots, compare_segments, compare_statics
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from heap_witness import Comparison, Witness

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("roots against clrmd")]

SERVER = runtime_settings(gcServer="1", GCHeapCount="2")
COLLECTORS = {"workstation": {}, "server": SERVER, "standalone": {"DOTNET_GCName": "libclrgc.so"}}
CASES = [
    pytest.param((runtime, name), id=f"{runtime.version}-{name}")
    for runtime in runtimes()
    for name in COLLECTORS
    if name != "standalone" or runtime.major == 10
]
WITH_STATICS = [case for case in CASES if int(str(case.id).partition(".")[0]) >= 9]
"""Those of which ClrMD reads statics."""


class Dump(NamedTuple):
    """A core, and what wrote it."""

    path: Path
    runtime: Runtime
    facts: dict[str, Any]

    def answer(self, *words: str) -> dict[str, Any]:
        """Return what a command of ours says of it."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert main([words[0], str(self.path), *words[1:], "--format", "json"]) == 0
        found: dict[str, Any] = json.loads(out.getvalue())
        assert found["problems"] == []
        return found


@pytest.fixture(scope="module", params=CASES)
def dump(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dump]:
    runtime, collector = request.param
    path = tmp_path_factory.mktemp("roots") / "core"
    with corpus(runtime, "all", environment=COLLECTORS[collector]) as running:
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(path), str(running.pid)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        yield Dump(path, runtime, running.facts)
    path.unlink()


@pytest.fixture(scope="module")
def opened(dump: Dump) -> Iterator[ClrRuntime]:
    with dotdump.open_core(dump.path) as target:
        yield ClrRuntime.of(target)


ALIKE = (compare_handles, compare_finalizers, compare_roots, compare_segments)


@pytest.mark.parametrize("compare", ALIKE, ids=lambda compare: compare.__name__.removeprefix("compare_"))
def test_what_clrmd_has_is_what_we_have(
    dump: Dump, opened: ClrRuntime, compare: Callable[[ClrRuntime, Witness], Comparison]
) -> None:
    found = compare(opened, partial(oracle, core=dump.path))
    assert found.count > 0
    assert found.different == ()


def test_what_a_full_collection_left_is_reachable(opened: ClrRuntime) -> None:
    """Corpus collects before it says ready: hardly anything can have died since."""
    graph = opened.rooted_graph().graph
    free = {index for index, shape in enumerate(graph.types) if shape.is_free}
    dead = sum(not graph.is_reachable(row) for row in range(len(graph)) if graph.type_ids[row] not in free)
    assert dead < len(graph) / 1000


@pytest.mark.parametrize("dump", WITH_STATICS, indirect=True)
def test_statics_that_refer_to_objects_are_those_of_clrmd(dump: Dump, opened: ClrRuntime) -> None:
    assert compare_statics(opened, partial(oracle, core=dump.path)).different == ()


def test_statics_hold_what_they_are_declared_to_hold(opened: ClrRuntime) -> None:
    held = [s for s in opened.statics() if s.object and (s.is_boxed or s.field.type is not None)]
    assert len(held) > 100
    for static in held:
        kinds = opened.heap.object(static.object).type
        declared = static.field.type
        assert declared is None or declared in (*kinds.hierarchy, *kinds.interfaces), static


def test_statics_have_the_values_that_corpus_gave_them(opened: ClrRuntime) -> None:
    found = list(opened.statics(lambda kind: kind.name == "Corpus.Primitives"))
    values = {(s.field.name, s.thread is None): s.value for s in found}
    line = values.pop(("StaticStruct", True))
    assert isinstance(line, ClrStruct)
    assert (line["Sku"], line["Quantity"]) == ("static-sku", 3)
    assert values == {
        ("StaticNumber", True): 777,
        ("StaticText", True): "static-text",
        ("PerThread", False): "thread-static-main",
    }
    assert [s.thread.os_id for s in found if s.thread is not None] == [opened.target.process.pid]


def test_the_commands_print_what_was_found(dump: Dump, opened: ClrRuntime) -> None:
    handles = dump.answer("handles")
    assert [row["address"] for row in handles["handles"]] == [hex(handle.address) for handle in opened.handles()]
    assert sum(row["count"] for row in dump.answer("handles", "--by-type")["types"]) == handles["count"]
    finalizers = dump.answer("finalizers", "--objects")["objects"]
    assert [row["address"] for row in finalizers] == [hex(entry.target) for entry in opened.finalizable_objects()]
    assert sum(row["count"] for row in dump.answer("finalizers")["types"]) == len(finalizers)
    (number,) = dump.answer("statics", "--type", "^Corpus.Primitives.StaticNumber$")["statics"]
    assert (number["type"], number["value"], number["object"]) == ("System.Int32", "777", None)


def test_segments_are_those_of_clrmd(dump: Dump) -> None:
    ours = dump.answer("segments")["segments"]
    keys = ("kind", "start", "end", "heap", "committed", "reserved")
    assert sorted(tuple(s[k] for k in keys) for s in ours) == sorted(
        tuple(s[k] for k in keys) for s in oracle("segments", dump.path)
    )
