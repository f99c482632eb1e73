"""Variables in debug info: in which register or where on the stack a variable is, over which range of code.

Integers of nibbles. Knows no memory. Source of truth: ``DoNativeVarInfo`` of debuginfostore.cpp, ``ICorDebugInfo`` of
cordebuginfo.h; the same from 3.1 to 10.
"""

from __future__ import annotations

from enum import IntEnum

from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.debug_info import Nibbles
from dotdump.records import record

_LEAST_NUMBER = -4
"""Numbers below 0 are of what is no variable of the source: the type context, the buffer for a result."""

_FEWEST_NIBBLES = 5
_WORD = 1 << 32


class Location(IntEnum):
    """Where a variable is; ``BY_REFERENCE``: its address is there."""

    REGISTER = 0
    REGISTER_BY_REFERENCE = 1
    FLOAT_REGISTER = 2
    STACK = 3
    STACK_BY_REFERENCE = 4
    TWO_REGISTERS = 5
    REGISTER_AND_STACK = 6
    STACK_AND_REGISTER = 7
    TWO_STACK_WORDS = 8
    FLOAT_STACK = 9
    FIXED_VARARGS = 10


@record
class NativeVariable:
    """Variable ``number`` is here from ``start`` up to ``end``, in bytes of a method's code: arguments, then locals.

    ``register`` holds it, or is what ``offset`` is relative to on the stack.
    """

    number: int
    start: int
    end: int
    location: Location
    register: int = 0
    offset: int = 0


def parse_variables(data: bytes) -> tuple[NativeVariable, ...]:
    """Return the places of variables as they are written; raises ``FormatError``."""
    if not data:
        return ()
    nibbles = Nibbles(data)
    count = nibbles.unsigned()
    if count * _FEWEST_NIBBLES > 2 * len(data):
        raise LimitExceeded(f"{count} variables in {len(data)} bytes", source="debug info")
    return tuple(_variable(nibbles) for _ in range(count))


def find_variable(variables: tuple[NativeVariable, ...], number: int, native: int) -> NativeVariable | None:
    """Return where a variable is at ``native`` bytes into the code, None where it is nowhere."""
    return next((one for one in variables if one.number == number and one.start <= native < one.end), None)


def _variable(nibbles: Nibbles) -> NativeVariable:
    start = nibbles.unsigned()
    end = (start + nibbles.unsigned()) % _WORD
    number = nibbles.unsigned() + _LEAST_NUMBER
    kind = nibbles.unsigned()
    if kind > Location.FIXED_VARARGS:
        raise FormatError(f"{kind} is no location of a variable", source="debug info")
    return NativeVariable(number, start, end, Location(kind), *_place(Location(kind), nibbles))


def _place(kind: Location, nibbles: Nibbles) -> tuple[int, int]:
    match kind:
        case Location.STACK | Location.STACK_BY_REFERENCE | Location.TWO_STACK_WORDS:
            return nibbles.unsigned(), _signed(nibbles.unsigned())
        case Location.TWO_REGISTERS:
            first, _ = nibbles.unsigned(), nibbles.unsigned()
            return first, 0
        case Location.REGISTER_AND_STACK:
            register, _, _ = nibbles.unsigned(), nibbles.unsigned(), nibbles.unsigned()
            return register, 0
        case Location.STACK_AND_REGISTER:
            offset, base, _ = nibbles.unsigned(), nibbles.unsigned(), nibbles.unsigned()
            return base, _signed(offset)
    return nibbles.unsigned(), 0


def _signed(value: int) -> int:
    return -(value >> 1) if value & 1 else value >> 1
