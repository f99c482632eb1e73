"""``ClrStackRoots``: what the stacks of a runtime's threads keep, as its GC info and its Frames say.

A thread of which not everything is known is told of as far as it is; who must not miss anything reads its stack
conservatively instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.model.root import ClrRoot, RootKind
from dotdump.errors import FormatError, MemoryFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dotdump.clr.contracts.stack_reference import StackReference
    from dotdump.clr.contracts.stack_roots import StackRoots, ThreadReferences
    from dotdump.clr.contracts.walk_step import Step
    from dotdump.clr.model.method import ClrMethod
    from dotdump.clr.model.thread import ClrThread
    from dotdump.target.model import Thread

    Locate = Callable[[int], int | None]
    """Returns the address of the object that an address lies in; None where it is in none."""


class ClrStackRoots:
    """The references on the stacks of ``threads``, each thread read once; ``method_at`` names the code of a frame.

    ``is_whole``: there are no other managed threads.
    """

    def __init__(
        self,
        contract: StackRoots,
        method_at: Callable[[int], ClrMethod | None],
        threads: Sequence[ClrThread],
        *,
        is_whole: bool,
    ) -> None:
        self._contract = contract
        self._method_at = method_at
        self._threads = threads
        self._is_whole = is_whole
        self._found: dict[int, ThreadReferences] = {}

    def roots_of_complete_threads(self, locate: Locate) -> Iterator[ClrRoot]:
        """Yield the roots of the threads of which all references are known."""
        for thread in self._threads:
            if self.references_of(thread).complete:
                yield from self.roots_of(thread, locate)

    def other_threads(self, threads: Iterable[Thread]) -> list[Thread]:
        """Return those of the target's ``threads`` that may have references which are not known."""
        complete = {thread.os_id: self.references_of(thread).complete for thread in self._threads}
        return [thread for thread in threads if not complete.get(thread.tid, self._is_whole)]

    def references_of(self, thread: ClrThread) -> ThreadReferences:
        """Return the references of a thread, frame by frame."""
        if thread.address not in self._found:
            self._found[thread.address] = self._contract.of_thread(thread.record, thread.native)
        return self._found[thread.address]

    def roots_of(self, thread: ClrThread, locate: Locate) -> Iterator[ClrRoot]:
        """Yield a root for each reference to an object, in the order of frames; null ones are none."""
        references = self.references_of(thread)
        label = f"thread {thread.os_id} {thread.name}".rstrip()
        for frame in references.frames:
            name = None
            for reference in frame.references:
                target = _target(reference, locate)
                if target is not None:
                    name = name or f"{label} {self._place(frame.step)}"
                    yield _root(reference, target, name, thread.os_id)
        for reference in references.protected:
            target = _target(reference, locate)
            if target is not None:
                yield _root(reference, target, f"{label} GCFrame", thread.os_id)

    def _place(self, step: Step) -> str:
        """Return what a person knows a frame by."""
        if step.frame is not None:
            return step.frame.kind
        try:
            method = self._method_at(step.context.lookup) if step.context is not None else None
        except (FormatError, MemoryFault):
            method = None
        if method is not None:
            return f"{method.type_name}.{method.name}"
        return f"frame at {step.sp:#x}"


def _target(reference: StackReference, locate: Locate) -> int | None:
    if not reference.value:
        return None
    return locate(reference.value) if reference.interior else reference.value


def _root(reference: StackReference, target: int, name: str, thread: int) -> ClrRoot:
    place = f"{name} {reference.register}".rstrip()
    kind, interior, pinned = RootKind.STACK, reference.interior, reference.pinned
    return ClrRoot(kind, reference.address, target, place, interior=interior, pinned=pinned, thread=thread)
