"""Command lines without argparse say what argparse would have said."""

import pytest

from dotdump.cli.arguments import parse
from dotdump.cli.plain_line import parse_plain


@pytest.mark.parametrize("options", [[], ["--format", "json"], ["--format", "text"]])
def test_a_plain_line_means_what_argparse_makes_of_it(options: list[str]) -> None:
    plain = parse_plain(["ps", *options])
    assert plain is not None
    arguments, command = parse(["ps", *options])
    assert (vars(plain[0]), plain[1]) == (vars(arguments), command)


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["nonsense"], ["ps", "--help"], ["ps", "--format", "xml"], ["ps", "-n", "x"], ["doctor"]]
)
def test_every_other_line_is_left_to_argparse(words: list[str]) -> None:
    assert parse_plain(words) is None
