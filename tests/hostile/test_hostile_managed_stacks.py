"""Managed stacks that lie: no walk without an end, no error, however Frames, stacks, unwind codes and code maps are.

Each walk is of a thread of a real process with words of its stack, of its Thread, or of what the walk reads of code
changed: to other addresses, to neighbours, to anything.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import corpus, missing, runtimes
from dotdump.clr.contracts.execution_manager import CodeManager
from dotdump.clr.contracts.stack_walk import StackWalker
from dotdump.clr.contracts.threads import Threads
from dotdump.clr.contracts.walk_step import Ending
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.errors import DotdumpError
from dotdump.memory.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.memory.space import AddressSpace, MemoryRange

WALKS = int(os.environ.get("DOTDUMP_HOSTILE_WALKS", "3000")) // 5
BUDGET = 1000
SLOWEST = 5.0
WORD = 8


class Recorder:
    """Memory that remembers what was read of it, word by word."""

    def __init__(self, memory: AddressSpace) -> None:
        self._memory = memory
        self.words: set[int] = set()

    def read(self, address: int, size: int) -> bytes:
        self.words.update(range(address & -WORD, address + min(size, 64), WORD))
        return self._memory.read(address, size)

    def read_available(self, address: int, size: int) -> bytes:
        self.words.update(range(address & -WORD, address + min(size, 64), WORD))
        return self._memory.read_available(address, size)

    def view(self, address: int, size: int) -> memoryview | None:
        return self._memory.view(address, size)

    def ranges(self) -> Sequence[MemoryRange]:
        return self._memory.ranges()


class Changed:
    """Memory in which some words are others."""

    def __init__(self, memory: AddressSpace, words: dict[int, bytes]) -> None:
        self._memory = memory
        self._words = words

    def read(self, address: int, size: int) -> bytes:
        return self._with_changes(address, self._memory.read(address, size))

    def read_available(self, address: int, size: int) -> bytes:
        return self._with_changes(address, self._memory.read_available(address, size))

    def view(self, _address: int, _size: int) -> memoryview | None:
        return None

    def ranges(self) -> Sequence[MemoryRange]:
        return self._memory.ranges()

    def _with_changes(self, address: int, data: bytes) -> bytes:
        found = bytearray(data)
        for place, word in self._words.items():
            for index, byte in enumerate(word):
                if 0 <= place + index - address < len(found):
                    found[place + index - address] = byte
        return bytes(found)


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def clr(request: pytest.FixtureRequest) -> Iterator[ClrRuntime]:
    if not runtimes():
        missing("a .NET runtime")
    with corpus(request.param, "threads") as running, dotdump.open_snapshot(running.pid) as target:
        yield ClrRuntime.of(target)


def use_memory(clr: ClrRuntime, memory: AddressSpace) -> StackWalker:
    """Have the runtime's structures, its code and its stacks read out of ``memory``."""
    clr.access.reader = Reader(memory, 8)
    native = clr.stack_walker.native  # what it knows of the system's libraries stays true
    native.words._memory = memory
    return StackWalker(clr.access, CodeManager(clr.access), native)


def test_walks_of_stacks_that_lie_end(clr: ClrRuntime) -> None:
    genuine, dice = clr.access.reader.memory, random.Random(5)
    assert [thread for thread in clr.threads if thread.native is not None]
    chosen = [(thread.address, thread.native) for thread in clr.threads if thread.native is not None]
    read: dict[int, list[int]] = {}
    for address, native in chosen:
        recorder = Recorder(genuine)
        walker = use_memory(clr, recorder)
        for _ in walker.walk(Threads(clr.access).read(address), native, budget=BUDGET):
            pass
        read[address] = sorted(recorder.words)
    ends, frames, worst = Counter[str](), 0, 0.0
    for _ in range(WALKS):
        address, native = dice.choice(chosen)
        changes = {}
        for place in dice.choices(read[address], k=dice.choice((1, 1, 2, 8))):
            kinds = (dice.choice(read[address]), place + dice.randrange(-64, 65), dice.getrandbits(64), 0, 2**64 - 1)
            changes[place] = (dice.choice(kinds) % 2**64).to_bytes(8, "little")
        walker = use_memory(clr, Changed(genuine, changes))
        start = time.perf_counter()
        try:
            record = Threads(clr.access).read(address)
        except DotdumpError:
            continue
        *steps, end = walker.walk(record, native, native=dice.random() < 0.3, budget=BUDGET)
        worst = max(worst, time.perf_counter() - start)
        assert isinstance(end, Ending)
        assert len(steps) <= BUDGET
        ends[str(end.reason)] += 1
        frames += len(steps)
    use_memory(clr, genuine)
    print(f"{WALKS} walks, {frames} frames, the longest {1000 * worst:.0f} ms: {dict(ends.most_common())}")
    assert len(ends) >= 2
    assert worst < SLOWEST
