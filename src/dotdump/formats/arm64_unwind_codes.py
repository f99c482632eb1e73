"""Windows unwind codes of arm64, which .NET writes on every system: steps from a place in a function to its caller.

Interprets bytes; knows nothing of where unwind data is found. Vector registers are passed over: managed code keeps no
reference in one.
Source of truth: "ARM64 exception handling" in Microsoft's C++ documentation; ``unwinder/arm64/unwinder.cpp``.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.formats.arm64_unwind_data import INSTRUCTION, SOURCE
from dotdump.formats.arm64_unwind_steps import FRAME_POINTER, FRAMES, LINK, STACK_POINTER, Action, Step
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.formats.arm64_unwind_data import UnwindData

_END, _END_C, _SAVE_NEXT = 0xE4, 0xE5, 0xE6
_START_OF_FRAGMENT = bytes((_END_C,))
_LONG_CODES = {0xE0: 4, 0xE2: 2, 0xE7: 3, 0xF8: 2, 0xF9: 3, 0xFA: 4, 0xFB: 5}


def is_fragment(data: UnwindData) -> bool:
    """Return whether this is the unwind data of a part of a function that has no prologue of its own."""
    return data.codes.startswith(_START_OF_FRAGMENT)


def steps_at(data: UnwindData, offset: int) -> tuple[Step, ...]:
    """Return the steps from ``offset`` bytes into the function to its caller; ``FormatError`` where there are none."""
    position, skip = _start_at(data, offset // INSTRUCTION)
    codes = data.codes
    while position < len(codes) and skip and not _ends(codes[position]):
        position += _size(codes[position])
        skip -= 1
    return tuple(_steps(codes, position))


def _start_at(data: UnwindData, place: int) -> tuple[int, int]:
    """Return the index of the first code for the instruction ``place``, and how many are not to be carried out."""
    prologue = _instructions(data.codes, 0)
    if place < prologue:
        return 0, prologue - place
    for start, index in data.epilogues:
        size = _instructions(data.codes, index) + 1
        first = (data.length // INSTRUCTION - size) if start is None else start // INSTRUCTION
        if first <= place < first + size:
            return index, place - first
    return 0, 0


def _instructions(codes: bytes, position: int) -> int:
    """Return how many instructions the codes from ``position`` on stand for, up to their end."""
    count = 0
    while position < len(codes) and not _ends(codes[position]):
        count += not 0xE8 <= codes[position] <= 0xF7
        position += _size(codes[position])
    return count


def _ends(code: int) -> bool:
    return code in (_END, _END_C)


def _size(code: int) -> int:
    if code < 0xC0:
        return 1
    return 2 if code < 0xE0 else _LONG_CODES.get(code, 1)


def _steps(codes: bytes, position: int) -> Iterator[Step]:
    pairs = 0
    while position < len(codes):
        code = codes[position]
        size = _size(code)
        if position + size > len(codes):
            raise FormatError(f"code {code:#04x} is cut", source=SOURCE, offset=position)
        operands = codes[position + 1 : position + size]
        position += size
        if code == _END:
            break
        if code == _SAVE_NEXT:
            pairs += 1
            continue
        steps = _interpreted(code, int.from_bytes(operands, "big"))
        if pairs:
            steps = _widened(steps, pairs, code)
            pairs = 0
        yield from steps
    if pairs:
        raise FormatError("save_next without a pair before it", source=SOURCE, offset=position)


def _widened(steps: tuple[Step, ...], pairs: int, code: int) -> tuple[Step, ...]:
    """Return a step that restores a pair, extended by the pairs of registers that ``save_next`` saved after it."""
    if len(steps) != 1 or steps[0].count != 2:
        raise FormatError(f"save_next of what {code:#04x} does", source=SOURCE)
    (step,) = steps
    return _checked(Step(step.action, step.offset, step.register, 2 + 2 * pairs, step.pop))


def _checked(step: Step) -> tuple[Step, ...]:
    if step.register + step.count > (STACK_POINTER if step.action is Action.RESTORE else 32):
        raise FormatError(f"{step.count} registers from {step.register} on", source=SOURCE)
    return (step,)


def _interpreted(code: int, operand: int) -> tuple[Step, ...]:
    if code < 0xC0:
        return _short(code)
    if code < 0xE0:
        return _two_bytes(code, operand)
    return _long(code, operand)


def _short(code: int) -> tuple[Step, ...]:
    low = code & 0x3F
    if code < 0x20:  # alloc_s
        return (Step(Action.ALLOCATE, 16 * code),)
    if code < 0x40:  # save_r19r20_x
        return _saved(19, 2, -8 * (code & 0x1F))
    if code < 0x80:  # save_fplr
        return _saved(FRAME_POINTER, 2, 8 * low)
    return _saved(FRAME_POINTER, 2, -8 * (low + 1))  # save_fplr_x


def _saved(register: int, count: int, offset: int, action: Action = Action.RESTORE) -> tuple[Step, ...]:
    """Return the step back of a store at ``offset``, or, where that is negative, of one that pushed."""
    return _checked(Step(action, max(offset, 0), register, count, max(-offset, 0)))


@record
class _Save:
    """Codes of two bytes below ``limit``: in ``bits`` a register counted from ``first``, in ``shift`` an offset."""

    limit: int
    first: int
    bits: int
    count: int
    pushes: bool
    action: Action = Action.RESTORE
    shift: int = 6


_SAVES = (
    _Save(0xCC, 19, 4, 2, pushes=False),  # save_regp
    _Save(0xD0, 19, 4, 2, pushes=True),  # save_regp_x
    _Save(0xD4, 19, 4, 1, pushes=False),  # save_reg
    _Save(0xD6, 19, 4, 1, pushes=True, shift=5),  # save_reg_x
    _Save(0xDA, 8, 3, 2, pushes=False, action=Action.SKIP),  # save_fregp
    _Save(0xDC, 8, 3, 2, pushes=True, action=Action.SKIP),  # save_fregp_x
    _Save(0xDE, 8, 3, 1, pushes=False, action=Action.SKIP),  # save_freg
    _Save(0xDF, 8, 3, 1, pushes=True, action=Action.SKIP, shift=5),  # save_freg_x
)


def _two_bytes(code: int, operand: int) -> tuple[Step, ...]:
    both = code << 8 | operand
    if code < 0xC8:  # alloc_m
        return (Step(Action.ALLOCATE, 16 * (both & 0x7FF)),)
    if code in (0xD6, 0xD7):  # save_lrpair
        offset = 8 * (operand & 0x3F)
        return (*_saved(19 + 2 * (both >> 6 & 7), 1, offset), *_saved(LINK, 1, offset + 8))
    if code == 0xDF:
        raise FormatError(f"unknown code {code:#04x}", source=SOURCE)
    save = _SAVES[bisect_right(_SAVES, code, key=lambda save: save.limit)]
    low = both & (1 << save.shift) - 1
    register = save.first + (both >> save.shift & (1 << save.bits) - 1)
    return _saved(register, save.count, -8 * (low + 1) if save.pushes else 8 * low, save.action)


def _long(code: int, operand: int) -> tuple[Step, ...]:
    if code in _SIMPLE:
        action, scale = _SIMPLE[code]
        return (Step(action, scale * operand),)
    if code == 0xE7:
        return _any_register(operand)
    if code in FRAMES:
        return (Step(Action.FRAME, register=code),)
    if code in (0xE3, _END_C) or code >= 0xF8:  # nop; the end of a fragment, not of its function; reserved
        return ()
    raise FormatError(f"unknown code {code:#04x}", source=SOURCE)


_SIMPLE = {
    0xE0: (Action.ALLOCATE, 16),  # alloc_l
    0xE1: (Action.FROM_FRAME_POINTER, 0),  # set_fp
    0xE2: (Action.FROM_FRAME_POINTER, 8),  # add_fp
    0xEC: (Action.TO_LINK, 0),  # clear_unwound_to_call
    0xFC: (Action.SIGNED, 0),  # pac_sign_lr
}


def _any_register(operand: int) -> tuple[Step, ...]:
    """Interpret save_any_reg: 0pxrrrrr ffoooooo."""
    fixed, pair, push = operand >> 15, operand >> 14 & 1, operand >> 13 & 1
    register, kind, offset = operand >> 8 & 31, operand >> 6 & 3, operand & 63
    if fixed or kind == 3:
        raise FormatError(f"save_any_reg of kind {kind}", source=SOURCE)
    scale = 16 if pair or push or kind == 2 else 8
    action = Action.RESTORE if kind == 0 else Action.SKIP
    return _saved(register, 1 + pair, -scale * (offset + 1) if push else scale * offset, action)
