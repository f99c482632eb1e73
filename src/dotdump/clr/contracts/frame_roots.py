"""``FrameRoots``: the references that explicit Frames keep, and those that native code of the runtime protects.

A Frame of a call that has not begun keeps its arguments: a ready-to-run image says which words of them are references,
else the signature of the method does. A helper's Frame names variables of native code. Until 6 a GCFrame does the same
in the chain of Frames, later in a chain of its own. The other kinds keep nothing.

Source of truth: ``GcScanRoots`` of each class in vm/frames.h and vm/frames.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.frame_chain import TRANSITIONS
from dotdump.clr.contracts.stack_reference import StackReference
from dotdump.clr.data.frames import FRAME_TOP, HelperMethodFrame
from dotdump.clr.data.protecting_frames import (
    DynamicHelperFrame,
    GcFrame,
    HelperObjects,
    ProtectValueClassFrame,
    ValueClassInfo,
)
from dotdump.errors import FormatError, LimitExceeded, MemoryFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.contracts.argument_roots import ArgumentRoots
    from dotdump.clr.contracts.frame_chain import ExplicitFrame
    from dotdump.clr.data_access import DataAccess

_THROWS = 1
"""FRAME_ATTR_EXCEPTION: the helper throws."""
_PROTECTED = {"HelperMethodFrame_1OBJ": 1, "HelperMethodFrame_2OBJ": 2, "HelperMethodFrame_3OBJ": 3}
_OBJECT_ARGUMENT, _SECOND_OBJECT_ARGUMENT = 1, 2
_UNTOLD = frozenset({"ProtectByRefsFrame", "HijackFrame"})
"""Kinds that keep references of which nothing that is read here tells."""
_RETURNS_ARE_SAFE_POINTS = 10


class FrameRoots:
    """The references in the Frames of one runtime."""

    def __init__(self, access: DataAccess, arguments: ArgumentRoots) -> None:
        self._access = access
        self._arguments = arguments
        self._word = access.reader.pointer

    def of(self, frame: ExplicitFrame) -> Iterator[StackReference]:
        """Yield the references of a Frame; raises ``FormatError`` and ``MemoryFault``."""
        kind = frame.kind
        if kind in _UNTOLD and self._keeps_untold(frame):
            raise FormatError(f"what a {kind} keeps is not known", source=f"Frame at {frame.address:#x}")
        if kind == "DynamicHelperFrame":
            yield from self._of_dynamic_helper(frame.address)
        elif kind in TRANSITIONS:
            yield from self._arguments.of(frame)
        elif frame.is_helper:
            yield from self._of_helper(frame)
        elif kind == "ProtectValueClassFrame":
            yield from self._of_value_classes(frame.address)
        elif kind == "GCFrame":
            yield from self._of_gc_frame(GcFrame(self._access, frame.address))

    def protected(self, thread: int) -> Iterator[StackReference]:
        """Yield what native code protects by GCFrames of the Thread at ``thread`` that are in no chain of Frames."""
        if not self._access.has("Thread", "GCFrame"):
            return
        address = self._access.pointer(thread, "Thread", "GCFrame")
        for _ in range(limits.EXPLICIT_FRAMES):
            if address in (0, FRAME_TOP):
                return
            frame = GcFrame(self._access, address)
            if frame.thread != thread:
                raise FormatError(
                    f"it belongs to {frame.thread:#x}, not to {thread:#x}", source=f"GCFrame at {address:#x}"
                )
            yield from self._of_gc_frame(frame)
            address = frame.next
        raise LimitExceeded(f"more than {limits.EXPLICIT_FRAMES} GCFrames", source=f"Thread at {thread:#x}")

    def is_throw(self, frame: ExplicitFrame) -> bool:
        """Return whether a helper was called to throw: what called it does not go on."""
        try:
            return frame.is_helper and bool(HelperMethodFrame(self._access, frame.address).attributes & _THROWS)
        except MemoryFault:
            return False

    def _keeps_untold(self, frame: ExplicitFrame) -> bool:
        """Return whether a returned value may be in a HijackFrame: from 10 on the method returned to says so itself."""
        return frame.kind != "HijackFrame" or self._access.major < _RETURNS_ARE_SAFE_POINTS

    def _reference(self, address: int, *, interior: bool = False) -> StackReference:
        return StackReference(address, "", self._word(address), interior=interior)

    def _of_gc_frame(self, frame: GcFrame) -> Iterator[StackReference]:
        count, interior = frame.count, bool(frame.maybe_interior)
        if count > limits.PROTECTED_OBJECTS:
            raise LimitExceeded(f"{count} objects", source=f"GCFrame at {frame.address:#x}")
        first = frame.objects
        for index in range(count):
            yield self._reference(first + 8 * index, interior=interior)

    def _of_helper(self, frame: ExplicitFrame) -> Iterator[StackReference]:
        if frame.kind == "HelperMethodFrame_PROTECTOBJ":
            objects = HelperObjects(self._access, frame.address)
            if objects.count > limits.PROTECTED_OBJECTS:
                raise LimitExceeded(f"{objects.count} objects", source=f"Frame at {frame.address:#x}")
            places: Sequence[int] = range(objects.first, objects.first + 8 * objects.count, 8)
        elif frame.kind in _PROTECTED:
            places = self._helper_words(frame.address, _PROTECTED[frame.kind])
        else:
            places = ()
        for place in places:
            yield self._reference(place)

    def _helper_words(self, address: int, count: int) -> list[int]:
        start = HelperObjects(self._access, address).address_of("Objects")
        return [self._word(start + 8 * index) for index in range(count)]

    def _of_dynamic_helper(self, address: int) -> Iterator[StackReference]:
        flags = DynamicHelperFrame(self._access, address).flags
        first = self._arguments.block_of(address).arguments
        if flags & _OBJECT_ARGUMENT:
            yield self._reference(first)
        if flags & _SECOND_OBJECT_ARGUMENT:
            yield self._reference(first + 8)

    def _of_value_classes(self, address: int) -> Iterator[StackReference]:
        for number, place in enumerate(self._places_in_values(address)):
            if number >= limits.PROTECTED_OBJECTS:
                raise LimitExceeded(f"more than {number} objects", source=f"Frame at {address:#x}")
            yield self._reference(place)

    def _places_in_values(self, address: int) -> Iterator[int]:
        info = ProtectValueClassFrame(self._access, address).first
        for _ in range(limits.PROTECTED_OBJECTS):
            if not info:
                return
            view = ValueClassInfo(self._access, info)
            yield from (view.data + offset for offset in self._arguments.reference_offsets(view.method_table))
            info = view.next
        raise LimitExceeded(f"more than {limits.PROTECTED_OBJECTS} values", source=f"Frame at {address:#x}")
