"""Exceptions as text that lead to each other."""

from __future__ import annotations

from dotdump.analysis.exceptions import ExceptionList, ExceptionRow
from dotdump.records import replace
from dotdump.report.exceptions import render_exceptions


def row(address: str, *inners: str) -> ExceptionRow:
    """Return an exception that has never been thrown."""
    inner = inners[0] if inners else None
    kind = "System.AggregateException"
    return ExceptionRow(address, kind, "0x5000", None, 0, "gen0", inner, kind, inners, (), (), ())


def test_what_led_to_an_exception_in_several_ways_is_told_once_and_named_each_time() -> None:
    rows = row("0x1", "0x2", "0x3"), row("0x2", "0x4"), row("0x3", "0x4"), row("0x4", "0x5"), row("0x5")
    block = render_exceptions(ExceptionList("CoreCLR", 5, rows, ()), None).split("\n\n")[0]
    told = [line.split()[2] for line in block.splitlines() if "caused by" in line]
    assert told == ["0x2", "0x4", "0x5", "0x3", "0x4"]


def test_exceptions_that_lead_to_each_other_end() -> None:
    rows = row("0x1", *["0x2"] * 2), row("0x2", *["0x1"] * 2)
    block = render_exceptions(ExceptionList("CoreCLR", 2, rows, ()), None).split("\n\n")[0]
    assert block.count("caused by") == 4


def test_of_what_cannot_be_read_it_is_not_said_that_it_was_not_thrown() -> None:
    assert "HRESULT 0x00000000, gen0, not thrown" in render_exceptions(ExceptionList("", 1, (row("0x1"),), ()), None)
    damaged = replace(row("0x1"), hresult=None, problem="stack trace: cannot read 8 bytes")
    lines = render_exceptions(ExceptionList("", 1, (damaged,), ()), None).splitlines()
    assert lines[1:3] == ["    gen0", "    (stack trace: cannot read 8 bytes)"]
