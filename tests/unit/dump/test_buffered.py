"""The relay between the one who copies a process and the one who writes it."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.dump.buffered import SLOT, Arena, Relay, buffered
from dotdump.dump.segments import DumpPlan, Segment, Why
from dotdump.errors import Incomplete, MemoryFault
from dotdump.memory.region import Protection
from dotdump.memory.space import MemoryRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.target.process import ProcessTarget

PAGE = 4096
BASE = 0x10000


class Process:
    """Memory from ``BASE`` on, ``holes`` (page numbers) unreadable; present as one run."""

    def __init__(self, data: bytes, holes: frozenset[int] = frozenset()) -> None:
        self.data = data
        self.holes = holes
        self.reads = 0

    def read_into(self, address: int, buffer: memoryview) -> int:
        self.reads += 1
        start = address - BASE
        end = min(start + len(buffer), len(self.data))
        for page in range(start // PAGE, -(-end // PAGE)):
            if page in self.holes:
                end = max(start, min(end, page * PAGE))
        buffer[: end - start] = self.data[start:end]
        return end - start

    def present_runs(self, start: int, end: int) -> Iterator[MemoryRange]:
        yield MemoryRange(start, end)


def as_target(process: Process) -> ProcessTarget:
    facts = dict.fromkeys(("process", "regions", "threads", "auxv", "places"))
    return cast("ProcessTarget", SimpleNamespace(memory=process, platform=SimpleNamespace(page_size=PAGE), **facts))


def content(size: int) -> bytes:
    return b"".join(number.to_bytes(8, "little") for number in range(size // 8))


def relay_over(size: int, *, room: int = 64 * SLOT) -> tuple[Relay, Arena]:
    arena = Arena(room)
    return Relay([MemoryRange(BASE, BASE + size)], arena), arena


def test_what_was_copied_is_read_in_order_whatever_the_sizes() -> None:
    process = Process(content(3 * SLOT + 5 * PAGE))
    relay, _ = relay_over(len(process.data))
    relay.fill(as_target(process))
    position, parts = BASE, []
    for size in [1, PAGE, SLOT - 1, SLOT, 7, 2 * SLOT]:
        parts.append(relay.read_available(position, size))
        position += size
    assert b"".join(parts) == process.data
    assert relay.read_available(BASE + len(process.data), 1) == b""


def test_what_could_not_be_read_is_a_gap_and_reading_goes_on_behind_it() -> None:
    process = Process(content(8 * PAGE), frozenset({2, 3}))
    relay, _ = relay_over(len(process.data))
    relay.fill(as_target(process))
    assert relay.read_available(BASE, 8 * PAGE) == process.data[: 2 * PAGE]
    with pytest.raises(MemoryFault):
        relay.read(BASE + 2 * PAGE, 1)
    assert relay.read(BASE + 4 * PAGE, 4 * PAGE) == process.data[4 * PAGE :]


def test_room_that_was_read_is_used_again() -> None:
    process = Process(content(40 * SLOT))
    relay, arena = relay_over(len(process.data), room=40 * SLOT)
    taken: set[int] = set()
    lend = arena.take

    def take() -> int:
        got_back.wait(5)  # until the reader is a slot behind
        got_back.clear()
        taken.add(slot := lend())
        return slot

    got_back = threading.Event()
    got_back.set()
    arena.take = take  # type: ignore[method-assign]
    filling = threading.Thread(target=relay.fill, args=[as_target(process)])
    filling.start()
    for number in range(40):
        assert relay.read(BASE + number * SLOT, SLOT) == process.data[number * SLOT : (number + 1) * SLOT]
        got_back.set()
    filling.join()
    assert len(taken) <= 3


def test_a_reader_waits_for_what_is_to_come_and_not_for_a_copy_that_failed() -> None:
    class Broken(Process):
        def read_into(self, address: int, buffer: memoryview) -> int:
            if self.reads == 2:
                raise OSError(5, "broken")
            return super().read_into(address, buffer)

    process = Broken(content(8 * SLOT))
    relay, _ = relay_over(len(process.data))
    failures: list[BaseException] = []

    def read() -> None:
        try:
            relay.read(BASE, len(process.data))
        except Incomplete as error:
            failures.append(error)

    reading = threading.Thread(target=read)
    reading.start()
    with pytest.raises(OSError, match="broken"):
        relay.fill(as_target(process))
    reading.join(10)
    assert not reading.is_alive()
    assert "was not copied to its end" in str(failures[0])


def test_nothing_more_is_copied_when_the_writer_gave_up() -> None:
    process = Process(content(8 * SLOT))
    relay, _ = relay_over(len(process.data))
    relay.abandon()
    relay.fill(as_target(process))
    assert process.reads == 0


@pytest.mark.parametrize(("limit", "fits"), [(4 * SLOT, True), (4 * SLOT - 1, False), (0, False)])
def test_only_what_fits_is_buffered(limit: int, fits: bool) -> None:
    plan = DumpPlan((Segment(BASE, BASE + 4 * SLOT, Protection.READ, 4 * SLOT, Why.KEPT),))
    assert (buffered(as_target(Process(b"")), plan, limit) is not None) is fits


def test_a_slot_that_comes_back_is_lent_before_a_fresh_one() -> None:
    arena = Arena(3 * SLOT, touched=SLOT)
    first, second = arena.take(), arena.take()
    assert first != second
    arena.give_back(first)
    assert arena.take() == first
    assert arena.take() not in {first, second}
    assert len(arena.view(first)) == SLOT
