"""The stack trace that an exception carries.

Source of truth: clrex.h and ``StackTraceArray`` in object.h of each version.
"""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class StackTraceHeader(Struct):
    """The first bytes of the array in ``_stackTrace``: how many elements are in use, and of which Thread they are."""

    layout = "StackTraceArrayHeader"
    size = Field("Size", kind="uint32")
    thread = Field("Thread")


class StackTraceElement(Struct):
    """A frame that an exception passed: ``ip`` is in the call that it came out of, not behind it."""

    layout = "StackTraceElement"
    ip = Field("Ip")
    sp = Field("Sp")
    method_desc = Field("MethodDesc")
    flags = Field("Flags", kind="uint32")
