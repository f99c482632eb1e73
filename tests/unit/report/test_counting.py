"""Numbers of things in words."""

from __future__ import annotations

import pytest

from dotdump.report.counting import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 objects"), (1, "1 object"), (12345, "12,345 objects")])
def test_only_one_is_one(number: int, text: str) -> None:
    assert counted(number, "object") == text
