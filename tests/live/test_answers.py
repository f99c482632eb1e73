"""Who holds it, what would go with it, what grew: asked of a program that leaks, twice, and of the process itself."""

from __future__ import annotations

import contextlib
import io
import json
import random
from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import dotdump
from corpus import Corpus, corpus, runtimes
from dotdump.analysis import RootedHeap
from dotdump.cli.main import main
from iterated_dominators import dominators_by_iteration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dotdump.clr.graph.object_graph import ObjectGraph

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("answers")]

STEP = 10_000
CACHE = "static Corpus.LeakScenario.Cache"
SESSION = "Corpus.LeakScenario+Session"


class Leak(NamedTuple):
    """A program that leaks, and what it was before and after it leaked ``STEP`` objects more."""

    running: Corpus
    before: Path
    after: Path


@pytest.fixture(scope="module", params=runtimes(), ids=lambda r: r.version)
def leak(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leak]:
    folder = tmp_path_factory.mktemp("leak")
    with corpus(request.param, "leak") as running:
        paths = [folder / name for name in ("before", "after")]
        for path in paths:
            assert main(["collect", "-p", str(running.pid), "-o", str(path)]) == 0
            if path is paths[0]:
                assert running.ask("grow") == "ok"
        yield Leak(running, *paths)
    for path in paths:
        path.unlink()


def answer(*words: object) -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([*map(str, words), "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(out.getvalue())
    assert found["problems"] == []
    return found


def test_the_cache_is_named_that_holds_what_there_is_too_much_of(leak: Leak) -> None:
    (suspect,) = answer("retained", leak.after)["suspects"]
    assert suspect["reason"].startswith(f"{CACHE} leads to one System.Collections.Generic.Dictionary<")
    assert f"holds {2 * STEP:,} {SESSION}" in suspect["reason"]
    assert suspect["share"] > 0.5
    assert suspect["holds"][0] == {"name": SESSION, "count": 2 * STEP, "retained": suspect["holds"][0]["retained"]}


def test_all_ways_to_the_leaked_objects_look_alike(leak: Leak) -> None:
    found = answer("roots", leak.after, "Session$")
    assert (found["count"], found["garbage"], found["shape_count"]) == (2 * STEP, 0, 1)
    (shape,) = found["shapes"]
    assert shape["name"].startswith(
        f"{CACHE} -> System.Collections.Generic.Dictionary<System.Int32, {SESSION}>._entries"
    )
    assert shape["name"].endswith(f"[].value -> {SESSION}")
    steps = shape["example"]["steps"]
    (held,) = answer("roots", leak.after, steps[-1]["address"])["objects"]
    assert held["paths"][0]["steps"] == steps


def test_what_grew_is_what_was_leaked_and_the_cache_holds_it(leak: Leak) -> None:
    found = answer("diff", leak.before, leak.after)
    sessions = next(row for row in found["types"] if row["name"] == SESSION)
    assert sessions["count"] == {"before": STEP, "after": 2 * STEP, "growth": STEP}
    assert sessions["size"]["growth"] == 32 * STEP
    assert sessions["retained"]["growth"] >= sessions["size"]["growth"] + 224 * STEP
    assert found["same_process"]
    assert (sessions["new"] - sessions["gone"]) == STEP
    assert f"{found['roots'][0]['kind'].lower()} {found['roots'][0]['name']}" == CACHE
    ways = {way["type"]: way for way in found["paths"]}
    assert ways[SESSION]["count"]["growth"] == STEP
    assert ways[SESSION]["name"].startswith(f"{CACHE} -> ")


def test_a_process_that_runs_is_asked_the_same(leak: Leak) -> None:
    found = answer("diff", "-p", leak.running.pid, "--seconds", "0", "--type", "Session$")
    assert [row for row in found["types"] if row["count"]["growth"]] == []
    (suspect,) = answer("retained", "-p", leak.running.pid)["suspects"]
    assert suspect["reason"].startswith(CACHE)


def test_live_and_dead_objects_are_all_there_are(leak: Leak) -> None:
    every, live, dead = (answer("heap", leak.after, *words) for words in ([], ["--live"], ["--dead"]))
    assert live["objects"] + dead["objects"] == every["objects"]
    assert live["bytes"] + dead["bytes"] == every["bytes"]
    shown = answer("objects", leak.after, "--dead")
    assert (shown["count"], shown["size"]) == (dead["objects"], dead["bytes"])
    most = answer("objects", leak.after, "--sort", "retained", "--limit", "3", "--live")["objects"]
    assert [row["retained"] for row in most] == sorted((row["retained"] for row in most), reverse=True)
    assert (
        most[0]["address"] == answer("retained", leak.after, "--by", "object", "--limit", "1")["objects"][0]["address"]
    )


def test_an_object_says_what_holds_it_and_what_it_retains(leak: Leak) -> None:
    top = answer("retained", leak.after, "--by", "object", "--type", "Dictionary<", "--limit", "1")["objects"][0]
    found = answer("object", leak.after, top["address"])
    assert found["retained"] == top["retained"]
    root = found["paths"][0]["roots"][0]
    assert (root["kind"], root["name"]) == ("Static", CACHE.split()[1])


def test_with_an_index_and_without_the_answers_are_the_same(leak: Leak) -> None:
    for words in (["retained"], ["retained", "--by", "type"], ["retained", "--by", "root"]):
        first = answer(words[0], leak.after, *words[1:])
        assert first == answer(words[0], leak.after, *words[1:], "--no-index")


@pytest.fixture(scope="module")
def heap(leak: Leak) -> Iterator[RootedHeap]:
    with dotdump.open_core(leak.after) as target:
        yield RootedHeap.of(dotdump.ClrRuntime.of(target))


def test_dominators_of_a_real_heap_are_those_of_another_algorithm(heap: RootedHeap) -> None:
    assert 30_000 < len(heap.graph) <= 100_000
    assert list(heap.dominators) == dominators_by_iteration(heap.graph)


def reached(graph: ObjectGraph, without: int) -> int:
    """Return the bytes that roots reach without passing a row."""
    seen = bytearray(len(graph))
    seen[without] = 1
    waiting = array("I", (row for row in graph.effective_roots if row != without))
    size = 0
    while waiting:
        row = waiting.pop()
        if not seen[row]:
            seen[row] = 1
            size += graph.sizes[row]
            waiting.extend(graph.references(row))
    return size


def test_retained_sizes_of_a_real_heap_are_what_the_definition_says(heap: RootedHeap) -> None:
    graph, chance = heap.graph, random.Random(5)
    live = [row for row in range(len(graph)) if heap.is_live(row)]
    total = sum(graph.sizes[row] for row in live)
    largest = sorted(live, key=lambda row: -heap.retained_sizes[row])[:10]
    for row in {*largest, *chance.sample(live, 15)}:
        assert total - reached(graph, row) == heap.retained_sizes[row], hex(graph.addresses[row])
