"""Ways from roots as text."""

from __future__ import annotations

import pytest

from dotdump.analysis.links import Link
from dotdump.analysis.root_paths import RootPath
from dotdump.analysis.rooted_heap import RootName
from dotdump.report.root_paths import path_lines, root_text


def _way(length: int) -> list[str]:
    steps = tuple(Link(f"{0x1000 + 16 * number:#x}", "Node", "_next") for number in range(length))
    return list(path_lines(RootPath((RootName("Static", "Program.List", "0x10"),), steps)))


def test_a_long_way_is_told_by_its_ends() -> None:
    lines = _way(10_000)
    assert len(lines) == 32
    assert lines[21] == "    ... 9,970 more objects ..."
    assert lines[1].endswith("0x1000  Node._next")
    assert lines[-1].endswith(f"{0x1000 + 16 * 9_999:#x}  Node._next")


def test_no_way_is_longer_for_what_is_left_out() -> None:
    assert len(_way(31)) == 32
    assert not any("more objects" in line for line in _way(31))
    assert len(_way(32)) == 32


@pytest.mark.parametrize(
    ("root", "text"),
    [
        (RootName("Static", "Program.List", "0x10"), "static Program.List"),
        (RootName("StrongHandle", "", "0x10"), "strong handle 0x10"),
        (RootName("FinalizerQueue", "critical finalizer", "0x10"), "finalizer queue critical finalizer"),
        (RootName("Frozen", "frozen segment", "0x0"), "frozen segment"),
        (RootName("ThreadStatic", "thread statics of thread 7", "0x10"), "thread statics of thread 7"),
        (RootName("Static", "statics.of.All", "0x10"), "static statics.of.All"),
    ],
)
def test_a_root_is_told_by_its_kind_and_its_name_or_place(root: RootName, text: str) -> None:
    assert root_text(root) == text
