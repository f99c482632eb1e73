"""Frames where no call frame information says anything: by frame pointers, and by what looks like a return address.

Both are guesses and are marked so: code without a frame pointer is passed over, a word may only look like an address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import MemoryFault
from dotdump.unwind.frame import Frame, FrameTrust

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.unwind.code import CodeMap
    from dotdump.unwind.registers import DwarfRegisters
    from dotdump.unwind.stack_words import StackWords

SCAN_WORDS = 512
"""Words that a scan looks at: above it no function without call frame information has had its frame."""
_FRAME_SIZE = 1 << 23


def by_frame_pointer(
    frame: Frame, registers: DwarfRegisters, words: StackWords, code: CodeMap, strip: Callable[[int], int]
) -> Frame | None:
    """Return the caller by the frame record that the frame pointer leads to, where that can be one."""
    record = frame.registers.get(registers.frame_pointer, 0)
    if record % 8 or not frame.sp <= record < frame.sp + _FRAME_SIZE:
        return None
    try:
        outer, pc = words.word(record), strip(words.word(record + 8))
    except MemoryFault:
        return None
    if not code.is_code(pc):
        return None
    found = {registers.frame_pointer: outer, registers.program_counter: pc}
    if registers.link is None:  # elsewhere a frame record may lie anywhere in its frame
        found[registers.stack_pointer] = record + 16
    return Frame(pc, record + 16, found, FrameTrust.FRAME_POINTER, signals=frame.signals)


def by_scan(frame: Frame, registers: DwarfRegisters, words: StackWords, code: CodeMap) -> Frame | None:
    """Return the caller by the first word above the stack pointer that is an address just after a call."""
    first = frame.sp + 7 & -8
    for place in range(first, first + 8 * SCAN_WORDS, 8):
        try:
            pc = words.word(place)
        except MemoryFault:
            return None
        if code.is_code(pc) and (code.follows_call(pc) or _is_left_to(pc, place + 8, registers, words, code)):
            found = {registers.stack_pointer: place + 8, registers.program_counter: pc}
            pointer = frame.registers.get(registers.frame_pointer, 0)
            if pointer > place:
                found[registers.frame_pointer] = pointer
            return Frame(pc, place + 8, found, FrameTrust.SCAN, signals=frame.signals)
    return None


def _is_left_to(pc: int, sp: int, registers: DwarfRegisters, words: StackWords, code: CodeMap) -> bool:
    """Whether a handler returns to ``pc``, and what was interrupted is above ``sp``: in code, or with a stack at least.

    The address of that code alone may be what an earlier signal left.
    """
    trampoline = registers.trampoline
    if not code.begins_with(pc, trampoline.code):
        return False
    try:
        interrupted = words.word(sp + trampoline.instruction_pointer)
        if not code.is_code(interrupted):
            words.word(words.word(sp + trampoline.registers[registers.stack_pointer]))
    except MemoryFault:
        return False
    return True


def of_bad_call(frame: Frame, registers: DwarfRegisters, words: StackWords, code: CodeMap) -> Frame | None:
    """Return the caller of a frame that stands where no code is: a call went there, and left where it came from."""
    kept = registers.kept(frame.registers)
    try:
        pc = frame.registers.get(registers.link, 0) if registers.link is not None else words.word(frame.sp)
    except MemoryFault:
        return None
    sp = frame.sp if registers.link is not None else frame.sp + 8
    if not code.is_code(pc) or not code.follows_call(pc):
        return None
    kept |= {registers.stack_pointer: sp, registers.program_counter: pc}
    return Frame(pc, sp, kept, FrameTrust.SCAN, signals=frame.signals)
