"""The README names every command, and no other."""

import re
from pathlib import Path

from dotdump.cli.registry import COMMANDS

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_every_command_of_the_readme_is_there_and_every_command_is_in_the_readme() -> None:
    blocks = re.findall(r"^```\w+\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    shown = set(re.findall(r"\bdotdump ([a-z]\w*)", "".join(blocks)))
    assert shown == set(COMMANDS) - {"demo"}
    assert "make demo" in README
