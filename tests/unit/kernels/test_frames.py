"""Stacks followed by layouts: by one step at a time, and against what a layout says of one frame."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from dotdump.formats.amd64_frame_layout import FrameLayout
from kernel_variants import VARIANTS, load

if TYPE_CHECKING:
    from types import ModuleType

PC, SP, RBX, RBP = 16, 7, 3, 6
BASE, MAIN, INNER = 0x7000, 0x1000, 0x2000
HIGHEST = (1 << 64) - 1


@pytest.fixture(params=VARIANTS)
def frames(request: pytest.FixtureRequest) -> ModuleType:
    return load("frames", request.param)


class Stack:
    """A kernel with layouts by return address, and the words of a stack."""

    def __init__(self, kernel: ModuleType, layouts: dict[int, FrameLayout], words: list[int]) -> None:
        self.kernel = kernel
        self.words = array("Q", words)
        self.table, self.restored = array("Q", bytes(32 * 64)), array("Q")
        for pc, layout in layouts.items():
            entry = kernel.slot_of(self.table, 63, pc)
            place = len(self.restored) << 8 | len(layout.restored)
            self.table[entry : entry + 4] = array("Q", (pc, layout.register, layout.offset & HIGHEST, place))
            self.restored.extend(layout.restored)

    def follow(
        self, registers: dict[int, int], limit: int = HIGHEST, rows: int = 8
    ) -> tuple[list[tuple[int, int]], dict[int, int]]:
        """Return pc and sp of each frame, and the registers of the one after them."""
        column = array("Q", bytes(8 * (self.kernel.KNOWN + 1)))
        for number, value in registers.items():
            column[number] = value
        column[self.kernel.KNOWN] = sum(1 << number for number in registers)
        pcs, sps = array("Q", bytes(8 * rows)), array("Q", bytes(8 * rows))
        found = self.kernel.follow(self.words, BASE, self.table, self.restored, column, PC, SP, limit, pcs, sps)
        after = {n: column[n] for n in range(self.kernel.KNOWN) if column[self.kernel.KNOWN] >> n & 1}
        return list(zip(pcs[:found], sps[:found], strict=True)), after


LAYOUTS = {INNER: FrameLayout(SP, 16, (RBX, RBP, PC)), MAIN: FrameLayout(RBP, 0, (RBP, PC))}
WORDS = [0, 0, 0xB0, BASE + 56, MAIN, 0, 0, 0xF0, 0xDEAD, 5]
"""The frame of ``INNER`` from the first word on, its caller's registers behind two words; ``MAIN`` keeps rbp."""
START = {PC: INNER, SP: BASE}


def test_frames_lead_to_their_callers_until_one_is_not_known(frames: ModuleType) -> None:
    found, after = Stack(frames, LAYOUTS, WORDS).follow(START)
    assert found == [(INNER, BASE), (MAIN, BASE + 40)]
    assert after == {PC: 0xDEAD, SP: BASE + 72, RBX: 0xB0, RBP: 0xF0}


@pytest.mark.parametrize(
    ("changes", "limit", "rows", "count"),
    [
        ({}, BASE + 72, 8, 2),
        ({}, BASE + 71, 8, 1),
        ({}, BASE + 39, 8, 0),
        ({}, HIGHEST, 1, 1),
        ({SP: BASE - 24}, HIGHEST, 8, 0),
        ({SP: BASE + 4}, HIGHEST, 8, 0),
        ({SP: BASE + 48}, HIGHEST, 8, 0),
        ({SP: HIGHEST - 7}, HIGHEST, 8, 0),
        ({PC: 0}, HIGHEST, 8, 0),
        ({PC: MAIN}, HIGHEST, 8, 0),
        ({PC: MAIN, RBP: BASE - 16}, HIGHEST, 8, 0),
    ],
)
def test_it_stops_at_what_is_not_as_it_was_told(
    frames: ModuleType, changes: dict[int, int], limit: int, rows: int, count: int
) -> None:
    found, after = Stack(frames, LAYOUTS, WORDS).follow({**START, **changes}, limit, rows)
    assert len(found) == count
    if not count:
        assert after == {**START, **changes}


def test_a_stack_pointer_that_does_not_grow_ends_it(frames: ModuleType) -> None:
    layouts = {MAIN: FrameLayout(RBP, 0, (RBP, PC))}
    found, after = Stack(frames, layouts, [BASE, MAIN, 0, 0]).follow({PC: MAIN, SP: BASE + 8, RBP: BASE})
    assert found == [(MAIN, BASE + 8)]
    assert (after[PC], after[SP]) == (MAIN, BASE + 16)


@given(
    layouts=st.dictionaries(
        st.integers(1, 12),
        st.builds(
            FrameLayout,
            st.sampled_from((SP, RBP)),
            st.sampled_from((-16, 0, 8, 24)),
            st.lists(st.sampled_from((RBX, RBP, 12)), unique=True).map(lambda saved: (*saved, PC)),
        ),
    ),
    words=st.lists(st.one_of(st.integers(0, 12), st.integers(0, 32).map(lambda word: BASE + 8 * word)), max_size=40),
    pc=st.integers(1, 12),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_frame_is_that_which_its_layout_leads_to(
    frames: ModuleType, layouts: dict[int, FrameLayout], words: list[int], pc: int
) -> None:
    def read(address: int, count: int) -> tuple[int, ...]:
        index = address - BASE >> 3
        return tuple(words[index : index + count]) if index >= 0 and address % 8 == 0 else ()

    start = {PC: pc, SP: BASE, RBP: BASE + 16}
    found, after = Stack(frames, layouts, words).follow(start, rows=64)
    event(f"frames: {min(len(found), 3)}")
    registers = start
    for place in found:
        assert place == (registers[PC], registers[SP])
        above = registers[SP]
        registers, _ = layouts[registers[PC]].caller_registers(registers, read)
        assert registers[SP] > above
    assert after == registers
