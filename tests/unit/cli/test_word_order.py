"""Options before, between and behind the other arguments of a command."""

from __future__ import annotations

from argparse import ArgumentParser
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from dotdump.cli.arguments import parse
from dotdump.cli.word_order import options_first

if TYPE_CHECKING:
    from argparse import Namespace


def arguments_of(line: str) -> Namespace:
    """Return what a command line says."""
    return parse(line.split())[0]


LINES = [
    (["object", "CORE", "0x1000"], ["--alone", "--limit 5"]),
    (["object", "0x1000"], ["-p 4711", "--no-index", "--format=json"]),
    (["roots", "CORE", "Billing"], ["--limit 5", "--offset 2"]),
    (["roots", "Billing"], ["-p4711", "--limit 5"]),
    (["memory", "CORE", "0x1000", "16"], ["--as words", "--debug"]),
    (["diff", "OLD", "NEW"], ["--limit 5"]),
    (["convert", "IN", "OUT"], ["--compress", "--force"]),
    (["convert", "IN", "-"], ["--compress -3", "--type heap"]),
    (["createdump", "4711"], ["-vdf NAME", "--full"]),
]


@pytest.mark.parametrize(("words", "options"), LINES, ids=" ".join)
def test_options_may_stand_anywhere(words: list[str], options: list[str]) -> None:
    command, *others = words
    expected = arguments_of(" ".join([command, *options, "--", *others]))
    lines = [line for line in permutations([*others, *options]) if [w for w in line if w in others] == others]
    assert len(lines) > 2
    for line in lines:
        assert arguments_of(" ".join([command, *line])) == expected


def test_what_stands_behind_two_dashes_is_no_option() -> None:
    assert arguments_of("roots --limit 3 CORE -- --limit").words == ["CORE", "--limit"]
    assert arguments_of("convert --compress -- 3 OUT").input == "3"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("object CORE 0x1000 --limit", "argument --limit: expected one argument"),
        ("object CORE --limit --alone 0x1000", "argument --limit: expected one argument"),
        ("object CORE --bogus 0x1000", "unrecognized arguments: --bogus"),
        ("object CORE --alone 0x1000 0x2000", "unrecognized arguments: 0x2000"),
        ("object CORE 0x1000 -p 4711", "not allowed with argument -p/--process-id"),
        ("convert --compress 25 IN OUT", "argument --compress: '25' is no level of zstd"),
        ("collect 25 -p 4711", "unrecognized arguments: 25"),
        ("collect -p 4711 --compress much", "argument --compress: 'much' is no level of zstd"),
        ("heap CORE --live 25", "unrecognized arguments: 25"),
        ("object --alone", "the following arguments are required: ADDRESS"),
    ],
)
def test_mistakes_are_named_as_ever(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments_of(line)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_an_option_that_needs_no_value_takes_what_can_be_one() -> None:
    parser = ArgumentParser()
    parser.add_argument("--level", type=int, nargs="?")
    parser.add_argument("--name", nargs="?")
    parser.add_argument("words", nargs="*")
    assert options_first(parser, ["a", "--level", "b"]) == ["--level", "--", "a", "b"]
    assert options_first(parser, ["a", "--level", "-3", "b"]) == ["--level", "-3", "--", "a", "b"]
    assert options_first(parser, ["a", "--name", "b"]) == ["--name", "b", "--", "a"]
    assert options_first(parser, ["a", "--name", "--level"]) == ["--name", "--level", "--", "a"]
    assert options_first(parser, ["--level"]) == ["--level"]
