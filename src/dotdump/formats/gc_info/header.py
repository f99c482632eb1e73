"""The header of GC info: what it says of the method as a whole.

Source of truth: ``GcInfoDecoder`` in ``vm/gcinfodecoder.cpp``; ``docs/design/datacontracts/GCInfo.md``.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from dotdump.errors import LimitExceeded
from dotdump.formats.gc_info.bits import SOURCE
from dotdump.limits import METHOD_SIZE
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.formats.gc_info.bits import BitReader
    from dotdump.formats.gc_info.encoding import Encoding

_FLAG_BITS = 10


class HeaderFlags(IntFlag):
    """``GcInfoHeaderFlags``."""

    VARARG = 0x1
    SECURITY_OBJECT = 0x2
    GS_COOKIE = 0x4
    PSP_SYM = 0x8
    GENERICS_CONTEXT_MASK = 0x30
    STACK_BASE_REGISTER = 0x40
    REPORT_ONLY_LEAF = 0x80
    EDIT_AND_CONTINUE = 0x100
    REVERSE_PINVOKE_FRAME = 0x200


@record
class Header:
    """Lengths in bytes; slots are offsets from the stack base register, else from the stack pointer; None where absent.

    ``stack_base_register`` is what the offsets of frame slots are relative to. ``outgoing_area``: bytes above the stack
    pointer for arguments of calls. ``return_kind``: which returned registers hold references, two bits each.
    """

    flags: HeaderFlags
    code_length: int
    prologue_length: int
    generics_context_slot: int | None
    psp_sym_slot: int | None
    stack_base_register: int | None
    outgoing_area: int
    return_kind: int | None
    safe_points: int
    ranges: int


def read_header(bits: BitReader, encoding: Encoding) -> Header:
    """Return the header that ``bits`` stands at."""
    return _read_fat(bits, encoding) if bits.flag() else _read_slim(bits, encoding)


def _read_slim(bits: BitReader, encoding: Encoding) -> Header:
    based = bits.flag()
    kind = bits.read(encoding.slim_return_kind) if encoding.tells_return_kind else None
    length = _code_length(bits, encoding)
    return Header(
        flags=HeaderFlags.STACK_BASE_REGISTER if based else HeaderFlags(0),
        code_length=length,
        prologue_length=0,
        generics_context_slot=None,
        psp_sym_slot=None,
        stack_base_register=encoding.frame_register if based else None,
        outgoing_area=0,
        return_kind=kind,
        safe_points=bits.unsigned(encoding.safe_point_count_base),
        ranges=0,
    )


def _code_length(bits: BitReader, encoding: Encoding) -> int:
    length = bits.unsigned(encoding.code_length_base) << encoding.code_length_shift
    if length > METHOD_SIZE:
        raise LimitExceeded(f"a method of {length} bytes", source=SOURCE, offset=bits.address)
    return length


def _read_fat(bits: BitReader, encoding: Encoding) -> Header:
    flags = HeaderFlags(bits.read(_FLAG_BITS))
    kind = bits.read(encoding.fat_return_kind) if encoding.tells_return_kind else None
    length = _code_length(bits, encoding)
    prologue = _prologue_length(bits, encoding, flags)
    for flag in (HeaderFlags.SECURITY_OBJECT, HeaderFlags.GS_COOKIE):
        _slot(bits, encoding, flags & flag)
    psp_sym = _slot(bits, encoding, flags & HeaderFlags.PSP_SYM)
    context = _slot(bits, encoding, flags & HeaderFlags.GENERICS_CONTEXT_MASK)
    register = None
    if flags & HeaderFlags.STACK_BASE_REGISTER:
        register = bits.unsigned(encoding.stack_base_register_base) ^ encoding.frame_register
    if flags & HeaderFlags.EDIT_AND_CONTINUE:
        for _ in range(1 + encoding.has_fixed_frame):
            bits.unsigned(encoding.edit_and_continue_base)
    _slot(bits, encoding, flags & HeaderFlags.REVERSE_PINVOKE_FRAME)
    return Header(
        flags=flags,
        code_length=length,
        prologue_length=prologue,
        generics_context_slot=context,
        psp_sym_slot=psp_sym,
        stack_base_register=register,
        outgoing_area=bits.unsigned(encoding.stack_area_base) << encoding.stack_shift,
        return_kind=kind,
        safe_points=bits.unsigned(encoding.safe_point_count_base),
        ranges=bits.unsigned(encoding.range_count_base),
    )


def _prologue_length(bits: BitReader, encoding: Encoding, flags: HeaderFlags) -> int:
    asks = HeaderFlags.GS_COOKIE | HeaderFlags.SECURITY_OBJECT | HeaderFlags.GENERICS_CONTEXT_MASK
    if not flags & asks:
        return 0
    length = bits.unsigned(encoding.prologue_base) + 1 << encoding.code_offset_shift
    if flags & HeaderFlags.GS_COOKIE:
        bits.unsigned(encoding.epilogue_base)
    return length


def _slot(bits: BitReader, encoding: Encoding, present: int) -> int | None:
    return bits.signed(encoding.slot_base) << encoding.stack_shift if present else None
