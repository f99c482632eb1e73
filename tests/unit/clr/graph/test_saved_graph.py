from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from builders.heaps import FakeHeap
from dotdump.clr.graph import index_file
from dotdump.clr.graph.index_folder import IndexFolder, index_folder
from dotdump.clr.graph.saved_graph import GRAPH, load_graph, save_graph
from dotdump.clr.graph.saved_parts import CHILDREN, DOMINATORS, REFERRERS, WAYS, ensure, rooted_name
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.records import replace

if TYPE_CHECKING:
    from dotdump.clr.graph.object_graph import ObjectGraph
    from dotdump.clr.graph.saved_parts import Part


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "core.1"
    path.write_bytes(b"\x7fELF and more")
    return path


@pytest.fixture
def folder(core: Path) -> IndexFolder:
    return index_folder(core)


@pytest.fixture
def graph() -> ObjectGraph:
    heap = FakeHeap()
    node = heap.add_type(32, gc_desc=(1, 8, 16 - 32))
    region = heap.add_region(2)
    for row in range(50):
        targets = [region.start + 32 * ((row * 7 + step) % 50) for step in (1, 2)]
        region.words += [node.method_table, *targets, 0]
    region.words[-3] = 8
    built = ClrRuntime.of(heap.target()).heap.graph()
    return built.with_roots([region.start, region.start + 320])


def saved(folder: IndexFolder, graph: ObjectGraph) -> Path:
    """Save ``graph`` and return the path of its file."""
    path = save_graph(folder, graph)
    assert path is not None
    return Path(path)


PARTS = (WAYS, REFERRERS, DOMINATORS, CHILDREN)


def load(graph: ObjectGraph, part: Part, folder: IndexFolder) -> bool:
    """Return whether the index has ``part``; then ``graph`` has it, too."""
    name = rooted_name(graph, part.name) if part.rooted else part.name
    if folder.read(name) is not None:
        ensure(graph, part, folder)
    return part.name in graph.__dict__


def columns(graph: ObjectGraph) -> list[list[int]]:
    every = (graph.addresses, graph.type_ids, graph.sizes, graph.generations, graph.edge_offsets, graph.edge_targets)
    return [column.tolist() for column in every]


def test_what_is_loaded_is_what_was_saved(folder: IndexFolder, graph: ObjectGraph) -> None:
    save_graph(folder, graph)
    found = load_graph(folder)
    assert found is not None
    assert columns(found) == columns(graph)
    assert (found.types, found.problems, found.dangling) == (graph.types, graph.problems, graph.dangling)
    assert found.problems


def test_nothing_is_believed_of_indexes_that_missed_references(
    folder: IndexFolder, graph: ObjectGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(index_file, "MAGIC", b"DDINDEX2")
        save_graph(folder, graph)
        for part in PARTS:
            ensure(graph, part, folder)
    found = graph.with_roots(graph.addresses[row] for row in graph.roots)
    assert load_graph(folder) is None
    assert not any(load(found, part, folder) for part in PARTS)


def test_what_follows_from_a_graph_is_saved_for_its_roots(folder: IndexFolder, graph: ObjectGraph) -> None:
    for part in PARTS:
        ensure(graph, part, folder)
    found = graph.with_roots(graph.addresses[row] for row in graph.roots)
    other = graph.with_roots([graph.addresses[3]])
    for part in PARTS:
        assert load(found, part, folder)
        assert load(other, part, folder) is not part.rooted
    assert found.retained_sizes().tolist() == graph.retained_sizes().tolist()
    assert found.path_to_root(33) == graph.path_to_root(33)
    assert [column.tolist() for column in found.child_links] == [column.tolist() for column in graph.child_links]


def test_an_index_lies_beside_the_core_for_its_owner_alone(core: Path, folder: IndexFolder, graph: ObjectGraph) -> None:
    path = saved(folder, graph)
    assert path == core.with_name("core.1.dotdump") / GRAPH
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in path.parent.iterdir()] == [GRAPH]


def test_where_the_core_s_folder_takes_no_index_the_cache_does(
    core: Path, folder: IndexFolder, graph: ObjectGraph, tmp_path: Path
) -> None:
    core.with_name("core.1.dotdump").write_text("in the way")
    path = saved(folder, graph)
    assert path.is_relative_to(tmp_path / "cache" / "dotdump")
    assert load_graph(folder) is not None


def test_what_may_lack_something_is_not_saved(folder: IndexFolder, graph: ObjectGraph) -> None:
    assert save_graph(replace(folder, lacking=lambda: True), graph) is None


def test_a_link_in_the_folder_s_place_is_not_followed(core: Path, folder: IndexFolder, graph: ObjectGraph) -> None:
    victim = core.with_name("victim")
    victim.mkdir()
    core.with_name("core.1.dotdump").symlink_to(victim)
    save_graph(folder, graph)
    assert list(victim.iterdir()) == []


def test_an_index_of_a_core_that_has_changed_is_not_used(core: Path, folder: IndexFolder, graph: ObjectGraph) -> None:
    save_graph(folder, graph)
    core.write_bytes(b"\x7fELF and much more")
    assert load_graph(index_folder(core)) is None


def test_an_index_that_others_could_have_written_is_not_used(folder: IndexFolder, graph: ObjectGraph) -> None:
    path = saved(folder, graph)
    path.chmod(0o622)
    assert load_graph(folder) is None


@pytest.mark.parametrize("seed", range(40))
def test_a_cut_or_changed_index_is_made_anew(folder: IndexFolder, graph: ObjectGraph, seed: int) -> None:
    chance = random.Random(seed)
    path = saved(folder, graph)
    for part in PARTS:
        ensure(graph, part, folder)
    for file in path.parent.iterdir():
        data = bytearray(file.read_bytes())
        if seed % 2:
            del data[chance.randrange(len(data)) :]
        else:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        file.unlink()  # else what is mapped changes, too
        file.write_bytes(data)
        file.chmod(0o600)
    found = (load_graph(folder) or graph).with_root_rows(graph.roots)
    assert columns(found) == columns(graph)
    for part in PARTS:
        ensure(found, part, folder)
        ours, theirs = getattr(found, part.name), getattr(graph, part.name)
        assert [column.tolist() for column in ours] == [column.tolist() for column in theirs]


def test_interrupted_writing_leaves_nothing(
    core: Path, folder: IndexFolder, graph: ObjectGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "posix_fallocate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_graph(folder, graph)
    assert list(core.with_name("core.1.dotdump").iterdir()) == []


def test_a_heap_is_built_once_and_loaded_from_then_on(folder: IndexFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    heap = FakeHeap()
    heap.add_region(0, heap.add_type(24).words())
    runtime = ClrRuntime.of(heap.target())
    first = runtime.heap.graph(folder)
    monkeypatch.setattr(type(runtime.heap), "walk", None)
    assert columns(runtime.heap.graph(folder)) == columns(first)
