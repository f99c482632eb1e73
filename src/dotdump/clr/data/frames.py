"""Frames: what the runtime leaves on a stack where managed code calls it, so that the stack can be walked.

Source of truth: frames.h and gmscpu.h of each version; the descriptor of 10 for what it names.
"""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct

FRAME_TOP = (1 << 64) - 1
"""What stands in place of a next Frame in the last one, and of a Frame where a thread has none."""


class FramedMethodFrame(Struct):
    """A call that went through a stub, which saved its registers in a TransitionBlock."""

    layout = "FramedMethodFrame"
    transition_block = Field("TransitionBlockPtr")
    method_desc = Field("MethodDescPtr")


class TransitionBlock(Struct):
    """Registers that a stub saved, in front of the caller's outgoing arguments."""

    layout = "TransitionBlock"
    return_address = Field("ReturnAddress")


class HelperMethodFrame(Struct):
    """A call to a helper of the runtime, up to 9; where it returns to may have to be found by unwinding the helper."""

    layout = "HelperMethodFrame"
    method_desc = Field("MethodDescPtr")
    attributes = Field("Attributes")
    thread = Field("Thread")
    implementation = Field("FCallEntry")


class FCall(Struct):
    """An entry of the table that leads from a function of the runtime back to the method that it implements."""

    layout = "ECHash"
    next = Field("Next")
    implementation = Field("Implementation")
    method_desc = Field("MethodDesc")


class MachState(Struct):
    """Where a helper was (captured), and, once somebody needed it, where it returns to."""

    layout = "MachState"
    ip = Field("Rip")
    sp = Field("Rsp")
    return_address_place = Field("ReturnAddressPtr")
    captured_ip = Field("CaptureRip")
    captured_sp = Field("CaptureRsp")


class ResumableFrame(Struct):
    """A thread that was suspended wherever it was; all its registers."""

    layout = "ResumableFrame"
    context = Field("TargetContextPtr")


class HijackFrame(Struct):
    """A thread that was suspended when the method that it was in returned."""

    layout = "HijackFrame"
    return_address = Field("ReturnAddress")
    arguments = Field("HijackArgsPtr")


class FuncEvalFrame(Struct):
    """A call that a debugger made."""

    layout = "FuncEvalFrame"
    evaluation = Field("DebuggerEvalPtr")
