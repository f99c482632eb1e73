"""``ManagedRoots``: the references in one managed frame, by the GC info of its method.

Source of truth: ``GcInfoDecoder::ReportSlotToGC`` of inc/gcinfodecoder.h, ``EECodeManager::EnumGcRefs`` of
vm/eetwain.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.gc_infos import GcInfos
from dotdump.clr.contracts.stack_reference import StackReference
from dotdump.errors import FormatError
from dotdump.formats.gc_info.slots import RegisterSlot, SlotBase, SlotFlags
from dotdump.memory.space import ADDRESS_MASK
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.contracts.funclets import Role
    from dotdump.clr.contracts.walk_context import WalkContext
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.gc_info.decoder import GcInfo, Stop
    from dotdump.formats.gc_info.slots import Slot, StackSlot
    from dotdump.unwind.native import NativeUnwinder


@record
class ManagedFrame:
    """A place in managed code with its registers; ``caller_sp`` is the stack pointer after it has returned."""

    code: CodeBlock
    context: WalkContext
    caller_sp: int


class ManagedRoots:
    """Reads the references of managed frames of one runtime."""

    def __init__(self, access: DataAccess, native: NativeUnwinder) -> None:
        self._word = native.words.word
        self._infos = GcInfos(access)
        self._numbers = {name: number for number, name in native.registers.names.items()}

    def of(self, frame: ManagedFrame, stop: Stop, role: Role) -> Iterator[StackReference]:
        """Yield the references of a frame; raises ``FormatError`` where nothing is said of it, and ``MemoryFault``."""
        info = self._infos.of(frame.code)
        if role.is_parent and info.reports_only_leaf:
            return
        live = info.live_slots(stop)
        if not live.known:
            raise FormatError(f"nothing is said of offset {stop.offset:#x}", source=f"GC info at {info.address:#x}")
        yield from self._of_slots(frame, info, live.tracked, every=stop.active)
        if role.untracked:
            yield from self._of_slots(frame, info, live.untracked, every=True)

    def can_be_collected(self, frame: ManagedFrame) -> bool:
        """Return whether the info of the newest frame, which was interrupted, tells all of where it stands."""
        info, offset = self._infos.of(frame.code), frame.code.relative_offset
        if any(start <= offset < end for start, end in info.interruptible_ranges):
            return True
        return info.encoding.stops_at_safe_points and offset in info.safe_points

    def _of_slots(
        self, frame: ManagedFrame, info: GcInfo, slots: Sequence[Slot], *, every: bool
    ) -> Iterator[StackReference]:
        """Yield what slots hold; those that a callee may change only where ``every`` one is wanted."""
        for slot in slots:
            if isinstance(slot, RegisterSlot):
                if every or slot.register in info.encoding.preserved:
                    yield self._in_register(frame.context, info, slot)
                continue
            address = self._place(frame, info, slot)
            if every or address >= frame.context.sp + info.header.outgoing_area:
                yield _reference(address, "", self._word(address), slot.flags)

    def _in_register(self, context: WalkContext, info: GcInfo, slot: RegisterSlot) -> StackReference:
        name = info.encoding.registers[slot.register]
        number = self._numbers[name]
        value = self._value(context, number, name)
        return _reference(context.places.get(number, 0), name, value, slot.flags)

    def _place(self, frame: ManagedFrame, info: GcInfo, slot: StackSlot) -> int:
        if slot.base is SlotBase.SP:
            base = frame.context.sp
        elif slot.base is SlotBase.CALLER_SP:
            base = frame.caller_sp
        else:
            base = self._frame_base(frame.context, info)
        return (base + slot.offset) & ADDRESS_MASK

    def _frame_base(self, context: WalkContext, info: GcInfo) -> int:
        register = info.header.stack_base_register
        if register is None or register >= len(info.encoding.registers):
            raise FormatError("slots are relative to no register", source=f"GC info at {info.address:#x}")
        name = info.encoding.registers[register]
        return self._value(context, self._numbers[name], name)

    @staticmethod
    def _value(context: WalkContext, number: int, name: str) -> int:
        value = context.registers.get(number)
        if value is None:
            raise FormatError(f"the value of {name} is not known", source=f"frame at {context.sp:#x}")
        return value


def _reference(address: int, register: str, value: int, flags: SlotFlags) -> StackReference:
    interior, pinned = bool(flags & SlotFlags.INTERIOR), bool(flags & SlotFlags.PINNED)
    return StackReference(address, register, value, interior=interior, pinned=pinned)
