import pytest

from dotdump.cli.main import main
from dotdump.cli.registry import Exit


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("handles --sort count", "--sort count is for --by-type"),
        ("handles --by-type --sort address", "--sort address and --by-type do not go together"),
        ("finalizers --objects --sort count", "--sort count and --objects do not go together"),
    ],
)
def test_an_order_that_rows_have_not_is_refused(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*line.split(), "/nowhere/core"]) == Exit.USAGE
    assert said in capsys.readouterr().err
