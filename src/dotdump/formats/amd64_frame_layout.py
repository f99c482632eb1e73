"""Frames of x86-64 whose unwind codes need not be carried out one by one: what they save lies side by side.

Nearly all managed code pushes its registers in its prologue and nothing else, so that they lie under the return
address at a constant distance from the stack pointer, or from the register that the prologue set up for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.formats.amd64_unwind_codes import PROGRAM_COUNTER, SOURCE, STACK_POINTER, Action
from dotdump.memory.space import ADDRESS_MASK
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dotdump.formats.amd64_unwind_codes import Plan

_WORD = 8


@record
class FrameLayout:
    """The words of ``restored`` lie one after another from ``register`` plus ``offset`` on; registers by DWARF number.

    The last of them is the return address, and the caller's stack pointer is behind it.
    """

    register: int
    offset: int
    restored: tuple[int, ...]

    def caller_registers(
        self, registers: Mapping[int, int], read_words: Callable[[int, int], tuple[int, ...]]
    ) -> tuple[dict[int, int], int]:
        """Return the caller's registers, and where those lie that were saved.

        ``read_words`` returns so many words from an address on; it may raise ``MemoryFault``. Raises ``FormatError``
        where ``register`` is not known.
        """
        base = registers.get(self.register)
        if base is None:
            raise FormatError(
                f"the caller depends on register {self.register}, whose value is not known", source=SOURCE
            )
        place, count = base + self.offset & ADDRESS_MASK, len(self.restored)
        found = dict(registers)
        found.update(zip(self.restored, read_words(place, count), strict=True))
        found[STACK_POINTER] = place + _WORD * count & ADDRESS_MASK
        return found, place

    def saved_places(self, place: int) -> dict[int, int]:
        """Return where each saved register lies, the return address left out."""
        return {number: place + _WORD * index & ADDRESS_MASK for index, number in enumerate(self.restored[:-1])}


def layout_of(plan: Plan) -> FrameLayout | None:
    """Return the layout of the frames that ``plan`` is for; None where its steps must be carried out."""
    register, distance = STACK_POINTER, 0
    saved: dict[int, int] = {}
    for step in plan.steps:
        if step.action is Action.ALLOCATE:
            distance += step.offset
        elif step.action is Action.POP:
            saved[distance] = step.register
            distance += _WORD
        elif step.action is Action.FROM_FRAME_POINTER and not saved:
            register, distance = step.register, -step.offset
        else:
            return None
    saved[distance] = PROGRAM_COUNTER
    first = distance - _WORD * (len(saved) - 1)
    if list(saved) != [*range(first, distance + 1, _WORD)]:
        return None
    return FrameLayout(register, first, tuple(saved.values()))
