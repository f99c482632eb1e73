"""Frames that are followed all at once are those that steps lead to, however many layouts are known."""

from __future__ import annotations

import pytest

from dotdump.clr.contracts import frame_runs
from dotdump.clr.contracts.frame_runs import FrameRuns
from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.formats.amd64_frame_layout import FrameLayout
from dotdump.memory.space import BytesSpace
from dotdump.unwind.frame import FrameTrust
from dotdump.unwind.stack_words import StackWords

PC, SP, RBP = 16, 7, 6
STACK, CODE = 0x7FFF_0000, 0x4000
HIGHEST = (1 << 64) - 1
LAYOUT = FrameLayout(SP, 8, (RBP, PC))


def context(pc: int, sp: int) -> WalkContext:
    return WalkContext(pc, sp, {PC: pc, SP: sp}, {}, FrameTrust.UNWIND_CODES)


def stack(count: int) -> StackWords:
    """Return a stack of ``count`` frames of 24 bytes, each of which returns to a place of its own."""
    words = [word for number in range(count) for word in (0, number, CODE + number + 1)]
    data = b"".join(word.to_bytes(8, "little") for word in words)
    return StackWords(BytesSpace([(STACK, data)]))


@pytest.mark.parametrize("count", [1, 100, 341])
def test_each_frame_is_the_caller_of_the_one_before(count: int) -> None:
    runs = FrameRuns(stack(count), PC, SP)
    for number in range(count):
        runs.add(CODE + number, LAYOUT)
    found: list[tuple[int, int]] = []
    at = context(CODE, STACK)
    while (run := runs.follow(at, HIGHEST)) is not None:
        found += zip(run.pcs, run.sps, strict=True)
        at = run.caller
    assert found == [(CODE + number, STACK + 24 * number) for number in range(count)]
    assert at == WalkContext(
        CODE + count,
        STACK + 24 * count,
        {PC: CODE + count, SP: STACK + 24 * count, RBP: count - 1},
        {},
        FrameTrust.UNWIND_CODES,
    )


def test_frames_whose_callers_are_above_the_limit_are_left() -> None:
    runs = FrameRuns(stack(3), PC, SP)
    for number in range(3):
        runs.add(CODE + number, LAYOUT)
    run = runs.follow(context(CODE, STACK), STACK + 48)
    assert run is not None
    assert [*run.pcs] == [CODE, CODE + 1]
    assert runs.follow(run.caller, STACK + 48) is None


def test_what_is_not_in_the_target_or_not_known_is_left() -> None:
    runs = FrameRuns(stack(1), PC, SP)
    assert runs.follow(context(CODE, STACK), HIGHEST) is None
    runs.add(CODE, LAYOUT)
    assert runs.follow(context(CODE, STACK + 0x10_0000), HIGHEST) is None
    assert runs.follow(context(CODE, STACK + 8), HIGHEST) is None


def test_layouts_beyond_the_most_that_are_kept_make_it_forget_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_runs, "_ENTRIES", 1 << 9)
    runs = FrameRuns(stack(300), PC, SP)
    for number in range(300):
        runs.add(CODE + number, LAYOUT)
    assert runs.follow(context(CODE, STACK), HIGHEST) is None
    run = runs.follow(context(CODE + 290, STACK + 24 * 290), HIGHEST)
    assert run is not None
    assert len(run.pcs) == 10
