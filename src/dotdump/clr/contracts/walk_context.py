"""``WalkContext``: a place in code with the registers there, and where on the stack their values lie.

Registers go by DWARF number, as in ``dotdump.unwind``, so that native and managed unwinding hand each other contexts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.unwind.frame import FrameTrust


@record
class WalkContext:
    """``pc`` is where execution goes on: a return address, unless the code there was ``interrupted``.

    ``registers`` are those whose value is known, the stack pointer and the program counter among them. ``places`` says
    where on the stack those lie that code further in has saved: a collector that moves an object would write there.
    """

    pc: int
    sp: int
    registers: Mapping[int, int]
    places: Mapping[int, int]
    trust: FrameTrust
    interrupted: bool = False

    @property
    def lookup(self) -> int:
        """An address within the instruction that is under way: a call may be the last one of its function."""
        return self.pc if self.interrupted else self.pc - 1
