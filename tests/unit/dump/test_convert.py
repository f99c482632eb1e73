"""What is left of a core where it becomes a small dump of a few ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dotdump.dump.convert import Trim, select
from dotdump.dump.segments import DumpPlan
from dotdump.dump.selection import choose
from dotdump.dump.selection.selected import Selection
from dotdump.ipc.dump import DumpType
from dotdump.memory.space import MemoryRange
from dotdump.target.model import Architecture, Platform

if TYPE_CHECKING:
    import pytest

    from dotdump.dump.selection.redaction import RedactedTarget
    from dotdump.target.core import CoreTarget


class Core:
    platform = Platform(Architecture.X86_64)

    class memory:  # noqa: N801 - an attribute of a core
        @staticmethod
        def ranges() -> list[MemoryRange]:
            return []


def test_ranges_do_not_bring_back_what_a_triage_dump_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = cast("RedactedTarget", object())
    found = Selection(DumpPlan(()), ("one",), shown, redacted=True)
    monkeypatch.setattr(choose, "choose", lambda *_args, **_keys: found)
    trim = Trim((MemoryRange(0x1000, 0x2000),), type=DumpType.TRIAGE)
    assert select(cast("CoreTarget", Core()), [], trim) == found
