"""``ClrRoot``: what keeps an object alive that no other object has to.

Handles, objects whose finalizer is to run, statics, stacks. A stack that is read conservatively keeps whatever one of
its words could point to: such a root may be none, and says so by its kind.
"""

from __future__ import annotations

from enum import StrEnum

from dotdump.records import record


class RootKind(StrEnum):
    """What a root is: ``ClrRootKind`` of ClrMD, and what it does not have."""

    STRONG_HANDLE = "StrongHandle"
    PINNED_HANDLE = "PinnedHandle"
    REF_COUNTED_HANDLE = "RefCountedHandle"
    ASYNC_PINNED_HANDLE = "AsyncPinnedHandle"
    SIZED_REF_HANDLE = "SizedRefHandle"
    FINALIZER_QUEUE = "FinalizerQueue"
    STATIC = "Static"
    THREAD_STATIC = "ThreadStatic"
    STACK = "Stack"
    STACK_CONSERVATIVE = "StackConservative"
    FROZEN = "Frozen"
    """The object lies in a frozen segment, which is never collected."""


@record
class ClrRoot:
    """``address`` is the slot that keeps the object at ``object``; 0 where a register does, or nothing has to.

    ``name`` says where the slot is: a static's ``Type.Field``, a thread and a register. ``interior``: the slot points
    into the object, not at it. ``pinned``: the collector may not move it.
    """

    kind: RootKind
    address: int
    object: int
    name: str = ""
    interior: bool = False
    pinned: bool = False
    thread: int = 0
    """The number that the operating system gives the thread, of a stack or a thread static; else 0."""
