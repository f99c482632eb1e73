import pytest

from dotdump.cli.main import main
from dotdump.cli.registry import Exit


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sort", "count"], "--sort count is for --by-type"),
        (["--by-type", "--sort", "address"], "--sort address and --by-type do not go together"),
    ],
)
def test_an_order_that_rows_have_not_is_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["handles", "/nowhere/core", *options]) == Exit.USAGE
    assert said in capsys.readouterr().err
