"""Steps from a place in a function of arm64 to its caller: what unwind codes come to, and how they are carried out.

Source of truth: "ARM64 exception handling" in Microsoft's C++ documentation; ``unwinder/arm64/unwinder.cpp``.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.formats.arm64_unwind_data import SOURCE
from dotdump.memory.space import ADDRESS_MASK
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FRAME_POINTER, LINK, STACK_POINTER, PROGRAM_COUNTER = 29, 30, 31, 32
"""Numbers of registers, as DWARF has them; 0 to 28 are x0 to x28."""


class Action(Enum):
    """What a step does."""

    ALLOCATE = "the stack pointer goes up by ``offset``"
    RESTORE = "``count`` registers from ``register`` on are read at ``offset``; the stack pointer goes up by ``pop``"
    SKIP = "registers that do not matter: the stack pointer goes up by ``pop``"
    FROM_FRAME_POINTER = "the stack pointer is x29 less ``offset``"
    SIGNED = "the return address is signed"
    FRAME = "all registers are read from a structure on the stack, ``register`` says of which kind"
    TO_LINK = "execution goes on at x30, which is no return address"


@record
class Step:
    """One step back; offsets are bytes from the stack pointer as it is then."""

    action: Action
    offset: int = 0
    register: int = 0
    count: int = 0
    pop: int = 0


@record
class Caller:
    """A caller's registers, by number. ``places``: where on the stack those that were restored lie.

    ``signed``: the return address carries a signature. ``interrupted``: the program counter is no return address.
    """

    registers: dict[int, int]
    places: dict[int, int]
    signed: bool
    interrupted: bool


@record
class _Frame:
    """A structure on the stack: where x0 and those that follow it lie, and the special registers."""

    first: int
    count: int
    special: Mapping[int, int]


FRAMES = {
    0xE8: _Frame(0xA0, 19, {STACK_POINTER: 0x98, LINK: 0x138, FRAME_POINTER: 0x140, PROGRAM_COUNTER: 0x148}),
    0xE9: _Frame(0, 0, {STACK_POINTER: 0, PROGRAM_COUNTER: 8}),
    0xEA: _Frame(8, 29, {FRAME_POINTER: 0xF0, LINK: 0xF8, STACK_POINTER: 0x100, PROGRAM_COUNTER: 0x108}),
}
"""By their code: KTRAP_FRAME, the machine frame and CONTEXT; only code of the Windows kernel has the first two."""


def caller_registers(steps: tuple[Step, ...], registers: Mapping[int, int], read_word: Callable[[int], int]) -> Caller:
    """Carry out ``steps`` on ``registers``, as far as these are known; ``read_word`` may raise ``MemoryFault``.

    ``FormatError`` where a step depends on a register that is not known.
    """
    state = _State(dict(registers), {}, read_word)
    for step in steps:
        state.carry_out(step)
    found = state.registers
    if not state.at_frame:
        found[PROGRAM_COUNTER] = state.known(LINK)
    return Caller(found, state.places, state.signed, state.at_frame)


class _State:
    __slots__ = ("at_frame", "places", "read_word", "registers", "signed")

    def __init__(self, registers: dict[int, int], places: dict[int, int], read_word: Callable[[int], int]) -> None:
        self.registers = registers
        self.places = places
        self.read_word = read_word
        self.signed = False
        self.at_frame = False

    def known(self, register: int) -> int:
        value = self.registers.get(register)
        if value is None:
            raise FormatError(f"the caller depends on register {register}, whose value is not known", source=SOURCE)
        return value

    def carry_out(self, step: Step) -> None:
        action = step.action
        if action is Action.RESTORE:
            self._restore(step.register, step.count, self.known(STACK_POINTER) + step.offset)
            self._pop(step.pop)
        elif action is Action.ALLOCATE:
            self._pop(step.offset)
        elif action is Action.SKIP:
            self._pop(step.pop)
        elif action is Action.FROM_FRAME_POINTER:
            self.registers[STACK_POINTER] = (self.known(FRAME_POINTER) - step.offset) & ADDRESS_MASK
        elif action is Action.SIGNED:
            self.signed = True
        elif action is Action.FRAME:
            self._take(FRAMES[step.register])
        else:
            self.registers[PROGRAM_COUNTER] = self.known(LINK)
            self.at_frame = True

    def _restore(self, register: int, count: int, address: int) -> None:
        for number in range(count):
            place = (address + 8 * number) & ADDRESS_MASK
            self.registers[register + number] = self.read_word(place)
            self.places[register + number] = place

    def _pop(self, size: int) -> None:
        self.registers[STACK_POINTER] = (self.known(STACK_POINTER) + size) & ADDRESS_MASK

    def _take(self, frame: _Frame) -> None:
        base = self.known(STACK_POINTER)
        self._restore(0, frame.count, base + frame.first)
        for register, offset in frame.special.items():
            self._restore(register, 1, base + offset)
        self.at_frame = True
