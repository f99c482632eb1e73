"""Structures that lead from an instruction to its method: ranges, heaps of jitted code, ready-to-run images.

Source of truth: codeman.h and readytoruninfo.h of each version; the descriptor of 10 for what it names, which 8 and 9
have in the same places.
"""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class RangeSection(Struct):
    """A range of addresses with code. In 3.1 one word is the code heap or the module, as ``flags`` say."""

    layout = "RangeSection"
    begin = Field("RangeBegin")
    end = Field("RangeEndOpen")
    flags = Field("Flags", kind="uint32")
    module = Field("R2RModule", "HeapListOrModule")
    heap_list = Field("HeapList", "HeapListOrModule")
    range_list = Field("RangeList")
    next = Field("Next")


class RangeSectionFragment(Struct):
    """The part of a section that one entry of the range map covers."""

    layout = "RangeSectionFragment"
    next = Field("Next")
    begin = Field("RangeBegin")
    end = Field("RangeEndOpen")
    section = Field("RangeSection")


class CodeHeapListNode(Struct):
    """A heap of jitted code; its nibble map at ``header_map`` counts from ``map_base``."""

    layout = "CodeHeapListNode"
    start = Field("StartAddress")
    end = Field("EndAddress")
    map_base = Field("MapBase")
    header_map = Field("HeaderMap")


class RealCodeHeader(Struct):
    """What the word before a jitted method's code points to."""

    layout = "RealCodeHeader"
    debug_info = Field("DebugInfo")
    exception_info = Field("EHInfo")
    gc_info = Field("GCInfo")
    method_desc = Field("MethodDesc")
    unwind_count = Field("NumUnwindInfos", kind="uint32")


class JitExceptionClause(Struct):
    """A handler of a jitted method; offsets from the method's start."""

    layout = "JitExceptionClause"
    flags = Field("Flags")
    handler_start = Field("HandlerStart")
    handler_end = Field("HandlerEnd")
    filter_offset = Field("FilterOffset")


class ReadyToRunInfo(Struct):
    """A module's code compiled ahead of time; in a composite image all its modules share one table of functions."""

    layout = "ReadyToRunInfo"
    header = Field("ReadyToRunHeader")
    composite = Field("CompositeInfo")
    core = Field("Composite")
    functions = Field("RuntimeFunctions")
    function_count = Field("NumRuntimeFunctions", kind="uint32")
    hot_cold_map = Field("HotColdMap")
    hot_cold_count = Field("NumHotColdMap", kind="uint32")
    thunks = Field("DelayLoadMethodCallThunks")


class ReadyToRunHeader(Struct):
    """The header of a ready-to-run image: its format's version."""

    layout = "ReadyToRunHeader"
    major = Field("MajorVersion", kind="uint16")
    minor = Field("MinorVersion", kind="uint16")


class ImageDataDirectory(Struct):
    """A place in an image."""

    layout = "ImageDataDirectory"
    rva = Field("VirtualAddress", kind="uint32")
    size = Field("Size", kind="uint32")


class CodeModule(Struct):
    """A module, as far as its code goes."""

    layout = "Module"
    ready_to_run = Field("ReadyToRunInfo")


class ReadyToRunCoreInfo(Struct):
    """An image, or a component of a composite one, and its sections."""

    layout = "ReadyToRunCoreInfo"
    header = Field("CoreHeader")


class ReadyToRunCoreHeader(Struct):
    """The list of an image's sections."""

    layout = "ReadyToRunCoreHeader"
    section_count = Field("NumberOfSections", kind="uint32")


class ReadyToRunSection(Struct):
    """One section: what it is, and where."""

    layout = "ReadyToRunSection"
    type = Field("Type", kind="uint32")
    rva = Field("RVA", kind="uint32")
    size = Field("Size", kind="uint32")


class PatchpointInfo(Struct):
    """What a method that can be replaced while it runs has before its debug info; 4 bytes for each local follow."""

    layout = "PatchpointInfo"
    local_count = Field("NumberOfLocals", kind="uint32")
