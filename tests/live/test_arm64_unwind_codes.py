"""Unwind data of arm64 code of .NET, against what the instructions of its prologues do."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from struct import iter_unpack, unpack
from typing import TYPE_CHECKING

import pytest

import dotdump
from builders.arm64_prologues import SP, Machine
from corpus import missing
from dotdump.formats.arm64_unwind_codes import steps_at
from dotdump.formats.arm64_unwind_data import UnwindData, read_xdata
from dotdump.formats.arm64_unwind_steps import PROGRAM_COUNTER, caller_registers
from dotdump.formats.pe import PeImage
from dotdump.target.compressed import UnpackedWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

FOLDER = Path(os.environ.get("DOTDUMP_TEST_CORES", "/nonexistent"))
STEP = 7
RUNTIME_FUNCTIONS = 102


def run(word: int, machine: Machine) -> bool:
    """Carry out an instruction; False where it is none of those that save registers."""
    first, base, second, offset = word & 31, word >> 5 & 31, word >> 10 & 31, (word >> 15 & 127) - (word >> 14 & 128)
    kind, immediate = word & 0xFFC00000, word >> 10 & 0xFFF
    if kind in (0xD1000000, 0x91000000):  # sub, add
        machine.registers[first] = machine.registers[base] + (immediate if kind == 0x91000000 else -immediate)
    elif kind in (0xA9800000, 0x6D800000) and base == SP:  # stp, pushing
        machine.registers[SP] += 8 * offset
        if kind == 0xA9800000:
            machine.store(0, first, second)
    elif kind == 0xA9000000 and base == SP:  # stp
        machine.store(8 * offset, first, second)
    elif word & 0xFFE00C00 == 0xF8000C00 and base == SP:  # str, pushing
        machine.registers[SP] += (word >> 12 & 255) - (word >> 12 & 256)
        machine.store(0, first)
    elif kind == 0xF9000000 and base == SP:  # str
        machine.store(8 * immediate, first)
    else:
        return kind in (0x6D000000, 0xFD000000)  # stp and str of vector registers
    return True


def agrees(data: UnwindData, offset: int, machine: Machine) -> bool:
    found = caller_registers(steps_at(data, offset), machine.registers, machine.read).registers
    expected = Machine().registers
    same = all(found[number] == expected[number] for number in range(19, 32))
    return same and found[PROGRAM_COUNTER] == expected[30]


def prologue_size(data: UnwindData) -> int:
    """Return the offset from which on all steps are carried out, for any function with an end of its own."""
    body = steps_at(data, data.length // 2 & -4)
    return next(offset for offset in range(0, data.length, 4) if steps_at(data, offset) == body)


@pytest.fixture(scope="module")
def core_lib() -> Iterator[PeImage]:
    path = FOLDER / "coreclr-10.0.12-arm64-all.core.zst"
    if not path.exists():
        missing("DOTDUMP_TEST_CORES does not name the folder of the arm64 core")
    with pytest.warns(UnpackedWarning):
        target = dotdump.open_core(path)
    with target:
        yield PeImage(target.memory, 0x55037E0000, loaded=True)


def runtime_functions(image: PeImage) -> Iterator[tuple[int, ...]]:
    header = image.cli_header
    assert header is not None
    sections = image.read(*header.managed_native_header)[16:]
    rows = iter_unpack("<III", sections[: len(sections) // 12 * 12])
    rva, size = next((rva, size) for kind, rva, size in rows if kind == RUNTIME_FUNCTIONS)
    return islice(iter_unpack("<II", image.read(rva, size - 8)), 0, None, STEP)


def test_every_instruction_of_a_prologue_is_undone(core_lib: PeImage) -> None:
    done = passed_over = 0
    for begin, unwind in runtime_functions(core_lib):
        data = read_xdata(core_lib._space, core_lib.base + unwind)
        size = prologue_size(data)
        machine = Machine()
        for index, word in enumerate(unpack(f"<{size // 4}I", core_lib.read(begin, size))):
            assert agrees(data, 4 * index, machine), (hex(begin), index)
            if not run(word, machine):
                passed_over += 1
                break
        else:
            assert agrees(data, size, machine), hex(begin)
            done += 1
    assert done > 7000
    assert passed_over < 100
