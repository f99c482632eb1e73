"""Where NativeAOT goes on after a hardware fault, ``RhpThrowHwEx``: its call frame information does not hold there.

The handler of the signal puts it in place of the faulting instruction, so nothing called it: no return address is
above its frame, and how far its caller's frame is it cannot say, because it aligns the stack. It pushes both where a
``PAL_LIMITED_CONTEXT`` has them. It is known by its code: programs are stripped.

Source of truth: src/coreclr/nativeaot/Runtime/amd64/ExceptionHandling.S, and the code of programs of .NET 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.formats.dwarf_cfi import Fde
    from dotdump.unwind.plan import Plan

PROLOGUE = bytes.fromhex("4889e0 4883e4f0 4831d2 4157 4156 4155 4154 52 53 52 55 50 56")
"""mov %rsp, %rax; and $-16, %rsp; xor %rdx, %rdx; push r15, r14, r13, r12, rdx, rbx, rdx, rbp, rax and rsi."""
_SAVED = {(15, -16), (14, -24), (13, -32), (12, -40), (3, -56), (6, -72)}
"""Where its call frame information has registers of x86-64, and has them right."""
_PUSHED = {7: -80, 16: -88}
"""Where it pushes the stack and the instruction pointer of the fault."""


def corrected(plan: Plan, fde: Fde, lookup: int, is_at: Callable[[int, bytes], bool]) -> Plan:
    """Return the plan for ``lookup`` in the function of ``fde``; that of the fault's entry by what it pushed.

    ``is_at`` tells whether code is at an address: it is asked of few functions, for it may keep what it reads.
    """
    if lookup < fde.start + len(PROLOGUE) or not _SAVED.issubset(plan.stored) or not is_at(fde.start, PROLOGUE):
        return plan
    stored = {**dict(plan.stored), **_PUSHED}
    return replace(plan, stored=tuple(stored.items()), fault=True)
