"""``ManagedUnwinder``: from a place in managed code to its caller, by the unwind codes that the compiler wrote.

What the codes say of a place is interpreted once, and gives an ``Unwind``: a function from the context there to that
of the caller. Without ``places`` that does not say where registers were saved, which takes as long as the rest. It
raises ``FormatError`` and ``MemoryFault``. Knows the CPUs that .NET writes such codes for on Linux.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from dotdump.clr.contracts.frame_runs import FrameRuns
from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.formats import amd64_epilogue, amd64_unwind_codes, arm64_unwind_codes, arm64_unwind_steps
from dotdump.formats.amd64_frame_layout import layout_of
from dotdump.formats.arm64_unwind_data import INSTRUCTION, read_xdata
from dotdump.target.model import Architecture
from dotdump.unwind.frame import FrameTrust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.amd64_frame_layout import FrameLayout
    from dotdump.formats.amd64_unwind_codes import Plan, UnwindInfo
    from dotdump.unwind.native import NativeUnwinder

    class Unwind(Protocol):
        """From a context to that of the caller."""

        def __call__(self, context: WalkContext, *, places: bool) -> WalkContext: ...


_LONGEST_INFO = 4 + 2 * 256 + 12
_NOWHERE: Mapping[int, int] = {}
_BY_CODES = FrameTrust.UNWIND_CODES
_AMD64_PC = amd64_unwind_codes.PROGRAM_COUNTER
_AMD64_SP = amd64_unwind_codes.STACK_POINTER
_CALLEE_SAVED_AMD64 = frozenset({3, 6, 7, 12, 13, 14, 15, 16})
_CALLEE_SAVED_ARM64 = frozenset({*range(19, 30), 31, 32})


class Amd64Unwinder:
    """Unwinds x86-64."""

    def __init__(self, access: DataAccess, native: NativeUnwinder) -> None:
        self._memory = access.reader.memory
        self._words = native.words
        self._infos: dict[int, UnwindInfo] = {}
        self.runs: FrameRuns | None = FrameRuns(native.words, _AMD64_PC, _AMD64_SP)

    def at(self, context: WalkContext, block: CodeBlock) -> Unwind:
        """Return what unwinds ``block`` at the place of ``context``; raises ``FormatError`` and ``MemoryFault``."""
        plan = self._plan(context, block)
        layout = layout_of(plan)
        if layout is None:
            return partial(self._by_codes, plan)
        if self.runs is not None and not context.interrupted:
            self.runs.add(context.pc, layout)
        return partial(self._by_layout, layout)

    def _by_layout(self, layout: FrameLayout, context: WalkContext, *, places: bool) -> WalkContext:
        registers, place = layout.caller_registers(context.registers, self._words.words)
        if context.interrupted or context.trust is not _BY_CODES:
            _forget(registers, _CALLEE_SAVED_AMD64)
        saved = {**context.places, **layout.saved_places(place)} if places else _NOWHERE
        return WalkContext(registers[_AMD64_PC], registers[_AMD64_SP], registers, saved, _BY_CODES)

    def _by_codes(self, plan: Plan, context: WalkContext, *, places: bool) -> WalkContext:
        caller = amd64_unwind_codes.caller_registers(plan, context.registers, self._words.word)
        registers, interrupted = caller.registers, caller.interrupted
        if not interrupted and (context.interrupted or context.trust is not _BY_CODES):
            _forget(registers, _CALLEE_SAVED_AMD64)
        saved = {**context.places, **caller.places} if places else _NOWHERE
        return WalkContext(registers[_AMD64_PC], registers[_AMD64_SP], registers, saved, _BY_CODES, interrupted)

    def _plan(self, context: WalkContext, block: CodeBlock) -> Plan:
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
        self.runs: FrameRuns | None = None

    def at(self, context: WalkContext, block: CodeBlock) -> Unwind:
        """Return what unwinds ``block`` at the place of ``context``, as ``Amd64Unwinder`` does."""
        data = read_xdata(self._memory, block.unwind_info)
        offset = (context.pc if context.interrupted else context.pc - INSTRUCTION) - block.function_start
        return partial(self._by_codes, arm64_unwind_codes.steps_at(data, offset))

    def _by_codes(
        self, steps: tuple[arm64_unwind_steps.Step, ...], context: WalkContext, *, places: bool
    ) -> WalkContext:
        caller = arm64_unwind_steps.caller_registers(steps, context.registers, self._word)
        registers = caller.registers
        pc = registers[arm64_unwind_steps.PROGRAM_COUNTER]
        if not caller.interrupted and (context.interrupted or context.trust is not _BY_CODES):
            _forget(registers, _CALLEE_SAVED_ARM64)
        if caller.signed:
            pc = registers[arm64_unwind_steps.PROGRAM_COUNTER] = self._strip(pc)
        saved = {**context.places, **caller.places} if places else _NOWHERE
        sp = registers[arm64_unwind_steps.STACK_POINTER]
        return WalkContext(pc, sp, registers, saved, _BY_CODES, caller.interrupted)


def _forget(registers: dict[int, int], kept: frozenset[int]) -> None:
    """Drop from a caller's registers what its callee was free to change; only those of an interrupted one are left."""
    for number in [number for number in registers if number not in kept]:
        del registers[number]


def unwinder_of(access: DataAccess, native: NativeUnwinder) -> Amd64Unwinder | Arm64Unwinder:
    """Return what unwinds the managed code of a target."""
    if access.target.platform.architecture is Architecture.AARCH64:
        return Arm64Unwinder(access, native)
    return Amd64Unwinder(access, native)
