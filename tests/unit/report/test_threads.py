from dotdump.analysis.stacks import ThrownException
from dotdump.analysis.threads import ManagedThread, ThreadList, ThreadRow
from dotdump.report.threads import render_threads

EXCEPTION = ThrownException("0x7f0000001000", "Shop.Failed\x1b[31m", "\x07 no\x1b]0;mine\x07 more\nlines", None)
MANAGED = ManagedThread("0x7f0000002000", 1, (), "preemptive", None, (), EXCEPTION)
THREADS = ThreadList(42, "shop", (ThreadRow(42, "main", 0, "0x10", "0x20", "", {}, MANAGED),))


def test_of_an_exception_no_control_characters_reach_the_terminal_and_its_line_fits() -> None:
    line = render_threads(THREADS).splitlines()[-1]
    assert line == r"thread 42: Shop.Failed\x1b[31m: \x07 no\x1b]0;mine\x07 more"
    short = render_threads(THREADS, width=30).splitlines()[-1]
    assert (short[:10], len(short), "…" in short) == ("thread 42:", 30, True)
