import pytest

from dotdump.analysis.stack_frames import StackFrames
from dotdump.analysis.stacks import FrameLocation, StackFrame
from dotdump.report.json_format import render_json

MAIN = FrameLocation("managed", "Program.Main()", "App.dll", ip="0x1000")


def frames(count: int) -> StackFrames:
    return StackFrames([MAIN] * count, [f"{row:#x}" for row in range(count)], ["context"] * count)


def test_a_row_is_the_record_of_what_the_columns_hold() -> None:
    assert frames(2) == (StackFrame(MAIN, "0x0", "context"), StackFrame(MAIN, "0x1", "context"))
    assert frames(3)[2] == StackFrame(MAIN, "0x2", "context")
    assert frames(3)[1:] == frames(3)[1:3] == tuple(frames(3))[1:]
    assert hash(frames(2)) == hash(tuple(frames(2)))
    assert repr(frames(1)) == repr(tuple(frames(1)))


@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_columns_are_written_as_the_records_are(count: int) -> None:
    results = [{"threads": [{"frames": kind(frames(count))}] * 2} for kind in (tuple, lambda rows: rows)]
    assert render_json("dotdump/x/1", results[0]) == render_json("dotdump/x/1", results[1])
