"""Explicit Frames of a thread: the chain of them, and what kind each is.

From 10 on a Frame says its kind by number. Up to 9 its first word is the address of a vtable: the DAC's table lists
vtables in the order of vptr_list.h.

A helper's Frame names its method once its caller was looked for; until then the function that implements it does.

Source of truth: docs/design/datacontracts/StackWalk.md; FrameTypes.h of 10, vptr_list.h of 3.1 to 9.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.clr.contracts.fcalls import FCalls
from dotdump.clr.dac_table import read_entries
from dotdump.clr.data.frames import FRAME_TOP, FramedMethodFrame, HelperMethodFrame
from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.columns import whole_words
from dotdump.limits import EXPLICIT_FRAMES
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dotdump.clr.data_access import DataAccess
    from dotdump.unwind.stack_words import StackWords

_IDENTIFIER = "FrameIdentifier"
_UNKNOWN = "Frame"
_METHODS = {
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
_HELPER = "HelperMethodFrame"
_LOWEST_METHOD = 0x10000
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
    """Reads the chains of one runtime, as ``words``."""

    def __init__(self, access: DataAccess, words: StackWords) -> None:
        self._access = access
        self._word = words.word
        self._fcalls = FCalls(access)

    def frames_of(self, first: int) -> Iterator[ExplicitFrame]:
        """Yield the Frames of a thread from ``first`` on, the newest first.

        The stack grows down, so each lies above the one before it: ``FormatError`` where one does not, ``MemoryFault``
        where one cannot be read.
        """
        address, last = first, 0
        for _ in range(EXPLICIT_FRAMES):
            if address in (0, FRAME_TOP):
                return
            if address <= last or address % 8:
                raise FormatError(f"it is followed by one at {address:#x}", source=f"Frame at {last:#x}")
            yield self._read(address)
            last, address = address, self._word(address + self._next)
        raise FormatError(f"more than {EXPLICIT_FRAMES} of them", source=f"Frames from {first:#x} on")

    def _read(self, address: int) -> ExplicitFrame:
        kind = self._kinds.get(self._word(address + self._identifier), _UNKNOWN)
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
        if not access.has_global("FrameVtableIndex"):
            return {}
        names = access.global_text("FrameVtableOrder").split()
        index = access.global_integer("FrameVtableIndex")
        first = max(index - _SHIFT, 0)
        entries = read_entries(access.reader, access.runtime.module)[first : first + len(names) + 2 * _SHIFT]
        shift = self._first_vtable(entries, index - first, len(names)) if entries else 0
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
        return whole_words(data)

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
