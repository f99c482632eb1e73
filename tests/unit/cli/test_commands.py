"""What every command has: a summary, examples that are valid command lines, a format where it answers something."""

import re
import shlex
from argparse import ArgumentTypeError

import pytest

from dotdump.cli.arguments import overview, parse, parser_of
from dotdump.cli.main import main
from dotdump.cli.registry import COMMANDS, load

PRINTS_NO_ANSWER = {"completion", "crashreport", "createdump", "demo", "help"}
"""They print a script, what createdump writes, what it prints, a narration, and what there is."""


def _examples(name: str) -> list[list[str]]:
    """Command lines among the examples: up to two blanks, a pipe, a redirection or a comment."""
    lines = [re.split(r"\s{2,}|\s[|>#]|\)", line.strip())[0] for line in load(name).EXAMPLES.splitlines()]
    calls = [line[line.index("dotdump ") :] for line in lines if "dotdump " in line]
    return [shlex.split(call)[1:] for call in calls]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_summary_of_one_line(name: str) -> None:
    assert COMMANDS[name]
    assert len(COMMANDS[name]) < 80
    assert not COMMANDS[name].endswith(".")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_command_are_command_lines_that_it_takes(name: str) -> None:
    examples = _examples(name)
    assert examples
    for words in examples:
        _, command = parse(words)
        assert command is load(words[0])
    assert any(words[0] == name for words in examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_shows_its_options_and_examples(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert load(name).EXAMPLES in shown
    assert "--debug" in shown


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in PRINTS_NO_ANSWER])
def test_a_command_that_answers_something_answers_as_text_and_as_json(name: str) -> None:
    formats = [a for a in parser_of(name, load(name))._actions if "--format" in a.option_strings]
    assert formats
    assert {"text", "json"} <= set(formats[0].choices or ())


def test_what_is_only_json_is_not_promised_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse(["crashreport", "core.4711"])[0].format == "json"
    with pytest.raises(SystemExit) as ended:
        main(["crashreport", "core.4711", "--format", "text"])
    assert ended.value.code == 2
    assert "invalid choice: 'text'" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_of_a_command_is_explained(name: str) -> None:
    unexplained = [a.option_strings or a.dest for a in parser_of(name, load(name))._actions if not a.help]
    assert not unexplained


def test_the_overview_names_every_command_with_its_summary() -> None:
    shown = overview().format_help()
    for name, summary in COMMANDS.items():
        assert re.search(rf"^  {re.escape(name)} +{re.escape(summary)}$", shown, re.MULTILINE)


@pytest.mark.parametrize("text", ["inf", "nan", "1e300", "-1"])
@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if "--timeout" in parser_of(name, load(name)).format_help()]
)
def test_a_time_that_nobody_can_wait_for_is_refused(name: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--timeout", text])
    assert ended.value.code == 2
    assert f"{text!r} is not a number of seconds" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in COMMANDS if "--offset" in parser_of(name, load(name)).format_help()])
def test_the_first_page_of_a_listing_is_at_offset_0(name: str) -> None:
    (offset,) = [a for a in parser_of(name, load(name))._actions if "--offset" in a.option_strings]
    assert callable(offset.type)
    assert (offset.type("0"), offset.type("20")) == (0, 20)
    with pytest.raises(ArgumentTypeError):
        offset.type("-1")


def test_leaving_out_what_files_hold_is_called_the_same_by_all_who_do_it() -> None:
    for line in (["collect", "-p", "1"], ["convert", "core.1", "core.2"]):
        for option in ("--drop-file-backed", "--skip-file-backed"):
            assert parse([*line, option])[0].drop_file_backed
        assert "--skip-file-backed" not in parser_of(line[0], load(line[0])).format_help()
