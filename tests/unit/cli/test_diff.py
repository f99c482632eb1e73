"""What two cores are compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.cli.main import main
from dotdump.cli.registry import Exit

if TYPE_CHECKING:
    import pytest


def test_there_is_no_time_to_wait_between_two_cores(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "before", "after", "--seconds", "5"]) == Exit.USAGE
    assert "--seconds and two cores do not go together" in capsys.readouterr().err
