"""Progress on a terminal."""

import os
import pty

import pytest

from dotdump.cli import progress
from dotdump.cli.console import Console
from dotdump.cli.progress import PlainLine, ProgressLine


def test_a_terminal_that_goes_away_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(PlainLine, "seconds", 0.0)
    monkeypatch.setattr(progress, "_display_for", PlainLine)
    leader, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stderr, ProgressLine(Console(stderr=stderr)) as shown:
        shown("writing", 1, 10)
        assert os.read(leader, 100)
        os.close(leader)
        for done in (2, 3):
            shown("writing", done, 10)
