"""``ManagedUnwinder``: from a place in managed code to its caller, by the unwind codes that the compiler wrote.

What the codes say of a place is interpreted once. Knows the CPUs that .NET writes such codes for on Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.formats import amd64_epilogue, amd64_unwind_codes, arm64_unwind_codes
from dotdump.formats.amd64_frame_layout import FrameLayout, layout_of
from dotdump.formats.arm64_unwind_data import read_xdata
from dotdump.target.model import Architecture
from dotdump.unwind.frame import FrameTrust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.amd64_unwind_codes import Plan, UnwindInfo
    from dotdump.unwind.native import NativeUnwinder

_PLANS = 1 << 16
_LONGEST_INFO = 4 + 2 * 256 + 12
_NOWHERE: Mapping[int, int] = {}
_BY_CODES = FrameTrust.UNWIND_CODES


class Amd64Unwinder:
    """Unwinds x86-64."""

    def __init__(self, access: DataAccess, native: NativeUnwinder) -> None:
        self._memory = access.reader.memory
        self._words = native.words
        self._infos: dict[int, UnwindInfo] = {}
        self._plans: dict[tuple[int, bool], Plan | FrameLayout] = {}

    def caller_of(self, context: WalkContext, block: CodeBlock, *, places: bool = True) -> WalkContext:
        """Return where ``block``, entered at ``context``, returns to; raises ``FormatError`` and ``MemoryFault``.

        Without ``places`` the context does not say where registers were saved, which takes as long as the rest.
        """
        plan = self._plans.get((context.pc, context.interrupted)) or self._plan(context, block)
        saved, interrupted = _NOWHERE, False
        if isinstance(plan, FrameLayout):
            registers, place = plan.caller_registers(context.registers, self._words.words)
            if places:
                saved = plan.saved_places(place)
        else:
            caller = amd64_unwind_codes.caller_registers(plan, context.registers, self._words.word)
            registers, saved, interrupted = caller.registers, caller.places, caller.interrupted
        if not interrupted and (context.interrupted or context.trust is not _BY_CODES):
            _forget(registers, _CALLEE_SAVED_AMD64)
        return WalkContext(
            registers[amd64_unwind_codes.PROGRAM_COUNTER],
            registers[amd64_unwind_codes.STACK_POINTER],
            registers,
            {**context.places, **saved} if places else _NOWHERE,
            _BY_CODES,
            interrupted,
        )

    def _plan(self, context: WalkContext, block: CodeBlock) -> Plan | FrameLayout:
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        found = self._find_plan(context, block)
        plan = self._plans[context.pc, context.interrupted] = layout_of(found) or found
        return plan

    def _find_plan(self, context: WalkContext, block: CodeBlock) -> Plan:
        if context.interrupted:
            code = self._memory.read_available(context.pc, amd64_epilogue.LONGEST)
            found = amd64_epilogue.find_epilogue(code, context.pc, block.function_start, block.function_end)
            if found is not None:
                return found
        base = block.image_base
        info = self._info(block.unwind_info)
        offset = context.pc - block.function_start
        return amd64_unwind_codes.steps_at(info, offset, lambda rva: self._info(base + rva))

    def _info(self, address: int) -> UnwindInfo:
        if address not in self._infos:
            data = self._memory.read_available(address, _LONGEST_INFO)
            self._infos[address] = amd64_unwind_codes.parse_unwind_info(data)
        return self._infos[address]


class Arm64Unwinder:
    """Unwinds arm64."""

    def __init__(self, access: DataAccess, native: NativeUnwinder) -> None:
        self._memory = access.reader.memory
        self._word = native.words.word
        self._strip = native.strip
        self._steps: dict[tuple[int, bool], tuple[arm64_unwind_codes.Step, ...]] = {}

    def caller_of(self, context: WalkContext, block: CodeBlock, *, places: bool = True) -> WalkContext:
        """Return where ``block``, entered at ``context``, returns to, as ``Amd64Unwinder`` does."""
        steps = self._steps_at(context, block)
        caller = arm64_unwind_codes.caller_registers(steps, context.registers, self._word)
        registers = caller.registers
        pc = registers[arm64_unwind_codes.PROGRAM_COUNTER]
        if not caller.interrupted and (context.interrupted or context.trust is not _BY_CODES):
            _forget(registers, _CALLEE_SAVED_ARM64)
        if caller.signed:
            pc = registers[arm64_unwind_codes.PROGRAM_COUNTER] = self._strip(pc)
        saved = {**context.places, **caller.places} if places else _NOWHERE
        sp = registers[arm64_unwind_codes.STACK_POINTER]
        return WalkContext(pc, sp, registers, saved, _BY_CODES, caller.interrupted)

    def _steps_at(self, context: WalkContext, block: CodeBlock) -> tuple[arm64_unwind_codes.Step, ...]:
        key = (context.pc, context.interrupted)
        if key not in self._steps:
            if len(self._steps) >= _PLANS:
                self._steps.clear()
            data = read_xdata(self._memory, block.unwind_info)
            offset = (context.pc if context.interrupted else context.pc - _INSTRUCTION) - block.function_start
            self._steps[key] = arm64_unwind_codes.steps_at(data, offset)
        return self._steps[key]


_INSTRUCTION = 4
_CALLEE_SAVED_AMD64 = frozenset({3, 6, 7, 12, 13, 14, 15, 16})
_CALLEE_SAVED_ARM64 = frozenset({*range(19, 30), 31, 32})


def _forget(registers: dict[int, int], kept: frozenset[int]) -> None:
    """Drop from a caller's registers what its callee was free to change; only those of an interrupted one are left."""
    for number in [number for number in registers if number not in kept]:
        del registers[number]


def unwinder_of(access: DataAccess, native: NativeUnwinder) -> Amd64Unwinder | Arm64Unwinder:
    """Return what unwinds the managed code of a target."""
    if access.target.platform.architecture is Architecture.AARCH64:
        return Arm64Unwinder(access, native)
    return Amd64Unwinder(access, native)
