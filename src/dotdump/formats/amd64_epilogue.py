"""Epilogues of x86-64 by their instructions: no unwind code says that one is under way.

Only a thread that was interrupted stands in one; after a call the stack is as the body has it. Recognises what the
rules for epilogues allow and nothing else: the stack pointer set once, registers popped, a return or a jump away.
Source of truth: "x64 prolog and epilog" in Microsoft's C++ documentation; ``RtlVirtualUnwind`` of
unwinder/amd64/unwinder.cpp.
"""

from __future__ import annotations

from dotdump.formats.amd64_unwind_codes import DWARF_NUMBERS, Action, Plan, Step

LONGEST = 40
"""Bytes of code that are looked at: 7 for the stack pointer, 2 for each of 8 registers, and the jump."""

_REX_B, _REX_W = 0x41, 0x48
_POP = 0x58
_RSP = 4


def find_epilogue(code: bytes, address: int, start: int, end: int) -> Plan | None:
    """Return the steps to the caller from ``address``, where ``code`` begins, of the function ``start`` to ``end``.

    None where it does not stand in an epilogue.
    """
    steps, position = _stack_pointer(code)
    while (popped := _popped(code, position)) is not None:
        register, size = popped
        steps.append(Step(Action.POP, register=register))
        position += size
    leaves = _leaves(code, position, address, start, end)
    return Plan(tuple(steps)) if leaves else None


def _stack_pointer(code: bytes) -> tuple[list[Step], int]:
    """Return the step and the size of ``add rsp, n`` or ``lea rsp, [register + n]``, if that comes first."""
    if code[:3] == b"\x48\x83\xc4":
        return [Step(Action.ALLOCATE, _signed(code[3:4]))], 4
    if code[:3] == b"\x48\x81\xc4":
        return [Step(Action.ALLOCATE, _signed(code[3:7]))], 7
    if len(code) > 3 and code[0] & 0xFE == _REX_W and code[1] == 0x8D and code[2] >> 3 & 7 == _RSP:
        mode, base = code[2] >> 6, code[2] & 7
        size = {1: 1, 2: 4}.get(mode, 0)
        if size and base != _RSP:
            register = DWARF_NUMBERS[base + 8 * (code[0] & 1)]
            return [Step(Action.FROM_FRAME_POINTER, -_signed(code[3 : 3 + size]), register)], 3 + size
    return [], 0


def _popped(code: bytes, position: int) -> tuple[int, int] | None:
    high = code[position : position + 1] == bytes([_REX_B])
    first = code[position + high : position + high + 1]
    if not first or first[0] & 0xF8 != _POP:
        return None
    return DWARF_NUMBERS[(first[0] & 7) + 8 * high], 1 + high


def _leaves(code: bytes, position: int, address: int, start: int, end: int) -> bool:
    """Return whether the function is left here: by a return, or by a jump that is no branch of its own."""
    rest = code[position:]
    if rest[:1] in (b"\xc3", b"\xc2") or rest[:2] == b"\xf3\xc3":
        return True
    for opcode, size in ((b"\xe9", 4), (b"\xeb", 1)):
        if rest[:1] == opcode and len(rest) > size:
            target = address + position + 1 + size + _signed(rest[1 : 1 + size])
            return not start <= target < end
    if rest[:2] == b"\xff\x25":
        return True
    return len(rest) > 2 and rest[0] & 0xF8 == _REX_W and rest[1] == 0xFF and rest[2] >> 3 & 7 == _RSP


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)
