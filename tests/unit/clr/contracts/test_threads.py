from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from builders.clr import FakeModule, FakeTarget, put_descriptor
from builders.fake_access import Layout, fake_access
from dotdump.clr.contracts.threads import Threads, ThreadState
from dotdump.clr.data_access import DataAccess
from dotdump.clr.layout_choice import choose_layouts
from dotdump.clr.runtime_module import RuntimeKind, RuntimeModule
from dotdump.target.model import Thread

BASE = 0x7F0000000000
STORE, THREADS, VARIABLES = BASE + 0x300000, BASE + 0x310000, BASE + 0x40000
TYPES = {
    "ThreadStore": {"FirstThreadLink": 24, "ThreadCount": [8, "uint32"]},
    "Thread": {
        "Id": [4, "uint32"],
        "State": [0, "uint32"],
        "PreemptiveGCDisabled": [8, "uint32"],
        "LinkNext": 16,
        "OSId": [24, "uint64"],
        "Frame": 32,
        "GCHandle": 40,
        "LastThrownObject": 48,
        "ExceptionTracker": 56,
        "RuntimeThreadLocals": 64,
    },
    "RuntimeThreadLocals": {"AllocContext": 8},
    "EEAllocContext": {"GCAllocationContext": 8},
    "ExceptionInfo": {"PreviousNestedInfo": 16, "ThrownObject": 8},
}


@dataclass
class FakeThreads:
    """Threads by OS id, of a runtime that names its variables or not."""

    os_ids: list[int]
    count: int | None = None
    loop: bool = False
    named: bool = False
    words: dict[int, list[int]] = field(default_factory=dict)
    more: dict[int, list[int]] = field(default_factory=dict)

    def address(self, index: int) -> int:
        return THREADS + 0x100 * index

    def contract(self) -> Threads:
        module = FakeModule("/dotnet/shared/Microsoft.NETCore.App/10.0.0/libcoreclr.so", BASE, BASE + 0x80000)
        target = FakeTarget(module)
        target.threads = [Thread(os_id, {}, 0, 0) for os_id in self.os_ids if os_id]
        count = len(self.os_ids) if self.count is None else self.count
        target.words(STORE, 0, count, 0, self.address(0) + 16, 0)
        for index, os_id in enumerate(self.os_ids):
            last = index == len(self.os_ids) - 1
            link = (self.address(0) + 16 if self.loop else 0) if last else self.address(index + 1) + 16
            word = (index + 1) << 32 | ThreadState.BACKGROUND
            target.words(self.address(index), word, index % 2, link, os_id, *self.words.get(index, [0] * 5))
        target.words(VARIABLES, 0x1234, THREADS + 0x800, STORE, 7, self.address(1), self.address(0), 0)
        more = {THREADS + 0x900: [0, 0x111, 0], THREADS + 0x920: [0, 0x222, 0], **self.more}
        for place, words in more.items():
            target.words(place, *words)
        described: dict[str, Any] = {"types": TYPES, "globals": {}, "contracts": {"Thread": 1}}
        pointers = [VARIABLES + 16, VARIABLES + 32, VARIABLES + 40]
        if self.named:
            names = ("ThreadStore", "FinalizerThread", "GCThread")
            described["globals"] = {name: [[index], "pointer"] for index, name in enumerate(names)}
        module.symbols["DotNetRuntimeContractDescriptor"] = BASE + 0x1000
        put_descriptor(target, BASE + 0x1000, described, pointers)
        runtime = RuntimeModule(module, RuntimeKind.CORECLR)
        return Threads(DataAccess(target, runtime, "10.0.0", choose_layouts(target, runtime, "10.0.0")))


@pytest.mark.parametrize("named", [True, False])
def test_threads_are_found_by_name_or_by_what_their_list_looks_like(named: bool) -> None:
    fake = FakeThreads([11, 12, 13], named=named)
    threads = fake.contract()
    assert list(threads.addresses) == [fake.address(0), fake.address(1), fake.address(2)]
    assert threads.count == 3
    assert threads.finalizer == (fake.address(1) if named else fake.address(0))
    assert threads.problems == []


def test_a_list_of_another_length_than_it_counts_is_not_believed() -> None:
    threads = FakeThreads([11, 12, 13], count=4).contract()
    assert threads.addresses == []
    assert [problem.kind for problem in threads.problems] == ["threads"]


@pytest.mark.parametrize("named", [True, False])
def test_lists_that_are_no_list_of_threads_are_not_looked_through_for_ever(
    named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = [THREADS + 0x1000 + 8 * number for number in range(20)]
    like_it = {THREADS + 0x800: [0, 50, 0, links[0], 0], links[0]: [*links[1:], 0]}
    fake = FakeThreads([11, 12], count=2 + named, named=named, more=like_it)
    monkeypatch.setattr("dotdump.clr.contracts.thread_anchors.LISTED_THREADS", 30)
    assert len(fake.contract().addresses) == 2
    monkeypatch.setattr("dotdump.clr.contracts.thread_anchors.LISTED_THREADS", 10)
    threads = fake.contract()
    assert len(threads.addresses) == 2 * named
    (problem,) = threads.problems
    assert ("counts 3 threads" if named else "more than 10 threads in what is no list") in problem.message


def test_a_list_that_turns_round_is_read_once_and_it_is_said() -> None:
    fake = FakeThreads([11, 12], loop=True, named=True)
    threads = fake.contract()
    assert list(threads.addresses) == [fake.address(0), fake.address(1)]
    (problem,) = threads.problems
    assert f"breaks after 2: list of threads: it comes back to {fake.address(0) + 16:#x}" in problem.message


def test_a_list_that_ends_before_all_threads_that_the_runtime_counts_is_told() -> None:
    threads = FakeThreads([11, 12], count=5, named=True).contract()
    assert len(threads.addresses) == 2
    (problem,) = threads.problems
    assert problem.message == "the runtime counts 5 threads, and the list of them ends after 2"


def test_a_thread_that_has_ended_has_no_id_of_the_system() -> None:
    fake = FakeThreads([11, 0xBAADF00D])
    threads = fake.contract()
    assert threads.read(fake.address(1)).os_id == 0
    assert threads.read(fake.address(0)).os_id == 11


def test_the_top_of_the_frames_is_none() -> None:
    fake = FakeThreads([11, 12], words={0: [(1 << 64) - 1, 0, 0, 0, 0], 1: [0x7F77, 0, 0, 0, 0]})
    threads = fake.contract()
    assert [threads.read(address).frame for address in threads.addresses] == [0, 0x7F77]


def test_exceptions_under_way_are_listed_newest_first_and_a_chain_that_turns_round_ends() -> None:
    newer, older = THREADS + 0x940, THREADS + 0x980
    fake = FakeThreads([11], words={0: [0, 0, 0, newer, 0]})
    fake.more = {newer: [0, THREADS + 0x908, older], older: [0, THREADS + 0x928, newer]}
    threads = fake.contract()
    for _ in range(2):
        assert threads.read(fake.address(0)).exceptions == (0x111, 0x222)
    (problem,) = threads.problems
    assert problem.message == f"exceptions under way from {newer:#x} on: chain: it comes back to {newer:#x}"


def test_exceptions_under_way_whose_record_is_not_there_are_told() -> None:
    newer, nowhere = THREADS + 0x940, 0xDEAD00F0
    fake = FakeThreads([11], words={0: [0, 0, 0, newer, 0]}, more={newer: [0, THREADS + 0x908, nowhere]})
    threads = fake.contract()
    assert threads.read(fake.address(0)).exceptions == (0x111,)
    (problem,) = threads.problems
    assert f"{newer:#x} on: cannot read 8 bytes at 0xdead0100" in problem.message


def test_what_stands_behind_handles_is_read_and_what_is_not_there_is_none() -> None:
    fake = FakeThreads([11], words={0: [0, THREADS + 0x908, 0xDEAD0000, 0, 0]})
    record = fake.contract().read(fake.address(0))
    assert (record.object, record.last_thrown) == (0x111, 0)


def test_bits_are_said_in_words_and_unknown_ones_as_numbers() -> None:
    assert ThreadState(0x2021220).words == (
        "legal to join",
        "background",
        "we own",
        "fully initialized",
        "interruptible",
    )
    assert ThreadState(0x8000200).words == ("background", "0x8000000")


def test_exceptions_of_native_aot_are_objects_themselves_and_a_chain_that_turns_round_or_breaks_ends() -> None:
    layouts: dict[str, Layout] = {
        "RuntimeThreadLocals": {"m_threadId": (0, "uint64"), "m_pExInfoStackHead": 8},
        "ExInfo": {"m_pPrevExInfo": 0, "m_exception": 8},
    }
    access, target = fake_access(layouts)
    access.runtime = RuntimeModule(access.runtime.module, RuntimeKind.NATIVE_AOT)
    target.words(0x1000, 42, 0x2000)
    target.words(0x2000, 0x3000, 0xA000)
    for following in (0x2000, 0x9000, 0):
        target.words(0x3000, following, 0xB000)
        record = Threads(access).read(0x1000)
        assert (record.os_id, record.exceptions) == (42, (0xA000, 0xB000))
