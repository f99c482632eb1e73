"""References, objects and variables of stacks whose words, Frames, GC info and debug info are not what they were."""

from __future__ import annotations

import os
import random
import resource
import struct
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import corpus, runtimes
from dotdump.analysis.managed_stacks import list_stacks
from dotdump.analysis.stack_objects import with_objects
from dotdump.analysis.stack_variables import with_variables
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.errors import DotdumpError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from corpus import Runtime

pytestmark = pytest.mark.live

ROUNDS = int(os.environ.get("DOTDUMP_HOSTILE_ROOTS", "5"))
LONGEST = 60
GROWTH_KIB = 1 << 20
PT_LOAD = 1


def loads(path: Path) -> list[tuple[int, int, int]]:
    """Return (address, size in file, offset) of what a core has of memory."""
    with path.open("rb") as file:
        header = file.read(64)
        (first,) = struct.unpack_from("<Q", header, 32)
        (count,) = struct.unpack_from("<H", header, 56)
        file.seek(first)
        rows = list(struct.iter_unpack("<IIQQQQQQ", file.read(56 * count)))
    return [(address, size, offset) for kind, _, offset, address, _, size, _, _ in rows if kind == PT_LOAD]


def places(clr: ClrRuntime) -> Iterator[range]:
    """Yield what decides over references: stacks, Frames, code headers, GC info and debug info."""
    for thread in clr.threads:
        for frame in clr.stack_references.references_of(thread).frames:
            step = frame.step
            yield range(step.sp - 64, step.sp + 512)
            if step.frame is not None:
                yield range(step.frame.address - 16, step.frame.address + 256)
            if step.code is not None:
                yield range(step.code.start - 8, step.code.start)
                for info in (step.code.gc_info, step.code.debug_info):
                    if info:
                        yield range(info, info + 48)


def everything(path: Path) -> int:
    """Read all that the command shows; return how many references there were."""
    with dotdump.open_core(path) as target:
        clr = ClrRuntime.of(target)
        stacks = with_variables(clr, list_stacks(clr), arguments=True, local_variables=True)
        found = with_objects(clr, stacks)
        clr.stack_roots()
    return sum(len(frame.objects) for thread in found.threads for frame in thread.frames)


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_damaged_stacks_raise_nothing_but_our_errors(runtime: Runtime, tmp_path: Path) -> None:
    core = tmp_path / "core"
    with corpus(runtime, "threads") as running:
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(core), str(running.pid)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    with dotdump.open_core(core) as target:
        where = sorted({place.start: place for place in places(ClrRuntime.of(target))}.values(), key=lambda p: p.start)
    memory = loads(core)
    chance, before = random.Random(runtime.version), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = everything(core)
    assert found > 0
    longest, told = 0.0, 0
    with core.open("r+b") as file:
        for _ in range(ROUNDS):
            undo = []
            for _ in range(chance.choice((1, 8, 200))):
                address = chance.choice(chance.choice(where)) & ~7
                offset = next((o + address - a for a, size, o in memory if a <= address < a + size - 8), None)
                if offset is not None:
                    file.seek(offset)
                    undo.append((offset, file.read(8)))
                    file.seek(offset)
                    file.write(_damaged(undo[-1][1], chance, where))
            file.flush()
            begun = time.monotonic()
            try:
                told += everything(core)
            except DotdumpError as error:
                pytest.fail(f"{type(error).__name__}: {error}")
            longest = max(longest, time.monotonic() - begun)
            for offset, data in reversed(undo):
                file.seek(offset)
                file.write(data)
            file.flush()
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{runtime.version}: {ROUNDS} damaged stacks, {told} references, longest {longest:.1f} s, {growth} KiB more")
    assert longest < LONGEST
    assert growth < GROWTH_KIB
    assert everything(core) == found


def _damaged(data: bytes, chance: random.Random, where: list[range]) -> bytes:
    """Return other eight bytes: another place, a bit or a byte changed, a number, or anything."""
    (word,) = struct.unpack("<Q", data)
    words = (
        chance.choice(chance.choice(where)),
        word ^ 1 << chance.randrange(64),
        word & ~(0xFF << 8 * chance.randrange(8)),
        chance.choice((0, 1, 8, 0xFFFF, 0x7FFFFFFF, (1 << 64) - 1, 1 << 63)),
        chance.getrandbits(64),
    )
    return struct.pack("<Q", chance.choice(words))
