"""What ``stacks`` refuses before it opens anything."""

import pytest

from dotdump.cli.main import main
from dotdump.cli.registry import Exit


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--parallel --frames 3 --native", "--parallel and --frames, --native do not go together"),
        ("--parallel --args --locals --objects", "--parallel and --args, --locals, --objects do not go together"),
        ("--parallel --use-dac", "--parallel and --use-dac do not go together"),
        ("--use-dac --objects", "--use-dac and --objects do not go together"),
        ("--all", "--all is only for --parallel"),
    ],
)
def test_options_that_would_be_passed_over_are_refused(
    options: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stacks", "/nowhere/core", *options.split()]) == Exit.USAGE
    assert said in capsys.readouterr().err
