"""Which frames of a stack report references where funclets run.

A handler runs as a function of its own on top of the stack, but in its method's frame. It reports for its method; the
frames between it and its parent have been unwound by the exception, though they are still there. A filter runs while
nothing has been unwound: everything reports, and the filter leaves out what its parent reports anyway. Managed code
that dispatches the exception and called the handler is alive, and reports too.

Source of truth: ``StackFrameIterator::Filter`` of vm/stackwalk.cpp, ``EECodeManager::EnumGcRefs`` of vm/eetwain.cpp.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from dotdump.clr.contracts.walk_step import Step, StepKind
from dotdump.errors import FormatError, MemoryFault
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.contracts.handlers import Handlers

_Key = tuple[int, int | None]


@record
class Role:
    """What a frame reports. ``is_parent``: a funclet of it has reported already, if the method's GC info says so."""

    reports: bool = True
    untracked: bool = True
    is_parent: bool = False
    problem: str = ""


_WHOLE = Role()
_FILTER = Role(untracked=False)
_PARENT = Role(untracked=False, is_parent=True)
_UNWOUND = Role(reports=False)
_LOST = Role(problem="the frame of its method is not on the stack")


def roles_of(steps: Sequence[Step], frame_pointer: int, handlers: Handlers) -> list[Role]:
    """Return the role of each step, explicit Frames too; ``frame_pointer`` is the number of that register."""
    return list(_Roles(steps, frame_pointer, handlers).find())


class _Roles:
    """One pass over a stack: until ``_parent`` is come to, frames have been unwound."""

    def __init__(self, steps: Sequence[Step], frame_pointer: int, handlers: Handlers) -> None:
        self._steps = steps
        self._frame_pointer = frame_pointer
        self._handlers = handlers
        self._parent = -1
        self._dispatching = False
        self._bodies: dict[_Key, list[int]] = {}
        for index, step in enumerate(steps):
            if step.kind is StepKind.MANAGED and step.code is not None and not step.code.is_funclet:
                self._bodies.setdefault(self._key(step, step.code), []).append(index)

    def find(self) -> Iterator[Role]:
        for index, step in enumerate(self._steps):
            if index == self._parent:
                yield _PARENT
            elif step.kind is not StepKind.MANAGED or step.code is None:
                yield _WHOLE if index > self._parent else _UNWOUND
            elif index < self._parent:
                self._dispatching = self._dispatching and self._handlers.is_dispatcher(step.code)
                yield _WHOLE if self._dispatching else _UNWOUND
            else:
                yield self._enter(index, step, step.code) if step.code.is_funclet else _WHOLE

    def _enter(self, index: int, step: Step, code: CodeBlock) -> Role:
        """Return the role of a funclet in a frame that has not been unwound."""
        try:
            if self._handlers.is_filter(code):
                return _FILTER
        except (FormatError, MemoryFault) as error:
            return Role(problem=f"whether it is a filter is not known: {error}")
        later = self._bodies.get(self._key(step, code), [])
        found = bisect_right(later, index)
        if found == len(later):
            return _LOST
        self._parent, self._dispatching = later[found], True
        return _WHOLE

    def _key(self, step: Step, code: CodeBlock) -> _Key:
        """Return what a funclet shares with the frame it runs in: the method, and its frame pointer."""
        return code.start, step.context.registers.get(self._frame_pointer) if step.context is not None else None
