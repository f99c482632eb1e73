"""Statics of types that can be unloaded: they keep nothing alive by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import Runtime, runtimes
from dotdump.clr.model.root import RootKind
from dotdump.clr.model.runtime import ClrRuntime
from hosted import dumped

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("collectible types")]

STATICS = {"Kept.Holder.Names", "Kept.Holder.Own"}
TEXTS = ("in a list: Kept", "of one thread: Kept")


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def clr(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClrRuntime]:
    runtime: Runtime = request.param
    folder = tmp_path_factory.mktemp("collectible")
    with dumped("collectible.py", runtime, folder) as (core, _), dotdump.open_core(core) as target:
        yield ClrRuntime.of(target)


def test_their_statics_are_no_roots(clr: ClrRuntime) -> None:
    """Whoever asks why a plug-in is not unloaded asks what leads to its LoaderAllocator, which leads to its statics."""
    names = {root.name for root in clr.roots() if root.kind in (RootKind.STATIC, RootKind.THREAD_STATIC)}
    assert len(names) > 50
    assert names & STATICS == set()


def test_what_they_hold_is_found_by_way_of_their_loader_allocator(clr: ClrRuntime) -> None:
    rooted = clr.rooted_graph()
    texts = {found.text: rooted.graph.find(found.address) for found in clr.heap.objects() if found.type.is_string}
    rows = [texts[text] for text in TEXTS]
    assert [row is not None and rooted.graph.is_reachable(row) for row in rows] == [True, True]


def test_their_statics_are_listed_where_the_runtime_says_where_they_are(clr: ClrRuntime) -> None:
    held = {each.name for each in clr.statics(lambda kind: kind.name == "Kept.Holder") if each.object}
    assert held == (STATICS if clr.access.major >= 9 else set())
