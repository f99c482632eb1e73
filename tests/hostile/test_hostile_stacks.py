"""Call frame information that lies: no walk without an end, no error, no memory without bound.

Half of the walks go through entries made at random, half through those of this machine's C library with bytes changed;
registers and stacks lead to code, to the stack, and nowhere.
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from builders.cfi import x86_cie
from builders.code_target import BASE, END, STACK, TEXT, CodeModule, CodeTarget
from builders.fake_target import FakeTarget
from corpus import missing
from dotdump.formats.eh_frame_hdr import EhFrameHdr
from dotdump.formats.elf import SegmentType
from dotdump.formats.elf_image import image_of_file
from dotdump.linux.maps import parse_maps
from dotdump.memory.file import FileSpace
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace
from dotdump.target.model import Thread
from dotdump.unwind.effort import Effort
from dotdump.unwind.frame import End
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from collections.abc import Callable

WALKS = int(os.environ.get("DOTDUMP_HOSTILE_WALKS", "3000"))
BUDGET = 300
EFFORT = 100_000
GROWTH = 64 << 20
SNIPPETS = [
    *(b"\x41", b"\x4f", b"\x0a", b"\x0b", b"\x0e\x10", b"\x0e\x00", b"\x86\x02", b"\x0d\x06", b"\x0c\x07\x00"),
    *(b"\x07\x10", b"\x08\x10", b"\x2d", b"\x09\x00", b"\x90\xff\xff\xff\x7f"),
]
OPERATIONS = bytes(
    [0x06, 0x08, 0x0E, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1B, 0x1E, 0x22, 0x28, 0x2F, 0x30, 0x77, 0x7F, 0x94]
)


def test_walks_through_what_lies_end_and_take_no_memory() -> None:
    dice, ends, frames, worst = random.Random(4), Counter[str](), 0, 0.0
    makers: list[Callable[[random.Random], FakeTarget]] = [made_at_random, changed_library]
    for maker in makers:
        maker(dice)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for number in range(WALKS):
        target = makers[number % 2](dice)
        unwinder = NativeUnwinder(target, Effort(EFFORT))
        start = time.perf_counter()
        *found, end = unwinder.walk(unwinder.frame_of(target.threads[0]), BUDGET)
        worst = max(worst, time.perf_counter() - start)
        assert isinstance(end, End)
        assert len(found) <= BUDGET
        ends[str(end.reason)] += 1
        frames += len(found)
    print(f"{WALKS} walks, {frames} frames, the longest walk {1000 * worst:.0f} ms: {dict(ends.most_common())}")
    assert len(ends) >= 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < GROWTH


def made_at_random(dice: random.Random) -> FakeTarget:
    """A program of a few functions whose entries say anything, in an index that is damaged now and then."""
    sizes = (0x80, dice.randrange(0x80))
    functions = [(start, dice.choice(sizes), _instructions(dice)) for start in range(0, 0x400, 0x80)]
    code = CodeTarget(functions, _stack(dice), common=x86_cie(_instructions(dice) if dice.random() < 0.1 else b""))
    target = code.build(**_registers(dice, lambda: TEXT + dice.randrange(0x400)))
    image = bytearray(target.memory.read(BASE, END - BASE))
    for _ in range(dice.choice((0, 0, 1, 4))):
        image[dice.choice((dice.randrange(256), 0x4000 + dice.randrange(256), 0x6000 + dice.randrange(64)))] = (
            dice.randrange(256)
        )
    target.memory = BytesSpace([(BASE, bytes(image)), (STACK, target.memory.read(STACK, 0x10000))])
    return target


def changed_library(dice: random.Random) -> FakeTarget:
    """The C library with some bytes of its call frame information changed, and a thread somewhere in it."""
    base, end, pieces, starts = _library()
    changed = []
    for address, data in pieces:
        copy = bytearray(data)
        for _ in range(dice.choice((0, 1, 50, 2000))):
            copy[dice.randrange(len(copy))] = dice.randrange(256)
        changed.append((address, bytes(copy)))
    registers = _registers(dice, lambda: dice.choice(starts) + dice.randrange(64))
    code = CodeTarget([], _stack(dice, starts))
    return FakeTarget(
        memory=BytesSpace([*changed, (STACK, code._stack())]),
        regions=(Region(base, end, Protection.READ | Protection.EXECUTE, 0, "libc"),),
        threads=(Thread(1, registers, registers["rip"], registers["rsp"]),),
        modules=(CodeModule(base=base, end=end),),
    )


def _instructions(dice: random.Random) -> bytes:
    parts = []
    for _ in range(dice.choice((0, 0, 1, 2, 5))):
        kind = dice.random()
        if kind < 0.6:
            parts.append(dice.choice(SNIPPETS))
        elif kind < 0.9:
            code = bytes(
                dice.choice(OPERATIONS) if dice.random() < 0.7 else dice.randrange(256)
                for _ in range(dice.randrange(12))
            )
            parts.append(dice.choice((b"\x0f", b"\x10\x10", b"\x16\x10", b"\x10\x07")) + bytes([len(code)]) + code)
        else:
            parts.append(dice.randbytes(3))
    return b"".join(parts)


def _stack(dice: random.Random, starts: list[int] | None = None) -> dict[int, int]:
    return {STACK + 8 * word: _word(dice, starts) for word in range(dice.choice((8, 64, 256)))}


def _word(dice: random.Random, starts: list[int] | None) -> int:
    kind = dice.randrange(4)
    if kind == 0:
        return STACK + dice.randrange(0x900)
    if kind == 1:
        return dice.choice((0, 1, 2**63, 2**64 - 1, dice.getrandbits(64)))
    return dice.choice(starts) + dice.randrange(64) if starts else TEXT + dice.randrange(0x400)


def _registers(dice: random.Random, pc: Callable[[], int]) -> dict[str, int]:
    values = {name: _word(dice, None) for name in ("rax", "rbx", "rbp", "r10", "r11", "r12")}
    return values | {"rip": pc(), "rsp": STACK + dice.choice((0, 8, 0x100, dice.randrange(0x800)))}


@cache
def _library() -> tuple[int, int, list[tuple[int, bytes]], list[int]]:
    """Return start, end, the head, index and entries of the C library, and where functions of it start."""
    maps = parse_maps(Path("/proc/self/maps").read_bytes())
    paths = [region.path for region in maps if "/libc." in region.path or "/ld-musl" in region.path]
    if not paths:
        missing("no C library in a file of its own")
    file = FileSpace(paths[0])
    image = image_of_file(file, file.size)
    header = next(h for h in image.headers if h.type == SegmentType.GNU_EH_FRAME)
    index = EhFrameHdr(image.memory, header.vaddr, header.memsz)
    assert index.eh_frame is not None
    base = 0x7F0000000000
    parts = ((0, 4096), (header.vaddr, header.memsz), (index.eh_frame, 1 << 17))
    pieces = [(base + at, image.memory.read_available(at, size)) for at, size in parts]
    return base, base + image.end, pieces, [base + start + index._base for start in index._starts[:400]]
