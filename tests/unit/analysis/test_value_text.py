"""Arrays in one line, on objects that have nothing but a type and lengths."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.analysis.value_text import describe

if TYPE_CHECKING:
    from dotdump.clr.model.object import ClrObject


@pytest.mark.parametrize(
    ("name", "lengths", "text"),
    [
        ("System.Int32[]", (3,), "System.Int32[3]"),
        ("System.Int32[,]", (2, 3), "System.Int32[2, 3]"),
        ("System.Int32[][]", (3,), "System.Int32[3][]"),
        ("System.Int32[][,]", (2, 3), "System.Int32[2, 3][]"),
        ("System.Int32[,][]", (5,), "System.Int32[5][,]"),
        ("System.Int32[][,][]", (5,), "System.Int32[5][,][]"),
        ("System.Int32*[]", (3,), "System.Int32*[3]"),
        ("Box<System.Int32[]>[]", (4,), "Box<System.Int32[]>[4]"),
        ("System.Int64[*]", (5,), "System.Int64[*] of 5"),
    ],
)
def test_lengths_stand_in_the_outermost_brackets(name: str, lengths: tuple[int, ...], text: str) -> None:
    kind = SimpleNamespace(name=name, is_string=False, is_value_type=False, is_array=True)
    found = SimpleNamespace(type=kind, array=SimpleNamespace(lengths=lengths))
    assert describe(cast("ClrObject", found)) == text
