"""Where managed code goes on behind an explicit Frame: the registers that it holds, or leads to.

Each kind keeps them in its own way; a kind that is not here keeps none, and a walk goes past it.
Source of truth: ``UpdateRegDisplay`` of each Frame, vm/amd64/cgenamd64.cpp, vm/arm64/stubs.cpp;
``LazyMachState::unwindLazyState`` of vm/amd64/gmsamd64.cpp.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.clr.contracts.frame_chain import TRANSITIONS
from dotdump.clr.contracts.walk_context import WalkContext
from dotdump.clr.data.frames import (
    FramedMethodFrame,
    FuncEvalFrame,
    HelperMethodFrame,
    HijackFrame,
    MachState,
    ResumableFrame,
    TransitionBlock,
)
from dotdump.errors import FormatError
from dotdump.formats import windows_context
from dotdump.target.model import Architecture
from dotdump.unwind.frame import End, FrameTrust

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dotdump.clr.contracts.frame_chain import ExplicitFrame
    from dotdump.clr.data_access import DataAccess
    from dotdump.unwind.native import NativeUnwinder

_CONTEXT_SIZE = 0x400
_CONTEXTS = {Architecture.X86_64: windows_context.AMD64, Architecture.AARCH64: windows_context.ARM64}
_ALIASES = {"fp": "x29", "lr": "x30"}
_AFTER_CALLS = ("SoftwareExceptionFrame",)
"""Kinds whose CONTEXT is that of a call which has not returned."""

_HELPER_DEPTH = 64
"""Native frames between a helper's frame and managed code."""


class FrameContexts:
    """Reads contexts out of the Frames of one runtime; ``is_code`` tells whether managed code is at an address."""

    def __init__(self, access: DataAccess, native: NativeUnwinder, is_code: Callable[[int], bool]) -> None:
        self._access = access
        self._native = native
        self._is_code = is_code
        self._registers = native.registers
        self._context_places = _CONTEXTS[access.target.platform.architecture]
        self._numbers = {name: number for number, name in native.registers.names.items()}
        self._saved: dict[str, tuple[tuple[int, int], ...]] = {}

    def behind(self, frame: ExplicitFrame, before: WalkContext | None) -> WalkContext | None:
        """Return where managed code goes on behind ``frame``, or None where it does not say.

        ``before`` are the registers so far: those that a Frame does not keep are taken from there where a callee had to
        keep them. Raises ``MemoryFault`` and ``FormatError`` for a damaged one.
        """
        if frame.kind == "InlinedCallFrame":
            return self._behind_inlined_call(frame.address)
        if frame.kind in TRANSITIONS:
            return self._behind_transition(frame.address, before)
        if frame.is_helper:
            return self._behind_helper(frame.address)
        if frame.kind == "HijackFrame":
            return self._behind_hijack(frame.address, before)
        place = self._saved_context(frame)
        return None if place is None else self._from_context(place, interrupted=frame.kind not in _AFTER_CALLS)

    def _saved_context(self, frame: ExplicitFrame) -> int | None:
        """Return where the CONTEXT lies that a Frame holds or leads to."""
        access, address = self._access, frame.address
        if frame.kind in ("SoftwareExceptionFrame", "FaultingExceptionFrame"):
            return address + access.offset(frame.kind, "TargetContext")
        if frame.kind in ("ResumableFrame", "RedirectedThreadFrame"):
            return ResumableFrame(access, address).context or None
        if frame.kind == "FuncEvalFrame":
            evaluation = FuncEvalFrame(access, address).evaluation
            return evaluation + access.offset("DebuggerEval", "TargetContext") if evaluation else None
        return None

    def _from_context(self, place: int, *, interrupted: bool) -> WalkContext | None:
        data = self._access.reader.memory.read_available(place, _CONTEXT_SIZE)
        registers = windows_context.parse_context(data, self._context_places)
        places = {number: place + offset for number, offset in self._context_places.items() if number in registers}
        for special in (self._registers.program_counter, self._registers.stack_pointer):
            places.pop(special, None)
            if special not in registers:
                raise FormatError("it is cut", source=f"CONTEXT at {place:#x}")
        return self._context(registers, places, interrupted=interrupted)

    def _context(
        self, registers: dict[int, int], places: Mapping[int, int], *, interrupted: bool = False
    ) -> WalkContext | None:
        pc = registers[self._registers.program_counter]
        sp = registers[self._registers.stack_pointer]
        return WalkContext(pc, sp, registers, places, FrameTrust.RUNTIME_FRAME, interrupted) if pc else None

    def _behind_inlined_call(self, address: int) -> WalkContext | None:
        special, word = self._registers, self._native.words.word
        return_address, call_site_sp, saved_fp = self._inlined_call
        registers = {
            special.program_counter: word(address + return_address),
            special.stack_pointer: word(address + call_site_sp),
            special.frame_pointer: word(address + saved_fp),
        }
        return self._context(registers, {special.frame_pointer: address + saved_fp})

    @cached_property
    def _inlined_call(self) -> tuple[int, int, int]:
        """Where an InlinedCallFrame keeps the return address, the stack pointer and the frame pointer of its method."""
        names = "CallerReturnAddress", "CallSiteSP", "CalleeSavedFP"
        pc, sp, fp = (self._access.offset("InlinedCallFrame", name) for name in names)
        return pc, sp, fp

    def _behind_transition(self, address: int, before: WalkContext | None) -> WalkContext | None:
        block = FramedMethodFrame(self._access, address).transition_block
        saved = block + self._access.offset("TransitionBlock", "CalleeSavedRegisters")
        pc = TransitionBlock(self._access, block).return_address
        return self._after_return(pc, block + self._access.size("TransitionBlock"), saved, before)

    def _behind_hijack(self, address: int, before: WalkContext | None) -> WalkContext | None:
        access, frame = self._access, HijackFrame(self._access, address)
        arguments = frame.arguments
        size = access.size("HijackArgs")
        if access.has("HijackArgs", "CalleeSavedRegisters"):
            saved = arguments + access.offset("HijackArgs", "CalleeSavedRegisters")
            return self._after_return(frame.return_address, arguments + size, saved, before)
        registers, places = self._read_saved("HijackArgs", arguments)
        return self._returned(frame.return_address, arguments + size, registers, places, before)

    def _after_return(self, pc: int, sp: int, saved: int, before: WalkContext | None) -> WalkContext | None:
        registers, places = self._read_saved("CalleeSavedRegisters", saved)
        return self._returned(pc, sp, registers, places, before)

    def _returned(
        self, pc: int, sp: int, registers: dict[int, int], places: dict[int, int], before: WalkContext | None
    ) -> WalkContext | None:
        kept = self._registers.kept(before.registers) if before is not None else {}
        special = {self._registers.program_counter: pc, self._registers.stack_pointer: sp}
        return self._context({**kept, **registers, **special}, places)

    def _read_saved(self, type_name: str, address: int) -> tuple[dict[int, int], dict[int, int]]:
        """Return the registers that a structure holds by their names, and where each lies."""
        places = {number: address + offset for number, offset in self._saved_registers(type_name)}
        return {number: self._access.reader.pointer(place) for number, place in places.items()}, places

    def _saved_registers(self, type_name: str) -> tuple[tuple[int, int], ...]:
        """Return the number and the offset of each register in a structure of the runtime."""
        if type_name not in self._saved:
            layout = self._access.descriptor.types.get(type_name)
            found = []
            for name, field in layout.fields.items() if layout is not None else ():
                known = name.lower()
                number = self._numbers.get(_ALIASES.get(known, known))
                if number is not None:
                    found.append((number, field.offset))
            self._saved[type_name] = tuple(found)
        return self._saved[type_name]

    def _behind_helper(self, address: int) -> WalkContext | None:
        """Return where a helper returns to: as somebody found out before, else by unwinding the helper."""
        access = self._access
        place = HelperMethodFrame(access, address).address_of("MachState")
        state = MachState(access, place)
        if state.return_address_place:
            return self._behind_known_state(place, state)
        captured, _ = self._read_saved("CalleeSavedRegisters", state.address_of("Capture"))
        captured[self._registers.stack_pointer] = state.captured_sp + access.reader.pointer_size
        step = self._native.frame(state.captured_ip, captured, trust=FrameTrust.RUNTIME_FRAME)
        for _ in range(_HELPER_DEPTH):
            following = self._native.step(step)
            if isinstance(following, End):
                raise FormatError(f"it cannot be unwound: {following}", source=f"helper of the Frame at {address:#x}")
            step = following
            if self._is_code(step.lookup):
                return WalkContext(step.pc, step.sp, step.registers, {}, FrameTrust.CFI)
        raise FormatError(f"no managed code {_HELPER_DEPTH} frames up", source=f"helper of the Frame at {address:#x}")

    def _behind_known_state(self, place: int, state: MachState) -> WalkContext | None:
        access = self._access
        unwound, _ = self._read_saved("CalleeSavedRegisters", place + access.offset("MachState", "Unwound"))
        pointers, _ = self._read_saved("CalleeSavedRegisters", place + access.offset("MachState", "Pointers"))
        places = {number: pointer for number, pointer in pointers.items() if pointer}
        registers = {**unwound, **{number: access.reader.pointer(pointer) for number, pointer in places.items()}}
        special = {self._registers.program_counter: state.ip, self._registers.stack_pointer: state.sp}
        return self._context({**registers, **special}, places)
