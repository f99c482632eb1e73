"""The stack of a recorded core of arm64: the calls that its program makes, through a handler on another stack."""

from __future__ import annotations

from pathlib import Path

from dotdump.analysis.stacks import native_stacks
from dotdump.target.core import open_core
from dotdump.unwind.frame import Frame, FrameTrust
from dotdump.unwind.native import NativeUnwinder

CORE = Path(__file__).parents[2] / "golden" / "cores" / "qemu-arm64.core.zst"
FUNCTIONS = {
    "_start": (0x410000, 0x8),
    "give_up": (0x410010, 0x38),
    "recurse": (0x410050, 0x34),
    "handler": (0x410084, 0x2C),
    "fault": (0x4100B0, 0x1C),
    "on_a_stack_of_some_size": (0x4100D0, 0x60),
    "program": (0x410130, 0x84),
}
"""Start and size, as nm says of the program before it was stripped."""
OTHER_STACK = range(0x440030, 0x444030)
IN_HANDLER = ["give_up", "recurse", "recurse", "recurse", "recurse", "handler"]
INTERRUPTED = ["fault", "on_a_stack_of_some_size", "program", "_start"]


def function_at(address: int) -> str:
    return next((name for name, (start, size) in FUNCTIONS.items() if start <= address < start + size), "")


def test_every_call_of_the_program_is_a_frame_also_those_that_never_return_and_are_signed() -> None:
    with open_core(CORE) as core:
        unwinder = NativeUnwinder(core)
        steps = list(unwinder.walk(unwinder.frame_of(core.threads[0])))
        frames = [step for step in steps if isinstance(step, Frame)]
        assert [function_at(frame.lookup) for frame in frames] == [*IN_HANDLER, "", *INTERRUPTED]
        assert [frame.sp in OTHER_STACK for frame in frames] == [True] * 7 + [False] * 4
        assert {frame.trust for frame in frames} == {FrameTrust.CONTEXT, FrameTrust.CFI}
        assert unwinder.is_signal_frame(frames[6])
        assert str(steps[-1]) == "end of stack: undefined return address: 0x410008"


def test_the_trampoline_of_the_emulator_is_told_as_one_and_is_in_no_file() -> None:
    with open_core(CORE) as core:
        (thread,) = native_stacks(core).threads
    kinds = [(frame.location.kind, frame.location.module) for frame in thread.frames]
    assert kinds == [("native", "./qemu-arm64")] * 6 + [("signal", None)] + [("native", "./qemu-arm64")] * 4
