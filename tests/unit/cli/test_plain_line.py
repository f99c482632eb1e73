"""Command lines without argparse say what argparse would have said."""

import pytest

from dotdump.cli.arguments import parse
from dotdump.cli.plain_line import parse_plain


@pytest.mark.parametrize("options", [[], ["--format", "json"], ["--format", "text"]])
@pytest.mark.parametrize("line", [["ps"], ["roots", "core"], ["roots", "core", "0x1000", "0x2000"]])
def test_a_plain_line_means_what_argparse_makes_of_it(line: list[str], options: list[str]) -> None:
    plain = parse_plain([*line, *options])
    assert plain is not None
    arguments, command = parse([*line, *options])
    assert (vars(plain[0]), plain[1]) == (vars(arguments), command)


@pytest.mark.parametrize(
    "line",
    [
        *("", "--help", "nonsense", "doctor"),
        *("ps --help", "ps --format xml", "ps -n x", "ps x"),
        *("roots", "roots --format json", "roots core -p", "roots -- core A", "roots core A --limit 2"),
    ],
)
def test_every_other_line_is_left_to_argparse(line: str) -> None:
    assert parse_plain(line.split()) is None
