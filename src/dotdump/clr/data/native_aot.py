"""NativeAOT's method tables, which describe a type without metadata."""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class NativeMethodTable(Struct):
    """A type. ``related`` is its base type or, of an array, its element; ``flags`` as in ``NativeFlags``."""

    layout = "MethodTable"
    flags = Field("MTFlags", kind="uint32")
    base_size = Field("BaseSize", kind="uint32")
    related = Field("RelatedType")
    virtuals = Field("NumVirtuals", kind="uint16")
    interface_count = Field("NumInterfaces", kind="uint16")
