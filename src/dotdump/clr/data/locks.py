"""What the runtime keeps of locks outside of the objects that are locked.

Source of truth: syncblk.h and threaddebugblockinginfo.h of each version; where the fields lie was read from cores of
3.1.23, 8.0.4, 9.0.22 and 10.0.14 with known locks (docs/formats/locks-and-exceptions.md).
"""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class AwareLock(Struct):
    """A monitor; ``thread`` is its owner's Thread up to 9, ``thread_id`` its managed id in 10."""

    layout = "AwareLock"
    state = Field("LockState", kind="uint32")
    recursion = Field("Recursion", kind="uint32")
    thread = Field("HoldingThread")
    thread_id = Field("HoldingThreadId", kind="uint32")
    index = Field("SyncIndex", kind="uint32")


class DebugBlockingItem(Struct):
    """What a thread waits for: it lies on the thread's own stack; ``next`` is what it waited for before."""

    layout = "DebugBlockingItem"
    monitor = Field("Monitor")
    type = Field("Type", kind="uint32")
    timeout = Field("Timeout", kind="uint32")
    next = Field("Next")


class BlockedThread(Struct):
    """The field of a Thread that leads to what it waits for."""

    layout = "Thread"
    blocking = Field("DebugBlockingInfo")
