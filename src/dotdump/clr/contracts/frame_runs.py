"""``FrameRuns``: managed frames one after another whose layouts are known, followed all at once.

Says where each is and no more: what walks for more than that goes step by step, and comes to the same.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.kernels.frames import KNOWN, follow, slot_of
from dotdump.records import record
from dotdump.unwind.frame import FrameTrust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.formats.amd64_frame_layout import FrameLayout
    from dotdump.unwind.stack_words import StackWords

_ENTRIES = 1 << 17
_ROWS = 1 << 10
_ALL = (1 << 64) - 1
_NUMBERS = range(KNOWN)
_NOWHERE: dict[int, int] = {}


@record
class Run:
    """Managed frames, the newest first, by return address and stack pointer. ``caller`` is the frame after them."""

    pcs: Sequence[int]
    sps: Sequence[int]
    caller: WalkContext


class FrameRuns:
    """Follows stacks in ``words``; the return address and the stack pointer are the registers of these numbers."""

    def __init__(self, words: StackWords, pc_number: int, sp_number: int) -> None:
        self._words = words
        self._numbers = pc_number, sp_number
        self._pcs, self._sps = array("Q", bytes(8 * _ROWS)), array("Q", bytes(8 * _ROWS))
        self._registers = array("Q", bytes(8 * (KNOWN + 1)))
        self._clear()

    def add(self, pc: int, layout: FrameLayout) -> None:
        """Learn the layout of the frames that go on at the return address ``pc``."""
        if 2 * self._count >= len(self._table) >> 2:
            self._grow()
        entry = slot_of(self._table, (len(self._table) >> 2) - 1, pc)
        first = self._first.get(layout.restored)
        if first is None:
            first = self._first[layout.restored] = len(self._restored)
            self._restored.extend(layout.restored)
        self._count += self._table[entry] == 0
        place = first << 8 | len(layout.restored)
        self._table[entry : entry + 4] = array("Q", (pc, layout.register, layout.offset & _ALL, place))

    def follow(self, context: WalkContext, limit: int) -> Run | None:
        """Return the frames from ``context``, a return address, on whose callers' stack pointers are up to ``limit``.

        None where there are none that can be told at once.
        """
        base, words = self._words.window(context.sp)
        column = self._registers
        column[KNOWN] = 0
        for number, value in context.registers.items():
            column[number] = value
            column[KNOWN] |= 1 << number
        rows = follow(
            words, base, self._table, self._restored, column, *self._numbers, limit, self._pcs, self._sps
        )  # fmt: skip
        return Run(self._pcs[:rows], self._sps[:rows], self._caller()) if rows else None

    def _caller(self) -> WalkContext:
        column = self._registers
        known = column[KNOWN]
        registers = {number: column[number] for number in _NUMBERS if known >> number & 1}
        pc, sp = (column[number] for number in self._numbers)
        return WalkContext(pc, sp, registers, _NOWHERE, FrameTrust.UNWIND_CODES)

    def _clear(self) -> None:
        self._table = array("Q", bytes(8 * 4 * 256))
        self._restored = array("Q")
        self._first: dict[tuple[int, ...], int] = {}
        self._count = 0

    def _grow(self) -> None:
        """Make the table twice as large, or start anew where it would be too large."""
        old = self._table
        if len(old) >> 2 >= _ENTRIES:
            self._clear()
            return
        self._table = array("Q", bytes(2 * old.itemsize * len(old)))
        mask = (len(self._table) >> 2) - 1
        for entry in range(0, len(old), 4):
            if old[entry]:
                place = slot_of(self._table, mask, old[entry])
                self._table[place : place + 4] = old[entry : entry + 4]
