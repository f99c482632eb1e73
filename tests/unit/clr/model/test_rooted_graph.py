from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders.heaps import FakeHeap
from builders.roots import FIRST_SLOT, add_finalize_queue, add_handles
from dotdump.clr.contracts.handles import HandleKind
from dotdump.clr.graph.index_folder import index_folder
from dotdump.clr.model.root import ClrRoot, RootKind
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.target.model import Thread

if TYPE_CHECKING:
    from pathlib import Path

    from builders.clr import FakeTarget

STACK = 0x7F00A0000000


@pytest.fixture
def target() -> FakeTarget:
    """Six objects: 0 has a strong handle, 1 is ready to be finalized, 2 depends on 0, 3 and 4 stacks, 5 is frozen."""
    heap = FakeHeap()
    kind = heap.add_type(24)
    region = heap.add_region(0, *(kind.words() for _ in range(5)))
    heap.add_region(2, kind.words(), flags=1)
    rows = [region.start + 24 * row for row in range(5)]
    add_handles(heap, (HandleKind.STRONG, rows[:1], []), (HandleKind.DEPENDENT, rows[:1], rows[2:3]))
    add_finalize_queue(heap, [], [], [], [], [], [], rows[1:2])
    target = heap.target()
    target.words(STACK, 7, rows[3] + 8, 0, 0x1234)
    target.threads = [Thread(42, {"rax": rows[4], "rsp": STACK}, 0, STACK, "main")]
    return target


def test_the_roots_of_every_kind_are_found(target: FakeTarget) -> None:
    rooted = ClrRuntime.of(target).rooted_graph()
    addresses = rooted.graph.addresses
    assert list(rooted.graph.roots) == [0, 1, 5]
    assert list(rooted.graph.possible_roots) == [3, 4]
    assert [rooted.roots_of(row) for row in range(6)] == [
        [ClrRoot(RootKind.STRONG_HANDLE, FIRST_SLOT, addresses[0])],
        [ClrRoot(RootKind.FINALIZER_QUEUE, rooted.roots_of(1)[0].address, addresses[1], "finalizer")],
        [],
        [ClrRoot(RootKind.STACK_CONSERVATIVE, STACK + 8, addresses[3], "thread 42 main", interior=True, thread=42)],
        [ClrRoot(RootKind.STACK_CONSERVATIVE, 0, addresses[4], "thread 42 main rax", thread=42)],
        [ClrRoot(RootKind.FROZEN, 0, addresses[5], "frozen segment")],
    ]


def test_what_depends_on_an_object_is_a_reference_of_it(target: FakeTarget) -> None:
    graph = ClrRuntime.of(target).rooted_graph().graph
    assert graph.path_to_root(2) == [0, 2]


def test_roots_are_saved_and_read_back(target: FakeTarget, tmp_path: Path) -> None:
    core = tmp_path / "core"
    core.write_bytes(b"core")
    runtime = ClrRuntime.of(target)
    first = runtime.rooted_graph(index_folder(core))
    target.threads = []
    again = ClrRuntime.of(target).rooted_graph(index_folder(core))
    assert again.roots == first.roots
    assert list(again.graph.roots) == list(first.graph.roots)
