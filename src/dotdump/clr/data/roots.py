"""Structures that keep objects alive, or know which ones: tables of handles, the queue of finalizable objects.

Source of truth: handletablepriv.h, objecthandle.h, gcpriv.h (CFinalize); names are those of .NET 11's descriptor.
"""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class HandleTableMap(Struct):
    """An array of pointers to buckets, and the map that goes on after it."""

    layout = "HandleTableMap"
    buckets = Field("BucketsPtr")
    next = Field("Next")


class HandleTableBucket(Struct):
    """An array of pointers to tables, one for each heap."""

    layout = "HandleTableBucket"
    tables = Field("Table")


class HandleTable(Struct):
    """A table: the list of its segments."""

    layout = "HandleTable"
    segments = Field("SegmentList")


class TableSegment(Struct):
    """Blocks of handles, each of one kind, and how they are chained; ``table`` is the table that it belongs to."""

    layout = "TableSegment"
    next = Field("NextSegment")
    table = Field("HandleTable")


class FinalizeQueue(Struct):
    """One array of objects in several parts; a fill pointer is the end of each."""

    layout = "CFinalize"
    array = Field("Array")
