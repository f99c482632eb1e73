"""Windows unwind codes of x86-64, which .NET writes on every system: steps from a place in a function to its caller.

Pure: ``steps_at`` interprets bytes, ``caller_registers`` carries the steps out with words that a callback reads.
Knows nothing of where unwind data is found. Vector registers are passed over: managed code keeps no reference in one.
Source of truth: "x64 exception handling" in Microsoft's C++ documentation; ``UNWIND_INFO`` and ``RtlVirtualUnwind`` of
unwinder/amd64/unwinder.cpp, which has ``UWOP_SET_FPREG_LARGE`` beside those of the documentation.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from struct import Struct
from typing import TYPE_CHECKING

from dotdump.errors import FormatError, LimitExceeded
from dotdump.limits import CHAINED_UNWIND_INFO
from dotdump.memory.space import ADDRESS_MASK
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SOURCE = "unwind information of x86-64"
STACK_POINTER, FRAME_POINTER, PROGRAM_COUNTER = 7, 6, 16
"""Numbers of registers, as DWARF has them."""
DWARF_NUMBERS = (0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15)
"""The DWARF number of each register by the number that instructions give it: rax, rcx, rdx, rbx, rsp ..."""

_HEADER = Struct("<BBBB")
_FUNCTION = Struct("<III")
_CHAINED = 4
_VERSIONS = (1, 2)
_LARGE_FRAME_OFFSET = 15


class Opcode(IntEnum):
    """``UNWIND_OP_CODES``."""

    PUSH_NONVOL = 0
    ALLOC_LARGE = 1
    ALLOC_SMALL = 2
    SET_FPREG = 3
    SAVE_NONVOL = 4
    SAVE_NONVOL_FAR = 5
    EPILOG = 6
    SPARE_CODE = 7
    SAVE_XMM128 = 8
    SAVE_XMM128_FAR = 9
    PUSH_MACHFRAME = 10
    SET_FPREG_LARGE = 11


class Action(Enum):
    """What a step does."""

    ALLOCATE = "the stack pointer goes up by ``offset``"
    POP = "``register`` is read at the stack pointer, which goes up by 8"
    LOAD = "``register`` is read at ``offset`` from where the frame begins"
    FROM_FRAME_POINTER = "the stack pointer is ``register`` less ``offset``"
    MACHINE_FRAME = "program counter and stack pointer are read ``offset`` above the stack pointer"


@record
class Step:
    """One step back; registers by DWARF number, offsets in bytes."""

    action: Action
    offset: int = 0
    register: int = 0


@record
class UnwindCode:
    """``place`` is the end, in the prologue, of the instruction that the step takes back."""

    place: int
    step: Step | None


@record
class UnwindInfo:
    """UNWIND_INFO of a function. ``chained`` is the RUNTIME_FUNCTION (begin, end, unwind data) that it goes on in.

    ``frame`` is the frame register by DWARF number and its offset in bytes, None where there is none.
    """

    prologue: int
    codes: tuple[UnwindCode, ...]
    frame: tuple[int, int] | None
    chained: tuple[int, int, int] | None


@record
class Plan:
    """The steps from a place to the caller; offsets of ``LOAD`` count from ``frame`` (register, offset) or from sp."""

    steps: tuple[Step, ...]
    frame: tuple[int, int] | None = None


@record
class Caller:
    """A caller's registers, by number. ``places``: where on the stack those that were restored lie.

    ``interrupted``: the program counter is no return address.
    """

    registers: dict[int, int]
    places: dict[int, int]
    interrupted: bool


def unwind_info_size(header: bytes) -> int:
    """Return how many bytes the unwind information has that begins with these four."""
    first, _, count, _ = _HEADER.unpack_from(header)
    chained = _FUNCTION.size if first >> 3 & _CHAINED else 0
    return _HEADER.size + 2 * (int(count) + 1 & ~1) + chained


def parse_unwind_info(data: bytes) -> UnwindInfo:
    """Return the unwind information in ``data``; ``FormatError`` where it is none."""
    if len(data) < _HEADER.size or len(data) < unwind_info_size(data):
        raise FormatError(f"{len(data)} bytes are too few", source=SOURCE)
    first, prologue, count, frame = _HEADER.unpack_from(data)
    if first & 7 not in _VERSIONS:
        raise FormatError(f"version {first & 7} is not known", source=SOURCE, offset=0)
    register, offset = DWARF_NUMBERS[frame & 15], 16 * (frame >> 4)
    codes = tuple(_codes(data, count, register, offset))
    large = next((c.step for c in codes if c.step is not None and c.step.action is Action.FROM_FRAME_POINTER), None)
    if frame >> 4 == _LARGE_FRAME_OFFSET and large is not None:
        offset = large.offset
    chained = None
    if first >> 3 & _CHAINED:
        begin, end, unwind_data = _FUNCTION.unpack_from(data, _HEADER.size + 2 * (count + 1 & ~1))
        chained = (begin, end, unwind_data)
    return UnwindInfo(prologue, codes, (register, offset) if frame & 15 else None, chained)


def steps_at(info: UnwindInfo, offset: int, find_chained: Callable[[int], UnwindInfo]) -> Plan:
    """Return the steps from ``offset`` bytes into the function to its caller.

    ``find_chained`` returns the unwind information at a RVA; it may raise ``FormatError`` and ``MemoryFault``.
    """
    steps = [code.step for code in info.codes if code.step is not None and code.place <= offset]
    has_frame = offset >= info.prologue or any(step.action is Action.FROM_FRAME_POINTER for step in steps)
    frame = info.frame if has_frame or info.chained else None
    for _ in range(CHAINED_UNWIND_INFO):
        if info.chained is None:
            return Plan(tuple(steps), frame)
        info = find_chained(info.chained[2])
        steps.extend(code.step for code in info.codes if code.step is not None)
    raise LimitExceeded(f"a chain of more than {CHAINED_UNWIND_INFO}", source=SOURCE)


def caller_registers(plan: Plan, registers: Mapping[int, int], read_word: Callable[[int], int]) -> Caller:
    """Carry out ``plan`` on ``registers``, as far as these are known; ``read_word`` may raise ``MemoryFault``.

    ``FormatError`` where a step depends on a register that is not known.
    """
    found, places = dict(registers), dict[int, int]()
    sp = _known(found, STACK_POINTER)
    base = sp if plan.frame is None else _known(found, plan.frame[0]) - plan.frame[1]
    for step in plan.steps:
        action = step.action
        if action is Action.POP:
            found[step.register], places[step.register] = read_word(sp), sp
            sp = sp + 8 & ADDRESS_MASK
        elif action is Action.ALLOCATE:
            sp = sp + step.offset & ADDRESS_MASK
        elif action is Action.FROM_FRAME_POINTER:
            sp = _known(found, step.register) - step.offset & ADDRESS_MASK
        elif action is Action.LOAD:
            place = base + step.offset & ADDRESS_MASK
            found[step.register], places[step.register] = read_word(place), place
        else:
            frame = sp + step.offset & ADDRESS_MASK
            found[PROGRAM_COUNTER] = read_word(frame)
            found[STACK_POINTER] = read_word(frame + 24 & ADDRESS_MASK)
            return Caller(found, places, interrupted=True)
    found[PROGRAM_COUNTER] = read_word(sp)
    found[STACK_POINTER] = sp + 8 & ADDRESS_MASK
    return Caller(found, places, interrupted=False)


def _known(registers: Mapping[int, int], number: int) -> int:
    value = registers.get(number)
    if value is None:
        raise FormatError(f"the caller depends on register {number}, whose value is not known", source=SOURCE)
    return value


def _codes(data: bytes, count: int, register: int, frame_offset: int) -> Iterator[UnwindCode]:
    slots = memoryview(data[_HEADER.size : _HEADER.size + 2 * count]).cast("H")
    index = 0
    while index < count:
        slot = slots[index]
        opcode, operand = slot >> 8 & 15, slot >> 12
        size = _slots_of(opcode, operand)
        if index + size > count:
            raise FormatError(f"code {opcode} is cut", source=SOURCE, offset=_HEADER.size + 2 * index)
        more = slots[index + 1] if size == 2 else slots[index + 1] | slots[index + 2] << 16 if size == 3 else 0
        yield UnwindCode(slot & 0xFF, _step(opcode, operand, more, register, frame_offset))
        index += size


def _slots_of(opcode: int, operand: int) -> int:
    if opcode == Opcode.ALLOC_LARGE:
        return 3 if operand else 2
    if opcode in (Opcode.SAVE_NONVOL, Opcode.SAVE_XMM128):
        return 2
    if opcode in (Opcode.SAVE_NONVOL_FAR, Opcode.SAVE_XMM128_FAR, Opcode.SET_FPREG_LARGE):
        return 3
    if opcode > Opcode.SET_FPREG_LARGE or opcode == Opcode.SPARE_CODE:
        raise FormatError(f"unknown code {opcode}", source=SOURCE)
    return 1


def _step(opcode: int, operand: int, more: int, register: int, frame_offset: int) -> Step | None:
    """Return what takes a code back; None for what changes no register that matters."""
    number = DWARF_NUMBERS[operand]
    step: Step | None = None
    match opcode:
        case Opcode.PUSH_NONVOL:
            step = Step(Action.POP, register=number)
        case Opcode.ALLOC_LARGE:
            step = Step(Action.ALLOCATE, more if operand else 8 * more)
        case Opcode.ALLOC_SMALL:
            step = Step(Action.ALLOCATE, 8 * operand + 8)
        case Opcode.SET_FPREG:
            step = Step(Action.FROM_FRAME_POINTER, frame_offset, register)
        case Opcode.SET_FPREG_LARGE:
            step = Step(Action.FROM_FRAME_POINTER, 16 * more, register)
        case Opcode.SAVE_NONVOL:
            step = Step(Action.LOAD, 8 * more, number)
        case Opcode.SAVE_NONVOL_FAR:
            step = Step(Action.LOAD, more, number)
        case Opcode.PUSH_MACHFRAME:
            step = Step(Action.MACHINE_FRAME, 8 * operand)
    return step
