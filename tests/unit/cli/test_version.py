import pytest

from dotdump import __version__, kernels
from dotdump.cli.main import main


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_one_line_and_says_what_the_kernels_are(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    state = "compiled" if kernels.compiled() else "pure"
    assert capsys.readouterr().out == f"dotdump {__version__} (kernels: {state})\n"
