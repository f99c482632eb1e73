"""Sync blocks and threads that wait, with layouts of their own, whole and damaged."""

from __future__ import annotations

import copy
import struct
from typing import Any

import pytest

from builders import heaps
from builders.fake_access import fake_access
from builders.heaps import BASE, FakeHeap
from dotdump.clr.contracts.monitors import Blocked, Monitors
from dotdump.clr.contracts.object_headers import ObjectHeaders
from dotdump.clr.model.runtime import ClrRuntime

VARIABLE, TABLE, BLOCKS, THREAD, STACK = (BASE + offset for offset in (0x70000, 0x600000, 0x610000, 0x620000, 0x630000))
OBJECTS = 3
TYPES = {
    "SyncTableEntry": {"!": 24, "Object": 0, "SyncBlock": 16},
    "SyncBlock": {"Monitor": [8, "AwareLock"]},
    "AwareLock": {
        "Recursion": [0, "uint32"],
        "LockState": [4, "uint32"],
        "SyncIndex": [8, "uint32"],
        "HoldingThread": 16,
    },
    "Thread": {"DebugBlockingInfo": 40},
    "DebugBlockingItem": {"Next": 0, "Timeout": [8, "uint32"], "Type": [12, "uint32"], "Monitor": 16},
}
GLOBALS = {"ThinLockThreadIdMask": ["0x3ff", "uint32"], "ThinLockRecursionMask": ["0xfc00", "uint32"]}
PRECIOUS = 0x80000000


class Fake:
    """Three objects with sync blocks 1, 2 and 4; 3 is free. ``blocks`` and ``entries`` may be changed."""

    def __init__(self) -> None:
        self.heap = FakeHeap()
        node = self.heap.add_type(24)
        indexes = [1, 2, 4]
        objects = [node.words() for _ in range(OBJECTS)]
        for words, index in zip([[0], *objects], [*indexes, 0], strict=True):
            words[-1] = (0x08000000 | index) << 32 if index else 0
        region = self.heap.add_region(0, [0], *objects)
        self.heap.regions[0].start += 8
        self.heap.regions[0].words = self.heap.regions[0].words[1:]
        self.header = (0x08000000 | 1) << 32
        self.objects = [region.start + 24 * number for number in range(OBJECTS)]
        self.blocks = {index: struct.pack("<QIIIIQ", 0, 0, 0, PRECIOUS | index, 0, 0) for index in indexes}
        self.entries = [
            (0, 0),
            (self.objects[0], self.block(1)),
            (self.objects[1], self.block(2)),
            (7, 0),
            (self.objects[2], self.block(4)),
        ]
        self.named = True

    @staticmethod
    def block(index: int) -> int:
        return BLOCKS + 0x40 * index

    def lock(self, index: int, *, state: int, owner: int, recursion: int) -> None:
        self.blocks[index] = struct.pack("<QIIIIQ", 0, recursion, state, PRECIOUS | index, 0, owner)

    def open(self, monkeypatch: pytest.MonkeyPatch) -> ClrRuntime:
        runtime: dict[str, Any] = copy.deepcopy(heaps.RUNTIME)
        runtime["types"] |= TYPES
        runtime["globals"] |= GLOBALS
        if self.named:
            runtime["globals"]["SyncTableEntries"] = [hex(VARIABLE), "pointer"]
        monkeypatch.setattr(heaps, "RUNTIME", runtime)
        target = self.heap.target()
        target.words(self.heap.regions[0].start - 8, self.header)
        target.words(VARIABLE, TABLE)
        table = b"".join(struct.pack("<QQQ", owner, 0, block) for owner, block in self.entries)
        target.put(TABLE, table + bytes(24 * 20))
        for index, data in self.blocks.items():
            target.put(self.block(index), data)
        return ClrRuntime.of(target)


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.mark.parametrize("named", [True, False])
def test_monitors_are_those_of_the_table_by_name_or_by_what_it_looks_like(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    fake.named = named
    fake.lock(2, state=1 | 3 << 6, owner=THREAD, recursion=2)
    monitors = Monitors(fake.open(monkeypatch).access)
    found = list(monitors)
    assert [(each.index, each.object) for each in found] == list(zip([1, 2, 4], fake.objects, strict=True))
    assert [(each.is_held, each.owner, each.recursion, each.waiters) for each in found] == [
        (False, 0, 0, 0),
        (True, THREAD, 2, 3),
        (False, 0, 0, 0),
    ]
    assert monitors.problems == []


def test_an_entry_whose_block_or_object_has_another_index_is_no_monitor(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.entries.append((fake.objects[1], fake.block(1)))
    assert [each.index for each in Monitors(fake.open(monkeypatch).access)] == [1, 2, 4]
    fake.blocks[4] = fake.blocks[2]
    assert [each.index for each in Monitors(fake.open(monkeypatch).access)] == [1, 2]


def test_a_name_that_leads_to_something_else_is_not_believed(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.entries = [(BLOCKS, BLOCKS)] * 9
    monitors = Monitors(fake.open(monkeypatch).access)
    assert list(monitors) == []
    assert "was not found" in monitors.problems[0].message


def test_where_there_is_no_table_it_is_said(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.named, fake.entries = False, []
    monitors = Monitors(fake.open(monkeypatch).access)
    assert list(monitors) == []
    assert "was not found" in monitors.problems[0].message


def test_a_table_that_does_not_end_ends_with_its_memory(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.entries += [(9, 0)] * 10_000
    assert [each.index for each in Monitors(fake.open(monkeypatch).access)] == [1, 2, 4]


def waiting(fake: Fake, monkeypatch: pytest.MonkeyPatch, *items: tuple[int, int, int, int]) -> Monitors:
    runtime = fake.open(monkeypatch)
    target: Any = runtime.target
    target.put(THREAD, bytes(40) + STACK.to_bytes(8, "little"))
    for number, (following, timeout, kind, monitor) in enumerate(items):
        target.put(STACK + 0x100 * number, struct.pack("<QIIQ", following, timeout, kind, monitor))
    return Monitors(ClrRuntime.of(target).access)


def test_what_a_thread_waits_for_is_told_with_how_and_how_long(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monitors = waiting(fake, monkeypatch, (STACK + 0x100, 0xFFFFFFFF, 0, 0x1234), (0, 500, 1, 0x5678))
    assert monitors.blocked(THREAD) == (
        Blocked(0x1234, is_wait=False, timeout=None),
        Blocked(0x5678, is_wait=True, timeout=500),
    )


def test_a_list_of_waits_that_leads_back_ends(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monitors = waiting(fake, monkeypatch, (STACK, 1, 0, 0x1234))
    assert 1 <= len(monitors.blocked(THREAD)) <= 64


def test_a_thread_whose_memory_is_not_there_waits_for_nothing_known(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitors = Monitors(fake.open(monkeypatch).access)
    assert monitors.blocked(THREAD) == ()
    assert "waits for" in monitors.problems[0].message


@pytest.mark.parametrize(
    ("header", "expected"),
    [(0, None), (5, (5, 0)), (5 | 3 << 10, (5, 3)), (0x40000005, (5, 0)), (0x08000001, None), (0x0C000005, None)],
)
def test_a_header_has_a_thin_lock_or_it_has_not(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, header: int, expected: tuple[int, int] | None
) -> None:
    fake.header = header << 32
    assert ObjectHeaders(fake.open(monkeypatch).access).thin_lock_of(fake.objects[0]) == expected


def test_a_mask_of_no_bits_is_that_of_no_recursion() -> None:
    access, target = fake_access({}, globals_={"ThinLockThreadIdMask": 0xFFFF, "ThinLockRecursionMask": 0})
    target.words(0x1000, 5 << 32)
    assert ObjectHeaders(access).thin_lock_of(0x1008) == (5, 0)
