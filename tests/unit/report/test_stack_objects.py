"""Objects beside the frames that keep them, as text."""

from dotdump.analysis.stacks import FrameLocation, StackFrame, StackList, StackObject, StackVariable, ThreadStack
from dotdump.report.stacks import render_stacks

MAIN = FrameLocation("managed", "Program.Main()", "a.dll", "0x1000")


def _stacks(**changes: object) -> StackList:
    kept = (
        StackObject("rbx", "0x7f00", "System.String", '"abc"'),
        StackObject("0x7fff10", "0x7f40", "System.Byte[]", "length 16", 0x10, interior=True, pinned=True),
        StackObject("0x7fff18", "0x7fff20", "", "a place outside of the heap", interior=True),
    )
    frame = StackFrame(MAIN, "0x7fff00", "context", objects=kept)
    stack = ThreadStack(7, 1, "main", "", None, (frame,), "end of stack", **changes)  # type: ignore[arg-type] # fields by name
    return StackList(7, "a", (stack,))


def test_each_object_stands_beneath_its_frame() -> None:
    assert render_stacks(_stacks()).splitlines() == [
        "thread 7 main (managed 1)",
        "   0 0000000000001000  Program.Main()",
        '                  rbx  0x7f00  System.String "abc"',
        "             0x7fff10  0x7f40+0x10  System.Byte[] length 16  [pinned]",
        "             0x7fff18  0x7fff20  a place outside of the heap",
        "     (end of stack)",
    ]


def test_what_native_code_keeps_and_what_is_not_known_is_said() -> None:
    protected = (StackObject("0x7fff90", "0x7f00", "System.Object", ""),)
    lines = render_stacks(_stacks(protected=protected, objects_problem="it was stopped")).splitlines()
    assert lines[-4:] == [
        "     kept by native code of the runtime",
        "             0x7fff90  0x7f00  System.Object",
        "     (end of stack)",
        "     (objects: not all are known: it was stopped)",
    ]


def test_variables_stand_beneath_their_frame_and_say_where_they_are_not_kept() -> None:
    variables = (
        StackVariable("argument", "args", "System.String[]", "rbx", "0x7f00 System.String[0]"),
        StackVariable("local", "count", "Int32", None, None),
    )
    frame = StackFrame(MAIN, "0x7fff00", "context", variables=variables)
    stack = ThreadStack(7, 1, "main", "", None, (frame,), "end of stack")
    assert render_stacks(StackList(7, "a", (stack,))).splitlines()[2:4] == [
        "             argument  args: System.String[] = 0x7f00 System.String[0]  (rbx)",
        "                local  count: Int32 = not kept here",
    ]
