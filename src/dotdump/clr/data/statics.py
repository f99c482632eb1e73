"""Where static fields lie: with each module up to 8, with each type from 9 on.

Source of truth: appdomain.hpp (DomainLocalModule), threadstatics.h, methodtable.h of each version; names from 9 on
are those of the descriptor of 10.
"""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class DynamicStaticsInfo(Struct):
    """The statics of one type: references apart from what is none."""

    layout = "DynamicStaticsInfo"
    references = Field("GCStatics")
    values = Field("NonGCStatics")


class ThreadStaticsInfo(Struct):
    """Which part of each thread's storage has the thread statics of one type."""

    layout = "ThreadStaticsInfo"
    references = Field("GCTlsIndex", kind="uint32")
    values = Field("NonGCTlsIndex", kind="uint32")


class ThreadLocalData(Struct):
    """The storage of one thread."""

    layout = "ThreadLocalData"
    count = Field("NonCollectibleTlsDataCount", kind="int32")
    array = Field("NonCollectibleTlsArrayData")
    collectible_count = Field("CollectibleTlsDataCount", kind="int32")
    collectible_array = Field("CollectibleTlsArrayData")
    in_flight = Field("InFlightData")


class InFlightTlsData(Struct):
    """Storage of a type whose class constructor is running."""

    layout = "InFlightTLSData"
    next = Field("Next")
    index = Field("TlsIndex", kind="uint32")
    data = Field("TLSData")


class DomainLocalModule(Struct):
    """The statics of one module; ``values`` of a type lie at offsets from the structure itself."""

    layout = "DomainLocalModule"
    dynamic_table = Field("DynamicClassTable")
    dynamic_count = Field("DynamicEntries")
    references = Field("GCStatics")
    index = Field("ModuleIndex")


class ThreadLocalModule(Struct):
    """The thread statics of one module; ``references`` is a handle to an array."""

    layout = "ThreadLocalModule"
    dynamic_table = Field("DynamicClassTable")
    dynamic_count = Field("DynamicEntries")
    references = Field("GCStatics")


class DynamicClassInfo(Struct):
    """Of one type whose statics were made room for by itself: where."""

    layout = "DynamicClassInfo"
    entry = Field("DynamicEntry")
    flags = Field("Flags", kind="uint32")


class ThreadLocalBlock(Struct):
    """The modules that a thread has statics of."""

    layout = "ThreadLocalBlock"
    table = Field("TLMTable")
    size = Field("TLMTableSize")


class GenericsStaticsInfo(Struct):
    """Of a constructed type: its own static fields, and its number in the table of its module."""

    layout = "GenericsStaticsInfo"
    fields = Field("FieldDescs")
    number = Field("DynamicTypeID")
