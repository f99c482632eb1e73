"""What is copied of a process while it stands still."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdump.dump.buffered import CHUNK, CopiedMemory, buffer_for, prepared, touched
from dotdump.dump.segments import DumpPlan, Segment, Why
from dotdump.errors import Incomplete, MemoryFault
from dotdump.linux.headroom import MemoryGroup
from dotdump.linux.own_memory import OwnMemory
from dotdump.memory.region import Protection
from dotdump.memory.space import MemoryRange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dotdump.target.process import ProcessTarget

PAGE = 4096
BASE = 0x10000
PLAN = DumpPlan((Segment(BASE, BASE + 4 * CHUNK, Protection.READ, 4 * CHUNK, Why.KEPT),))


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

    def reason(self, address: int) -> str:
        return f"a hole at {address:#x}"


def as_target(process: Process) -> ProcessTarget:
    facts = dict.fromkeys(("process", "regions", "threads", "auxv", "places"))
    return cast("ProcessTarget", SimpleNamespace(memory=process, platform=SimpleNamespace(page_size=PAGE), **facts))


def content(size: int) -> bytes:
    return b"".join(number.to_bytes(8, "little") for number in range(size // 8))


def copied(process: Process, *runs: MemoryRange) -> CopiedMemory:
    found = runs or (MemoryRange(BASE, BASE + len(process.data)),)
    memory = CopiedMemory(found, OwnMemory(sum(run.size for run in found)))
    memory.fill(as_target(process), time.monotonic() + 60)
    return memory


def test_what_was_copied_is_read_whatever_the_sizes() -> None:
    process = Process(content(3 * CHUNK + 5 * PAGE))
    memory = copied(process)
    position, parts = BASE, []
    for size in [1, PAGE, CHUNK - 1, CHUNK, 7, 2 * CHUNK]:
        parts.append(memory.read_available(position, size))
        position += size
    assert b"".join(parts) == process.data
    assert memory.read_available(BASE + len(process.data), 1) == b""
    assert memory.read_available(BASE - 1, 1) == b""


def test_what_could_not_be_read_is_a_gap_and_reading_goes_on_behind_it() -> None:
    process = Process(content(8 * PAGE), frozenset({2, 3}))
    memory = copied(process)
    assert memory.read_available(BASE, 8 * PAGE) == process.data[: 2 * PAGE]
    for page in (2, 3):
        with pytest.raises(MemoryFault):
            memory.read(BASE + page * PAGE, 1)
        assert memory.view(BASE + page * PAGE, 1) is None
    assert memory.read(BASE + 4 * PAGE, 4 * PAGE) == process.data[4 * PAGE :]


@given(st.sets(st.integers(0, 15)), st.lists(st.booleans(), min_size=16, max_size=16))
def test_every_page_is_what_it_was_and_where_it_was(holes: set[int], kept: list[bool]) -> None:
    process = Process(content(16 * PAGE), frozenset(holes))
    runs = [MemoryRange(BASE + page * PAGE, BASE + (page + 1) * PAGE) for page in range(16) if kept[page]]
    if not runs:
        return
    memory = copied(process, *runs)
    for page in range(16):
        there = kept[page] and page not in holes
        expected = process.data[page * PAGE : (page + 1) * PAGE] if there else b""
        assert memory.read_available(BASE + page * PAGE, PAGE) == expected
    assert list(memory.present_runs(BASE + 3 * PAGE + 1, BASE + 9 * PAGE)) == [
        MemoryRange(max(run.start, BASE + 3 * PAGE + 1), run.end)
        for run in runs
        if BASE + 3 * PAGE < run.end <= BASE + 9 * PAGE
    ]


def test_nothing_is_there_before_it_was_copied() -> None:
    memory = CopiedMemory([MemoryRange(BASE, BASE + PAGE)], OwnMemory(PAGE))
    assert memory.read_available(BASE, PAGE) == b""


def test_a_copy_ends_at_the_deadline() -> None:
    class Swapped(Process):
        def read_into(self, address: int, buffer: memoryview) -> int:
            time.sleep(0.02)
            return super().read_into(address, buffer)

    process = Swapped(content(64 * CHUNK))
    memory = CopiedMemory([MemoryRange(BASE, BASE + 64 * CHUNK)], OwnMemory(64 * CHUNK))
    with pytest.raises(Incomplete, match="--timeout"):
        memory.fill(as_target(process), time.monotonic() + 0.1)
    assert process.reads < 64


def test_a_copy_that_fails_says_so() -> None:
    class Broken(Process):
        def read_into(self, address: int, buffer: memoryview) -> int:
            if self.reads == 2:
                raise OSError(5, "broken")
            return super().read_into(address, buffer)

    with pytest.raises(OSError, match="broken"):
        copied(Broken(content(8 * CHUNK)))


@pytest.mark.parametrize(("limit", "fits"), [(4 * CHUNK, True), (4 * CHUNK - 1, False), (0, False)])
def test_only_what_fits_is_buffered(limit: int, fits: bool) -> None:
    assert (buffer_for(as_target(Process(b"")), PLAN, limit, []) is not None) is fits


def test_a_control_group_of_ours_allows_half_of_what_it_has_left(tmp_path: Path) -> None:
    for name, text in (("memory.max", 8 * CHUNK), ("memory.current", 0)):
        (tmp_path / name).write_text(str(text))
    groups = [MemoryGroup(str(tmp_path), "memory.max", "memory.current")]
    assert prepared(4 * CHUNK, 1 << 30, groups) is not None
    assert prepared(4 * CHUNK + 1, 1 << 30, groups) is None
    (tmp_path / "memory.current").write_text("1")
    assert buffer_for(as_target(Process(b"")), PLAN, 1 << 30, groups) is None


def test_where_no_memory_is_to_be_had_nothing_is_buffered(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: OwnMemory, __: int) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(OwnMemory, "__init__", refuse)
    assert prepared(CHUNK, 1 << 30, []) is None
    assert buffer_for(as_target(Process(b"")), PLAN, 1 << 30, []) is None


def test_touched_memory_is_there_and_zero() -> None:
    memory = touched(3 * CHUNK + 1)
    assert len(memory.view) == memory.size == 3 * CHUNK + 1
    assert not any(memory.view[::PAGE])


def test_what_could_not_be_copied_is_missing_for_the_reason_that_the_process_has() -> None:
    memory = copied(Process(content(4 * PAGE), frozenset({2})))
    with pytest.raises(MemoryFault, match="a hole at 0x12000"):
        memory.read(BASE, 4 * PAGE)
