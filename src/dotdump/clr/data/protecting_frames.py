"""Frames that keep references for native code of the runtime, and what they name.

Source of truth: frames.h of 3.1, 8, 9 and 10.
"""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class GcFrame(Struct):
    """``count`` variables of native code from ``objects`` on; ``maybe_interior``: they may point into objects."""

    layout = "GCFrame"
    next = Field("Next")
    thread = Field("Thread")
    objects = Field("ObjRefs")
    count = Field("NumObjRefs")
    maybe_interior = Field("MaybeInterior")


class HelperObjects(Struct):
    """What follows in the subclasses of HelperMethodFrame: addresses of variables, or the first one and a count."""

    layout = "HelperMethodFrame"
    first = Field("Objects")
    count = Field("NumObjects")


class DynamicHelperFrame(Struct):
    """A call of a helper through a ready-to-run image; the flags tell which of its arguments are objects."""

    layout = "DynamicHelperFrame"
    flags = Field("Flags")


class ProtectValueClassFrame(Struct):
    """Values on the stack that hold references."""

    layout = "ProtectValueClassFrame"
    first = Field("ValueClassInfoList")


class ValueClassInfo(Struct):
    """One value: the type of its boxed form, and where it lies."""

    layout = "ValueClassInfo"
    next = Field("Next")
    method_table = Field("MethodTable")
    data = Field("Data")


class ImportingFrame(Struct):
    """A call through ``indirection``, a cell of a ready-to-run image; ``map`` is its GCRefMap, once that was needed."""

    layout = "ExternalMethodFrame"
    module = Field("ZapModule")
    indirection = Field("Indirection")
    map = Field("GCRefMap")


class StubDispatchFrame(ImportingFrame):
    """A call through a stub that is being resolved."""

    layout = "StubDispatchFrame"


class ExternalMethodFrame(ImportingFrame):
    """The first call of a method that a ready-to-run image imports."""

    layout = "ExternalMethodFrame"
