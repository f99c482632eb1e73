"""DWARF expressions, as far as call frame information may use them: a stack machine over registers and memory.

Every number is of 64 bits. A budget of steps bounds those that jump back; a bound on the stack those that only push.
Source of truth: DWARF 5, 2.5 and 6.4.2.
"""

from __future__ import annotations

import operator

from dotdump.errors import FormatError
from dotdump.formats.dwarf_cursor import Cursor
from dotdump.limits import EXPRESSION_STACK, EXPRESSION_STEPS
from dotdump.memory.space import ADDRESS_MASK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Protocol
else:
    Protocol = object


class Words(Protocol):
    """Memory, as expressions see it."""

    def word(self, address: int, size: int = 8) -> int:
        """Return the unsigned integer of ``size`` bytes at ``address``, or raise ``MemoryFault``."""


def evaluate(
    expression: bytes,
    registers: Mapping[int, int],
    words: Words,
    initial: Iterable[int] = (),
    spend: Callable[[int], None] | None = None,
) -> int:
    """Return the top of the stack after ``expression``, which starts with ``initial`` on it.

    ``registers`` by DWARF number; ``spend`` is told of the steps, and may refuse. Raises ``FormatError`` for what is no
    expression, needs a register that is not known, or takes too many steps; ``MemoryFault``.
    """
    machine = _Machine(expression, registers, words, initial)
    for steps in range(EXPRESSION_STEPS):
        if machine.cursor.at_end:
            if spend is not None:
                spend(steps)
            return machine.pop()
        machine.step()
    raise machine.cursor.damaged(f"an expression of more than {EXPRESSION_STEPS} steps")


class _Machine:
    __slots__ = ("cursor", "registers", "stack", "words")

    def __init__(self, code: bytes, registers: Mapping[int, int], words: Words, initial: Iterable[int]) -> None:
        self.cursor = Cursor(code)
        self.registers = registers
        self.words = words
        self.stack = list(initial)

    def step(self) -> None:
        opcode = self.cursor.u8()
        operation = _OPERATIONS.get(opcode)
        if operation is None:
            raise self.cursor.damaged(f"operation {opcode:#x} in an expression")
        operation(self)

    def push(self, value: int) -> None:
        if len(self.stack) >= EXPRESSION_STACK:
            raise self.cursor.damaged(f"more than {EXPRESSION_STACK} values on an expression's stack")
        self.stack.append(value & ADDRESS_MASK)

    def pop(self) -> int:
        if not self.stack:
            raise self.cursor.damaged("an expression takes more values than it has")
        return self.stack.pop()

    def signed(self) -> int:
        value = self.pop()
        return value - (1 << 64) if value >> 63 else value

    def register(self, number: int) -> int:
        value = self.registers.get(number)
        if value is None:
            raise FormatError(f"an expression needs register {number}, whose value is not known")
        return value

    def pick(self, depth: int) -> None:
        if depth >= len(self.stack):
            raise self.cursor.damaged(f"value {depth} of {len(self.stack)} is wanted")
        self.push(self.stack[-1 - depth])

    def rotate(self, count: int) -> None:
        """Move the top value below the ``count - 1`` under it."""
        if count > len(self.stack):
            raise self.cursor.damaged(f"{count} of {len(self.stack)} values are wanted")
        self.stack.insert(len(self.stack) - count, self.stack.pop())

    def dereference(self, size: int) -> None:
        if size not in (1, 2, 4, 8):
            raise self.cursor.damaged(f"a value of {size} bytes")
        self.push(self.words.word(self.pop(), size))

    def jump(self, *, taken: bool) -> None:
        target = self.cursor.i16() + self.cursor.position
        if not taken:
            return
        if not 0 <= target <= len(self.cursor.data):
            raise self.cursor.damaged(f"a jump to {target} of {len(self.cursor.data)} bytes")
        self.cursor.position = target

    def branch(self) -> None:
        self.jump(taken=self.pop() != 0)

    def divide(self) -> None:
        divisor, value = self.signed(), self.signed()
        if divisor == 0:
            raise self.cursor.damaged("a division by zero")
        quotient = abs(value) // abs(divisor)
        self.push(quotient if (value < 0) == (divisor < 0) else -quotient)

    def modulo(self) -> None:
        divisor, value = self.pop(), self.pop()
        if divisor == 0:
            raise self.cursor.damaged("a division by zero")
        self.push(value % divisor)


def _binary(function: Callable[[int, int], int]) -> Callable[[_Machine], None]:
    def operation(machine: _Machine) -> None:
        second, first = machine.pop(), machine.pop()
        machine.push(function(first, second))

    return operation


def _compared(function: Callable[[int, int], bool]) -> Callable[[_Machine], None]:
    def operation(machine: _Machine) -> None:
        second, first = machine.signed(), machine.signed()
        machine.push(int(function(first, second)))

    return operation


def _drop(machine: _Machine) -> None:
    machine.pop()


def _nothing(_machine: _Machine) -> None:
    pass


def _shift_right_arithmetic(machine: _Machine) -> None:
    count, value = machine.pop(), machine.signed()
    machine.push(value >> min(count, 63))


def _based(number: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.register(number) + machine.cursor.sleb())


def _plain(number: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.register(number))


def _literal(value: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(value)


_OPERATIONS: dict[int, Callable[[_Machine], None]] = {
    0x03: lambda m: m.push(m.cursor.u64()),  # DW_OP_addr
    0x06: lambda m: m.dereference(8),
    0x08: lambda m: m.push(m.cursor.u8()),  # DW_OP_const1u and what follows it
    0x09: lambda m: m.push(m.cursor.i8()),
    0x0A: lambda m: m.push(m.cursor.u16()),
    0x0B: lambda m: m.push(m.cursor.i16()),
    0x0C: lambda m: m.push(m.cursor.u32()),
    0x0D: lambda m: m.push(m.cursor.i32()),
    0x0E: lambda m: m.push(m.cursor.u64()),
    0x0F: lambda m: m.push(m.cursor.i64()),
    0x10: lambda m: m.push(m.cursor.uleb()),
    0x11: lambda m: m.push(m.cursor.sleb()),
    0x12: lambda m: m.pick(0),  # DW_OP_dup
    0x13: _drop,
    0x14: lambda m: m.pick(1),  # DW_OP_over
    0x15: lambda m: m.pick(m.cursor.u8()),
    0x16: lambda m: m.rotate(2),  # DW_OP_swap
    0x17: lambda m: m.rotate(3),
    0x19: lambda m: m.push(abs(m.signed())),
    0x1A: _binary(operator.and_),
    0x1B: _Machine.divide,
    0x1C: _binary(operator.sub),
    0x1D: _Machine.modulo,
    0x1E: _binary(operator.mul),
    0x1F: lambda m: m.push(-m.pop()),
    0x20: lambda m: m.push(~m.pop()),
    0x21: _binary(operator.or_),
    0x22: _binary(operator.add),
    0x23: lambda m: m.push(m.pop() + m.cursor.uleb()),
    0x24: _binary(lambda value, count: value << count if count < 64 else 0),
    0x25: _binary(lambda value, count: value >> count if count < 64 else 0),
    0x26: _shift_right_arithmetic,
    0x27: _binary(operator.xor),
    0x28: _Machine.branch,
    0x29: _compared(operator.eq),
    0x2A: _compared(operator.ge),
    0x2B: _compared(operator.gt),
    0x2C: _compared(operator.le),
    0x2D: _compared(operator.lt),
    0x2E: _compared(operator.ne),
    0x2F: lambda m: m.jump(taken=True),
    **{0x30 + value: _literal(value) for value in range(32)},
    **{0x50 + number: _plain(number) for number in range(32)},
    **{0x70 + number: _based(number) for number in range(32)},
    0x90: lambda m: m.push(m.register(m.cursor.uleb())),  # DW_OP_regx
    0x92: lambda m: m.push(m.register(m.cursor.uleb()) + m.cursor.sleb()),
    0x94: lambda m: m.dereference(m.cursor.u8()),
    0x96: _nothing,
}
