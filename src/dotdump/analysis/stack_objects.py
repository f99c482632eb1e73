"""Objects on stacks: what each frame of each thread keeps, as the runtime's own GC info and Frames say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.stacks import StackFrame, StackList, StackObject, ThreadStack
from dotdump.analysis.value_text import VALUE_LIMIT, describe
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import UNREADABLE
from dotdump.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dotdump.clr.contracts.stack_reference import StackReference
    from dotdump.clr.contracts.stack_roots import FrameReferences, ThreadReferences
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime

    Key = tuple[str, str | None, str | None]


NATIVE_AOT = "what frames of NativeAOT keep is not known"
NOT_MANAGED = "the runtime does not know this thread"


def with_objects(runtime: ClrRuntime, stacks: StackList) -> StackList:
    """Return ``stacks`` with the objects that each frame keeps; a thread of which not all are known says why."""
    return replace(stacks, threads=tuple(_StackObjects(runtime).of_threads(stacks.threads)))


class _StackObjects:
    """Reads the objects of one runtime's stacks, and remembers what it said of each."""

    def __init__(self, runtime: ClrRuntime) -> None:
        self._runtime = runtime
        self._texts: dict[int, tuple[str, str]] = {}

    def of_threads(self, threads: Iterable[ThreadStack]) -> Iterator[ThreadStack]:
        if self._runtime.kind is RuntimeKind.NATIVE_AOT:
            yield from (replace(thread, objects_problem=NATIVE_AOT) for thread in threads)
            return
        known = {(thread.os_id, thread.managed_id): thread for thread in self._runtime.threads}
        for stack in threads:
            thread = known.get((stack.os_id, stack.managed_id))
            if thread is None:
                yield replace(stack, objects_problem=NOT_MANAGED)
            else:
                yield self._of_thread(stack, self._runtime.stack_references.references_of(thread))

    def _of_thread(self, stack: ThreadStack, found: ThreadReferences) -> ThreadStack:
        by_frame = {_key_of(frame): frame for frame in found.frames}
        frames = tuple(self._of_frame(frame, by_frame) for frame in stack.frames)
        protected = tuple(self._objects(found.protected))
        return replace(stack, frames=frames, protected=protected, objects_problem=found.problem)

    def _of_frame(self, frame: StackFrame, by_frame: dict[Key, FrameReferences]) -> StackFrame:
        found = by_frame.get((frame.sp, frame.location.ip, frame.location.frame))
        return replace(frame, objects=tuple(self._objects(found.references))) if found is not None else frame

    def _objects(self, references: Iterable[StackReference]) -> Iterator[StackObject]:
        for reference in references:
            if reference.value:
                yield self._object(reference)

    def _object(self, reference: StackReference) -> StackObject:
        place = reference.register or f"{reference.address:#x}"
        interior, pinned = reference.interior, reference.pinned
        try:
            found = self._target(reference)
        except UNREADABLE as error:
            return StackObject(place, f"{reference.value:#x}", "", str(error), interior=interior, pinned=pinned)
        if found is None:
            value = "a place outside of the heap"
            return StackObject(place, f"{reference.value:#x}", "", value, interior=interior, pinned=pinned)
        name, value = self._text(found)
        return StackObject(
            place,
            f"{found.address:#x}",
            name,
            value,
            reference.value - found.address,
            interior=interior,
            pinned=pinned,
        )

    def _target(self, reference: StackReference) -> ClrObject | None:
        heap = self._runtime.heap
        return heap.containing(reference.value) if reference.interior else heap.object(reference.value)

    def _text(self, found: ClrObject) -> tuple[str, str]:
        """Return the type of an object and, where that says more, its value in few words."""
        if found.address not in self._texts:
            self._texts[found.address] = found.type.name, _value_of(found)
        return self._texts[found.address]


def _value_of(found: ClrObject) -> str:
    if found.type.is_array:
        array = found.array
        return f"length {', '.join(map(str, array.lengths))}" if array is not None else ""
    return describe(found, limit=VALUE_LIMIT).removeprefix(found.type.name).lstrip(" :")


def _key_of(frame: FrameReferences) -> Key:
    step = frame.step
    if step.context is None:
        return f"{step.sp:#x}", None, step.frame.kind if step.frame is not None else None
    return f"{step.context.sp:#x}", f"{step.context.pc:#x}", None
