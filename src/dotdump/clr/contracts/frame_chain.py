"""Explicit Frames of a thread: the chain of them, and what kind each is.

From 10 on a Frame says its kind by number. Up to 9 its first word is the address of a vtable: the DAC's table lists
vtables in the order of vptr_list.h. Where there is no such table (3.1) it is told by what it holds, which names the
kind as far as a walk must know it.

A helper's Frame names its method once its caller was looked for; until then the function that implements it does.

Source of truth: docs/design/datacontracts/StackWalk.md; FrameTypes.h of 10, vptr_list.h of 8 and 9; frames.h of 3.1.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.clr.contracts.fcalls import FCalls
from dotdump.clr.dac_table import SYMBOL as DAC_TABLE
from dotdump.clr.data.frames import FRAME_TOP, FramedMethodFrame, HelperMethodFrame, InlinedCallFrame, TransitionBlock
from dotdump.errors import FormatError, MemoryFault
from dotdump.formats import windows_context
from dotdump.limits import EXPLICIT_FRAMES
from dotdump.records import record
from dotdump.target.model import Architecture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dotdump.clr.data_access import DataAccess
    from dotdump.unwind.stack_words import StackWords

_IDENTIFIER = "FrameIdentifier"
_UNKNOWN = "Frame"
_METHODS = {
    "FramedMethodFrame": FramedMethodFrame,
    "PInvokeCalliFrame": None,
    "PrestubMethodFrame": FramedMethodFrame,
    "CallCountingHelperFrame": FramedMethodFrame,
    "StubDispatchFrame": FramedMethodFrame,
    "ExternalMethodFrame": FramedMethodFrame,
    "DynamicHelperFrame": None,
    "MulticastFrame": FramedMethodFrame,
}
TRANSITIONS = frozenset(_METHODS)
"""Frames that begin as ``FramedMethodFrame`` does."""
_PC_AND_SP = {
    Architecture.X86_64: windows_context.AMD64_PC_AND_SP,
    Architecture.AARCH64: windows_context.ARM64_PC_AND_SP,
}
_HELPER = "HelperMethodFrame"
_FAULTING = "FaultingExceptionFrame"
_FAULT_SIZE = 0x4000
"""How far below the place of a fault the runtime puts its Frame, at most: past a CONTEXT with vector registers."""
_LOWEST_METHOD = 0x10000
_NEAR = 0x10000
"""Bytes within which a Frame and what belongs to it lie."""
_EXCEPTION_MARKS = 6
"""Bits of an InlinedCallFrame's method that tell of calls by which exceptions are handled, from 9 on."""
_SHIFT = 8
"""How far updates of a version have moved the vtables, at most."""
_FUNCTIONS = 16
"""Functions of a vtable that are compared."""


@record
class ExplicitFrame:
    """A Frame at ``address``; ``kind`` is its class, ``method_desc`` the method that it stands for, 0 for none."""

    address: int
    kind: str
    method_desc: int

    @property
    def is_helper(self) -> bool:
        """Whether it is a ``HelperMethodFrame`` of one kind or other."""
        return self.kind.startswith(_HELPER)


class FrameChains:
    """Reads the chains of one runtime, as ``words``; ``is_code`` tells whether managed code is at an address."""

    def __init__(self, access: DataAccess, words: StackWords, is_code: Callable[[int], bool]) -> None:
        self._access = access
        self._word = words.word
        self._is_code = is_code
        self._fcalls = FCalls(access)

    def frames_of(self, first: int, thread: int) -> Iterator[ExplicitFrame]:
        """Yield the Frames of the Thread at ``thread`` from ``first`` on, the newest first.

        The stack grows down, so each lies above the one before it: ``FormatError`` where one does not, ``MemoryFault``
        where one cannot be read.
        """
        address, last = first, 0
        for _ in range(EXPLICIT_FRAMES):
            if address in (0, FRAME_TOP):
                return
            if address <= last or address % 8:
                raise FormatError(f"it is followed by one at {address:#x}", source=f"Frame at {last:#x}")
            yield self._read(address, thread)
            last, address = address, self._word(address + self._next)
        raise FormatError(f"more than {EXPLICIT_FRAMES} of them", source=f"Frames from {first:#x} on")

    def _read(self, address: int, thread: int) -> ExplicitFrame:
        kind = self._kinds.get(self._word(address + self._identifier)) if self._kinds else None
        kind = kind or self._kind_by_content(address, thread)
        return ExplicitFrame(address, kind, self._method_of(address, kind))

    @cached_property
    def _identifier(self) -> int:
        return self._access.offset("Frame", "Identifier")

    @cached_property
    def _next(self) -> int:
        return self._access.offset("Frame", "Next")

    @cached_property
    def _datum(self) -> int:
        return self._access.offset("InlinedCallFrame", "Datum")

    @cached_property
    def _kinds(self) -> Mapping[int, str]:
        """The kinds of Frames by their first word."""
        access = self._access
        numbers = {
            access.global_integer(name): name.removesuffix("Identifier")
            for name in access.descriptor.globals
            if name.endswith(_IDENTIFIER)
        }
        return numbers or self._kinds_by_vtable()

    def _kinds_by_vtable(self) -> Mapping[int, str]:
        access = self._access
        table = access.runtime.module.find_symbol(DAC_TABLE)
        if table is None or not access.has_global("FrameVtableIndex"):
            return {}
        names = access.global_text("FrameVtableOrder").split()
        index = access.global_integer("FrameVtableIndex")
        first = max(index - _SHIFT, 0)
        entries = self._words(table + access.reader.pointer_size * first, len(names) + 2 * _SHIFT)
        shift = self._first_vtable(entries, index - first, len(names))
        return dict(zip(entries[shift:], names, strict=False))

    def _first_vtable(self, entries: Sequence[int], index: int, count: int) -> int:
        """Return where the vtables of Frames begin: they inherit functions from each other, which others have not.

        Updates of a version put variables in front of them: 8.0.31 has one more than 8.0.4. ``index`` where that is all
        that can be told.
        """
        middle = index + count // 2
        inherited = self._words(entries[middle], _FUNCTIONS) if middle < len(entries) else ()
        first = middle
        while first and self._shares(entries[first - 1], inherited):
            first -= 1
        return first if 0 < first < middle else index

    def _shares(self, vtable: int, inherited: Sequence[int]) -> bool:
        """Return whether a vtable has some function in the same place."""
        functions = self._words(vtable, len(inherited))
        return any(mine and mine == other for mine, other in zip(functions, inherited, strict=False))

    def _words(self, address: int, count: int) -> Sequence[int]:
        data = self._access.reader.memory.read_available(address, self._access.reader.pointer_size * count)
        return memoryview(data[: len(data) & ~7]).cast("Q")

    def _kind_by_content(self, address: int, thread: int) -> str:
        """Return what a Frame must be by what it holds."""
        access = self._access
        for kind, test in (
            (_HELPER, self._looks_like_helper),
            ("InlinedCallFrame", self._looks_like_inlined_call),
            (_FAULTING, self._looks_like_faulting),
            ("FramedMethodFrame", self._looks_like_transition),
        ):
            try:
                if access.has(kind, "MethodDescPtr", "CallSiteSP", "TargetContext") and test(address, thread):
                    return kind
            except MemoryFault:
                continue
        return _UNKNOWN

    def _looks_like_helper(self, address: int, thread: int) -> bool:
        """Tell a HelperMethodFrame, which names its thread; so does a GCFrame, whose objects are on the stack.

        So may be what stood where a helper writes its method later; but a GCFrame has no function of the runtime: where
        that would be it has 0 or 1 in four bytes, and in the next four what stood there, which may well be the upper
        half of an address in the runtime.
        """
        frame, module = HelperMethodFrame(self._access, address), self._access.runtime.module
        if frame.thread != thread:
            return False
        state = address + self._access.offset(_HELPER, "MachState")
        captured = self._access.integer(state, "MachState", "CaptureRsp")
        has_objects = address - _NEAR < frame.method_desc < address + _NEAR
        has_function = module.base <= frame.implementation < module.end and frame.implementation & 0xFFFFFFFF > 1
        return address - _NEAR < captured < address + _NEAR and (has_function or not has_objects)

    def _looks_like_inlined_call(self, address: int, _thread: int) -> bool:
        frame = InlinedCallFrame(self._access, address)
        near = address - _NEAR < frame.call_site_sp <= address
        return (
            near and address < frame.frame_pointer and (not frame.return_address or self._is_code(frame.return_address))
        )

    def _looks_like_faulting(self, address: int, _thread: int) -> bool:
        """Tell a FaultingExceptionFrame by the registers in it: of managed code further up the stack."""
        context = address + self._access.offset(_FAULTING, "TargetContext")
        places = _PC_AND_SP[self._access.target.platform.architecture]
        pc, sp = (self._access.reader.pointer(context + place) for place in places)
        return address < sp < address + _FAULT_SIZE and self._is_code(pc)

    def _looks_like_transition(self, address: int, _thread: int) -> bool:
        block = FramedMethodFrame(self._access, address).transition_block
        return address < block < address + _NEAR and self._is_code(TransitionBlock(self._access, block).return_address)

    def _method_of(self, address: int, kind: str) -> int:
        """Return the MethodDesc that a Frame names; 0 where it names none."""
        access = self._access
        try:
            if kind.startswith(_HELPER):
                found = self._fcalls.method_of(HelperMethodFrame(access, address))
            elif kind == "InlinedCallFrame":
                found = self._word(address + self._datum) & ~_EXCEPTION_MARKS
            elif (view := _METHODS.get(kind)) is not None:
                found = view(access, address).method_desc
            else:
                return 0
        except MemoryFault:
            return 0
        return found if found > _LOWEST_METHOD and found % 8 == 0 else 0
