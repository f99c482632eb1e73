"""Rows of objects as they are printed."""

from __future__ import annotations

from dotdump.analysis.objects import ObjectRow
from dotdump.report.objects import csv_lines


def test_a_row_of_csv_can_be_encoded_whatever_its_strings_have() -> None:
    row = ObjectRow("0x10", "0x20", "System.String", 24, "gen0", "\ud800x", {"Name": "y\udc00"})
    header, line = csv_lines([row], ["Name"])
    assert header == "address,method_table,size,retained,generation,type,value,Name"
    assert line.encode() == rb"0x10,0x20,24,,gen0,System.String,\ud800x,y\udc00"
