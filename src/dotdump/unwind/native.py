"""``NativeUnwinder``: from one frame to the one that called it, by the call frame information of loaded files.

Where there is none (code that a compiler made at run time) ``guess`` may go on: by the chain of frame pointers, else
by what on the stack looks like a return address. Every walk ends with an ``End`` that says why. Reads the target's
memory and nothing else; everything in it may be wrong, so no walk and no step can go on for ever.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property, partial
from typing import TYPE_CHECKING

from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.formats.dwarf_rows import row_at
from dotdump.limits import SIGNAL_FRAMES, STACK_FRAMES
from dotdump.target.elf_module import ElfModule
from dotdump.unwind.code import CodeMap
from dotdump.unwind.effort import Effort
from dotdump.unwind.fault_entry import corrected
from dotdump.unwind.frame import End, EndReason, Frame, FrameTrust
from dotdump.unwind.guess import SCAN_WORDS, by_frame_pointer, by_scan, of_bad_call
from dotdump.unwind.module_cfi import ModuleCfi
from dotdump.unwind.plan import Plan, caller_registers, cfa_of, plan_of
from dotdump.unwind.registers import DWARF_REGISTERS
from dotdump.unwind.return_address import ReturnAddresses
from dotdump.unwind.stack_words import StackWords

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dotdump.target.elf_files import ElfFile
    from dotdump.target.model import Module, Target, Thread

_ROWS = 1 << 18
_LOOKUP = 32
"""Effort to find an entry."""


class NativeUnwinder:
    """Walks stacks of ``target``; what it learns of code is kept for all threads.

    ``effort`` bounds what it does in all. After that every step ends for want of budget.
    """

    def __init__(self, target: Target, effort: Effort | None = None) -> None:
        self._target = target
        self._effort = effort or Effort()
        self.registers = DWARF_REGISTERS[target.platform.architecture]
        self.words = StackWords(target.memory)
        texts = (text for module in target.modules if isinstance(module, ElfModule) for text in module.texts)
        self.code = CodeMap(target.regions, target.memory, texts)
        self._return_addresses = ReturnAddresses(target)
        self._tables: dict[int, ModuleCfi | None] = {}
        self._plans: dict[int, Plan | End] = {}

    def frame_of(self, thread: Thread) -> Frame:
        """Return the frame that ``thread`` stands in."""
        known = thread.registers
        values = {number: known[name] for number, name in self.registers.names.items() if name in known}
        return self.frame(thread.instruction_pointer, values, interrupted=True)

    def frame(
        self,
        pc: int,
        registers: Mapping[int, int],
        *,
        interrupted: bool = False,
        trust: FrameTrust = FrameTrust.CONTEXT,
    ) -> Frame:
        """Return a frame to begin with: ``registers`` by DWARF number, the stack pointer among them.

        ``interrupted`` unless ``pc`` is a return address.
        """
        known = {**registers, self.registers.program_counter: pc}
        return Frame(pc, registers.get(self.registers.stack_pointer, 0), known, trust, interrupted)

    def walk(self, frame: Frame, budget: int = STACK_FRAMES) -> Iterator[Frame | End]:
        """Yield ``frame`` and what led there, guessing where nothing else helps; the last is always an ``End``."""
        found: Frame | End = frame
        for _ in range(budget):
            yield found
            if isinstance(found, End):
                return
            following = self.step(found)
            if isinstance(following, End) and following.reason in (EndReason.NO_CFI, EndReason.DAMAGED):
                following = self.guess(found, following)
            found = following
        yield found if isinstance(found, End) else End(EndReason.BUDGET, f"{budget} frames")

    def step(self, frame: Frame) -> Frame | End:
        """Return the frame that ``frame`` returns to, by call frame information or from a signal frame; or why not."""
        plan = self._plan(frame.lookup)
        if isinstance(plan, End):
            return self._from_trampoline(frame) or plan
        if plan.signal and self.registers.link is not None and (found := self._from_trampoline(frame)) is not None:
            return found
        try:
            self._effort.spend(1 + len(plan.others))
            return self._apply(plan, frame)
        except LimitExceeded as limit:
            return End(EndReason.BUDGET, limit.message)
        except MemoryFault as fault:
            return End(EndReason.UNREADABLE, str(fault))
        except FormatError as error:
            return End(EndReason.DAMAGED, f"at {frame.pc:#x}: {error}")

    def guess(self, frame: Frame, why: End) -> Frame | End:
        """Return the frame that ``frame`` may return to where ``step`` said ``why`` not; else ``why``."""
        found = None
        if frame.interrupted and not self.code.is_code(frame.pc):
            found = of_bad_call(frame, self.registers, self.words, self.code)
        if not frame.interrupted and frame.registers.get(self.registers.frame_pointer) == 0:
            return End(EndReason.CHAIN, f"{frame.pc:#x}, where {why}")
        strip = self._return_addresses.strip
        found = found or by_frame_pointer(frame, self.registers, self.words, self.code, strip)
        return found or self._scan(frame) or why

    def _scan(self, frame: Frame) -> Frame | End | None:
        try:
            self._effort.spend(SCAN_WORDS)
        except LimitExceeded as limit:
            return End(EndReason.BUDGET, limit.message)
        return by_scan(frame, self.registers, self.words, self.code)

    def strip(self, address: int) -> int:
        """Return a return address without the signature that code of arm64 may have put on it."""
        return self._return_addresses.strip(address)

    def is_signal_frame(self, frame: Frame) -> bool:
        """Return whether ``frame`` is what the kernel put under a signal handler."""
        plan = self._plan(frame.lookup)
        return plan.signal if isinstance(plan, Plan) else self._at_trampoline(frame)

    def module_at(self, address: int) -> Module | None:
        """Return the loaded file that covers ``address``, or None."""
        index = bisect_right(self._bases, address) - 1
        module = self._target.modules[index] if index >= 0 else None
        return module if module is not None and address < module.end else None

    @cached_property
    def _bases(self) -> list[int]:
        return [module.base for module in self._target.modules]

    def _plan(self, lookup: int) -> Plan | End:
        plan = self._plans.get(lookup)
        if plan is None:
            if len(self._plans) >= _ROWS:
                self._plans.clear()
            plan = self._plans[lookup] = self._find_plan(lookup)
        return plan

    def _find_plan(self, lookup: int) -> Plan | End:
        try:
            self._effort.spend(_LOOKUP)
            table = self._table(lookup)
            fde = None if table is None else table.find(lookup)
            if fde is None:
                return End(EndReason.NO_CFI, self._without_cfi(lookup))
            self._effort.spend(len(fde.instructions) + len(fde.cie.instructions))
            return corrected(plan_of(row_at(fde, lookup), fde, self.registers), fde, lookup, self.code.begins_with)
        except LimitExceeded as limit:
            return End(EndReason.BUDGET if self._effort.left < 0 else EndReason.DAMAGED, f"at {lookup:#x}: {limit}")
        except (FormatError, MemoryFault) as error:
            return End(EndReason.DAMAGED, f"at {lookup:#x}: {error}")

    def _without_cfi(self, address: int) -> str:
        module = self.module_at(address)
        if module is None:
            return f"{address:#x} is in no loaded file"
        there = self._target.memory.read_available(module.base, 4)
        return f"{address:#x} of {module.path}" + ("" if there else ", which is not in memory")

    def _table(self, address: int) -> ModuleCfi | None:
        module = self.module_at(address)
        if module is None:
            return None
        if module.base not in self._tables:
            try:
                self._tables[module.base] = ModuleCfi(self._target.memory, module.base, partial(_files_of, module))
            except (FormatError, MemoryFault):
                self._tables[module.base] = None
        return self._tables[module.base]

    def _apply(self, plan: Plan, frame: Frame) -> Frame | End:
        if plan.ends:
            return End(EndReason.BOTTOM, f"{frame.pc:#x}")
        cfa = cfa_of(plan, frame.registers, self.words, self._effort)
        caller = caller_registers(plan, cfa, frame.registers, self.words, self._effort)
        address = caller.get(plan.return_register)
        if address is None:
            return End(EndReason.BOTTOM, f"no rule for the return address at {frame.pc:#x}")
        stack = self.registers.stack_pointer
        if stack not in caller:
            caller[stack] = cfa
        pc = self._return_addresses.strip(address) if plan.signed else self._return_addresses.canonical(address)
        return self._caller(frame, pc, caller, signal=plan.signal or plan.fault)

    def _caller(self, frame: Frame, pc: int, registers: dict[int, int], *, signal: bool) -> Frame | End:
        """Return the caller of ``frame``, or why it cannot be: only a leaf of arm64 may have taken no stack."""
        if pc == 0 and not signal:
            return End(EndReason.BOTTOM, f"return address 0 at {frame.pc:#x}")
        registers[self.registers.program_counter] = pc
        sp = registers[self.registers.stack_pointer]
        if signal:
            if frame.signals >= SIGNAL_FRAMES:
                return End(EndReason.BUDGET, f"{SIGNAL_FRAMES} signal frames")
            return Frame(pc, sp, registers, FrameTrust.CONTEXT, interrupted=True, signals=frame.signals + 1)
        if sp < frame.sp or (sp == frame.sp and not frame.interrupted):
            return End(EndReason.NOT_GROWING, f"from {frame.sp:#x} to {sp:#x} at {frame.pc:#x}")
        return Frame(pc, sp, registers, FrameTrust.CFI, signals=frame.signals)

    def _at_trampoline(self, frame: Frame) -> bool:
        return self.code.begins_with(frame.pc, self.registers.trampoline.code)

    def _from_trampoline(self, frame: Frame) -> Frame | End | None:
        """Return the frame that a signal interrupted, where ``frame`` is the code that a handler returns to."""
        if not self._at_trampoline(frame):
            return None
        trampoline, read = self.registers.trampoline, self.words.word
        try:
            registers = {number: read(frame.sp + offset) for number, offset in trampoline.registers.items()}
            return self._caller(frame, read(frame.sp + trampoline.instruction_pointer), registers, signal=True)
        except MemoryFault as fault:
            return End(EndReason.UNREADABLE, str(fault))


def _files_of(module: Module) -> list[ElfFile]:
    """Return the separate file of symbols and the file itself, where they are at hand."""
    return module.symbol_files if isinstance(module, ElfModule) else []
