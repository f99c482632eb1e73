"""Structures that stand for threads, and what the runtime keeps of each.

Source of truth: threads.h, exinfo.h, exceptionhandling.h of each version; the descriptors of 9 and 10, and the debug
header of NativeAOT, for what they name.
"""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class ThreadStore(Struct):
    """The list of all threads, dead ones too, the oldest first."""

    layout = "ThreadStore"
    first_link = Field("FirstThreadLink")
    thread_count = Field("ThreadCount", kind="uint32")
    unstarted_count = Field("UnstartedCount", kind="uint32")
    background_count = Field("BackgroundCount", kind="uint32")
    pending_count = Field("PendingCount", kind="uint32")
    dead_count = Field("DeadCount", kind="uint32")


class Thread(Struct):
    """A thread. ``link`` leads to the link in the next one; ``frame`` is the top of its explicit frames."""

    layout = "Thread"
    state = Field("State", kind="uint32")
    cooperative = Field("PreemptiveGCDisabled", kind="uint32")
    frame = Field("Frame")
    id = Field("Id", kind="uint32")
    os_id = Field("OSId", kind="uint64")
    lock_count = Field("LockCount", kind="uint32")
    exposed_object = Field("GCHandle")
    last_thrown_object = Field("LastThrownObject")
    exception_tracker = Field("ExceptionTracker")
    link = Field("LinkNext")
    locals = Field("RuntimeThreadLocals")


class ExceptionInfo(Struct):
    """An exception under way, the newest of its thread; ``thrown`` is a handle, which holds the object's address."""

    layout = "ExceptionInfo"
    previous = Field("PreviousNestedInfo")
    thrown = Field("ThrownObject")


class AotThread(Struct):
    """A thread of NativeAOT."""

    layout = "RuntimeThreadLocals"
    next = Field("m_pNext")
    os_id = Field("m_threadId", kind="uint64")
    exception = Field("m_pExInfoStackHead")


class AotExceptionInfo(Struct):
    """An exception under way in NativeAOT; ``thrown`` is the object itself."""

    layout = "ExInfo"
    previous = Field("m_pPrevExInfo")
    thrown = Field("m_exception")
