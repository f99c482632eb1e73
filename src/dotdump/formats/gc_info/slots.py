"""The slot table of GC info: the registers and stack places in which a method keeps references.

Source of truth: ``GcSlotDecoder`` in ``vm/gcinfodecoder.cpp``, ``GcSlotFlags`` in ``inc/gcinfotypes.h``.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.gc_info.bits import SOURCE
from dotdump.limits import GC_INFO_SLOTS
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.formats.gc_info.bits import BitReader
    from dotdump.formats.gc_info.encoding import Encoding

_FLAG_BITS = _BASE_BITS = 2


class SlotBase(IntEnum):
    """``GcStackSlotBase``: what a place on the stack is relative to."""

    CALLER_SP = 0
    SP = 1
    FRAME = 2


class SlotFlags(IntFlag):
    """``GcSlotFlags``, as far as they are stored."""

    INTERIOR = 1
    PINNED = 2


@record
class RegisterSlot:
    """A register, by the number that the processor's encoding has for it."""

    register: int
    flags: SlotFlags


@record
class StackSlot:
    """``offset`` bytes from ``base``."""

    base: SlotBase
    offset: int
    flags: SlotFlags


Slot = RegisterSlot | StackSlot


@record
class SlotTable:
    """``tracked``: live or not, as the liveness says by index. ``untracked``: live while the method runs."""

    tracked: tuple[Slot, ...]
    untracked: tuple[Slot, ...]


def read_slots(bits: BitReader, encoding: Encoding) -> SlotTable:
    """Return the table that ``bits`` stands at."""
    registers = bits.unsigned(encoding.register_count_base) if bits.flag() else 0
    stack = untracked = 0
    if bits.flag():
        stack = bits.unsigned(encoding.stack_slot_count_base)
        untracked = bits.unsigned(encoding.untracked_count_base)
    if registers + stack + untracked > GC_INFO_SLOTS:
        raise LimitExceeded(f"{registers} + {stack} + {untracked} slots", source=SOURCE, offset=bits.address)
    tracked: tuple[Slot, ...] = (*_read_registers(bits, encoding, registers), *_read_stack(bits, encoding, stack))
    return SlotTable(tracked, tuple(_read_stack(bits, encoding, untracked)))


def _read_registers(bits: BitReader, encoding: Encoding, count: int) -> Iterator[RegisterSlot]:
    """Yield slots: after one without flags only the distance to the next number is stored."""
    register, flags, first = 0, SlotFlags(0), True
    for _ in range(count):
        if first or flags:
            register = bits.unsigned(encoding.register_base)
            flags = SlotFlags(bits.read(_FLAG_BITS))
            first = False
        else:
            register += bits.unsigned(encoding.register_delta_base) + 1
        if register >= len(encoding.registers) or register == encoding.stack_register:
            raise FormatError(f"a reference in register {register}", source=SOURCE, offset=bits.address)
        yield RegisterSlot(register, flags)


def _read_stack(bits: BitReader, encoding: Encoding, count: int) -> Iterator[StackSlot]:
    """Yield slots: after one without flags only the distance to the next offset is stored."""
    offset, flags, first = 0, SlotFlags(0), True
    for _ in range(count):
        base = bits.read(_BASE_BITS)
        if base > SlotBase.FRAME:
            raise FormatError(f"a slot relative to {base}", source=SOURCE, offset=bits.address)
        if first or flags:
            offset = bits.signed(encoding.stack_slot_base)
            flags = SlotFlags(bits.read(_FLAG_BITS))
            first = False
        else:
            offset += bits.unsigned(encoding.stack_slot_delta_base)
        yield StackSlot(SlotBase(base), offset << encoding.stack_shift, flags)
