"""``ManagedUnwinder``: from a place in managed code to its caller, by the unwind codes that the compiler wrote.

What the codes say of a place is interpreted once. Knows the CPUs that .NET writes such codes for on Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.formats import amd64_epilogue, amd64_unwind_codes, arm64_unwind_codes
from dotdump.formats.arm64_unwind_data import read_xdata
from dotdump.target.model import Architecture
from dotdump.unwind.frame import FrameTrust

if TYPE_CHECKING:
    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.amd64_unwind_codes import Plan, UnwindInfo
    from dotdump.unwind.native import NativeUnwinder

_PLANS = 1 << 16
_LONGEST_INFO = 4 + 2 * 256 + 12


class Amd64Unwinder:
    """Unwinds x86-64."""

    def __init__(self, access: DataAccess, native: NativeUnwinder) -> None:
        self._memory = access.reader.memory
        self._word = native.words.word
        self._infos: dict[int, UnwindInfo] = {}
        self._plans: dict[tuple[int, bool], Plan] = {}

    def caller_of(self, context: WalkContext, block: CodeBlock) -> WalkContext:
        """Return where ``block``, entered at ``context``, returns to; raises ``FormatError`` and ``MemoryFault``."""
        plan = self._plan(context, block)
        caller = amd64_unwind_codes.caller_registers(plan, context.registers, self._word)
        registers = caller.registers
        if not caller.interrupted:
            _forget(registers, _CALLEE_SAVED_AMD64, context)
        places = {**context.places, **caller.places} if caller.places else context.places
        return WalkContext(
            registers[amd64_unwind_codes.PROGRAM_COUNTER],
            registers[amd64_unwind_codes.STACK_POINTER],
            registers,
            places,
            FrameTrust.UNWIND_CODES,
            caller.interrupted,
        )

    def _plan(self, context: WalkContext, block: CodeBlock) -> Plan:
        key = (context.pc, context.interrupted)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _PLANS:
                self._plans.clear()
            plan = self._plans[key] = self._find_plan(context, block)
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

    def caller_of(self, context: WalkContext, block: CodeBlock) -> WalkContext:
        """Return where ``block``, entered at ``context``, returns to; raises ``FormatError`` and ``MemoryFault``."""
        steps = self._steps_at(context, block)
        caller = arm64_unwind_codes.caller_registers(steps, context.registers, self._word)
        registers = caller.registers
        pc = registers[arm64_unwind_codes.PROGRAM_COUNTER]
        if not caller.interrupted:
            _forget(registers, _CALLEE_SAVED_ARM64, context)
        if caller.signed:
            pc = registers[arm64_unwind_codes.PROGRAM_COUNTER] = self._strip(pc)
        places = {**context.places, **caller.places} if caller.places else context.places
        sp = registers[arm64_unwind_codes.STACK_POINTER]
        return WalkContext(pc, sp, registers, places, FrameTrust.UNWIND_CODES, caller.interrupted)

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


def _forget(registers: dict[int, int], kept: frozenset[int], context: WalkContext) -> None:
    """Drop from a caller's registers what its callee was free to change; only those of an interrupted one are left."""
    if context.interrupted or context.trust is not FrameTrust.UNWIND_CODES:
        for number in [number for number in registers if number not in kept]:
            del registers[number]


def unwinder_of(access: DataAccess, native: NativeUnwinder) -> Amd64Unwinder | Arm64Unwinder:
    """Return what unwinds the managed code of a target."""
    if access.target.platform.architecture is Architecture.AARCH64:
        return Arm64Unwinder(access, native)
    return Amd64Unwinder(access, native)
