"""The garbage collector's structures."""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class HeapSegment(Struct):
    """A segment or a region: ``mem`` is where its first object lies, the others are ends."""

    layout = "HeapSegment"
    allocated = Field("Allocated")
    committed = Field("Committed")
    reserved = Field("Reserved")
    mem = Field("Mem")
    flags = Field("Flags")
    next = Field("Next")


class Generation(Struct):
    """A generation of one heap; ``allocation_start`` is there with segments only."""

    layout = "Generation"
    start_segment = Field("StartSegment")
    allocation_start = Field("AllocationStart")


class GcAllocContext(Struct):
    """What one thread may still allocate from: from ``pointer`` up to ``limit`` and one smallest object beyond."""

    layout = "GCAllocContext"
    pointer = Field("Pointer")
    limit = Field("Limit")
