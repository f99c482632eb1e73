"""Commands that read a heap while a collection moves its objects: what could be had is shown, the exit code tells."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from builders.heaps import FakeHeap
from builders.roots import SEGMENT, add_handles
from dotdump.cli.main import main
from dotdump.cli.registry import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builders.clr import FakeTarget

STORE = 0x7F0000300000
ANCHOR: list[str] = [hex(STORE), "pointer"]
ANCHORS = ("ThreadStore", "FinalizerThread", "GCThread")
TYPES = {
    "ThreadStore": {"FirstThreadLink": 0, "ThreadCount": [8, "uint32"]},
    "Thread": {"LinkNext": 0},
    "SyncTableEntry": {"!": 24, "Object": 0, "SyncBlock": 16},
    "SyncBlock": {"Monitor": [8, "AwareLock"]},
    "AwareLock": {"SyncIndex": [8, "uint32"], "HoldingThread": 16},
}


@pytest.fixture
def heap(monkeypatch: pytest.MonkeyPatch) -> FakeHeap:
    """A heap without objects, of a runtime without threads and assemblies: what commands find that open a core."""
    fake = FakeHeap()
    places = {"SyncTableEntries": [hex(STORE + 0x100), "pointer"], "AppDomain": [hex(STORE + 0x800), "pointer"]}
    fake.describe(TYPES, {**dict.fromkeys(ANCHORS, ANCHOR), **places})
    add_handles(fake)

    @contextmanager
    def opened(*_: object) -> Iterator[FakeTarget]:
        target = fake.target()
        target.words(STORE, STORE + 8, 0, 0)
        target.words(STORE + 0x100, STORE + 0x200)
        target.put(STORE + 0x200, bytes(24 * 16))
        target.words(STORE + 0x800, 0)
        yield target

    for command in ("heap", "objects", "strings", "exceptions", "locks", "stacks"):
        monkeypatch.setattr(f"dotdump.cli.commands.{command}.open_target", opened)
    return fake


@pytest.mark.parametrize(
    "words",
    [
        "heap --no-index",
        "heap --live --no-index",
        "objects --no-index",
        "objects --live --no-index",
        "strings",
        "exceptions --no-index",
        "exceptions --live --no-index",
        "locks",
        "stacks --parallel",
    ],
)
def test_what_was_read_of_a_moving_heap_is_not_whole(
    heap: FakeHeap, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words.split(), "core"]) == Exit.DONE
    assert "moving" not in capsys.readouterr().err
    heap.invalid_count = 1
    assert main([*words.split(), "core"]) == Exit.PROBLEMS
    assert capsys.readouterr().err.count("a garbage collection was moving objects") == 1


@pytest.mark.parametrize("words", ["heap --live", "heap --dead", "objects --live", "exceptions --live"])
def test_what_lives_is_not_sure_where_roots_could_not_be_read(
    heap: FakeHeap, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    del heap.chunks[SEGMENT]
    assert main([*words.split(), "--no-index", "core"]) == Exit.PROBLEMS
    assert "handle table" in capsys.readouterr().err
