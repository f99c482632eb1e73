"""Shell completion, read off the parsers that the commands themselves use, so that it cannot go out of date."""

from __future__ import annotations

from argparse import OPTIONAL, SUPPRESS
from shlex import quote

from dotdump.cli.arguments import overview, parser_of
from dotdump.cli.registry import COMMANDS, load
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Action, ArgumentParser
    from collections.abc import Callable, Iterator


@record
class Argument:
    """An option, or a positional argument: no ``flags``. ``choices`` is empty where any value goes, such as a file.

    ``takes_value``: the next word is its value. Where an option may stand alone it is not: there options go on.
    """

    flags: tuple[str, ...]
    summary: str
    choices: tuple[str, ...]
    takes_value: bool


Grammar = dict[str, tuple[Argument, ...]]
"""The arguments of every command, by its name; those of ``dotdump`` itself under the empty name."""


def grammar() -> Grammar:
    """Return the arguments of every command there is."""
    commands = {name: tuple(_arguments(parser_of(name, load(name)))) for name in COMMANDS}
    return {"": tuple(argument for argument in _arguments(overview()) if argument.flags), **commands}


def _arguments(parser: ArgumentParser) -> Iterator[Argument]:
    for action in parser._actions:  # noqa: SLF001  argparse has no public list of what was added
        if action.help != SUPPRESS:
            takes_value = action.nargs not in ((0, OPTIONAL) if action.option_strings else (0,))
            yield Argument(tuple(action.option_strings), _summary(action), _values(action), takes_value)


def _values(action: Action) -> tuple[str, ...]:
    """Return the words that an argument takes: its choices, or what a placeholder such as ``Heap|Mini`` says."""
    if action.choices:
        return tuple(str(choice) for choice in action.choices)
    words = action.metavar.split("|") if isinstance(action.metavar, str) else []
    return tuple(words) if len(words) > 1 and all(map(str.isalpha, words)) else ()


def _summary(action: Action) -> str:
    return " ".join((action.help or "").split()) % vars(action) if action.help else ""


def bash(grammar: Grammar) -> str:
    """Return a bash script: words for commands, options and choices; file names wherever nothing else fits."""
    return _BASH.format(
        commands=" ".join(name for name in grammar if name),
        choices="\n".join(f"        {key}) words={quote(' '.join(values))} ;;" for key, values in _choices(grammar)),
        words="\n".join(
            f"            {quote(name)}) words={quote(' '.join(_words(arguments)))} ;;"
            for name, arguments in grammar.items()
            if name
        ),
        top=" ".join(_words(grammar[""])),
    )


def _words(arguments: tuple[Argument, ...]) -> list[str]:
    return [word for argument in arguments for word in argument.flags or argument.choices]


def _choices(grammar: Grammar) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, arguments in grammar.items():
        for argument in arguments:
            if argument.flags and argument.takes_value:
                yield "|".join(f"{name}:{flag}" for flag in argument.flags), argument.choices


_BASH = """\
_dotdump() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command='' word words
    [[ $current == = ]] && current='' || {{ [[ $previous == = ]] && previous=${{COMP_WORDS[COMP_CWORD - 2]}}; }}
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
        [[ $word == -* ]] || {{ command=$word; break; }}
    done
    case $command:$previous in
{choices}
        *) case $command in
            '') words='{commands} {top}' ;;
{words}
        esac ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _dotdump dotdump
"""


def zsh(grammar: Grammar) -> str:
    """Return a zsh script for ``fpath``, where its first run is the first completion, or for ``source``."""
    commands = "\n".join(f"        {quote(f'{name}:{COMMANDS[name]}')}" for name in grammar if name)
    cases = "\n".join(
        f"        {name})\n            {_zsh_arguments(arguments)} ;;" for name, arguments in grammar.items() if name
    )
    return _ZSH.format(commands=commands, cases=cases, top=_zsh_arguments(grammar[""]))


def _zsh_arguments(arguments: tuple[Argument, ...]) -> str:
    specs = [quote(spec) for argument in arguments for spec in _zsh_specs(argument)]
    return " \\\n                ".join(["_arguments -s -S", *specs])


def _zsh_specs(argument: Argument) -> Iterator[str]:
    summary = argument.summary.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    values = f"({' '.join(argument.choices)})" if argument.choices else "_files"
    if not argument.flags:
        yield f"*:{summary or 'value'}:{values}"
    for flag in argument.flags:
        yield f"{flag}[{summary}]" + (f":value:{values}" if argument.takes_value else "")


_ZSH = """\
#compdef dotdump
_dotdump() {{
    local -a commands
    commands=(
{commands}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        {top}
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
{cases}
    esac
}}
if [[ $funcstack[1] == _dotdump ]]; then
    _dotdump "$@"
else
    compdef _dotdump dotdump
fi
"""


def fish(grammar: Grammar) -> str:
    """Return a fish script."""
    lines = [
        f"complete -c dotdump -f -n __fish_use_subcommand -a {quote(name)} -d {quote(COMMANDS[name])}"
        for name in grammar
        if name
    ]
    for name, arguments in grammar.items():
        seen = f"-n {quote(f'__fish_seen_subcommand_from {name}')}" if name else "-n __fish_use_subcommand"
        lines += [f"complete -c dotdump {seen} {_fish_argument(argument)}" for argument in arguments]
    return "\n".join(lines) + "\n"


def _fish_argument(argument: Argument) -> str:
    words = [f"{'-l' if flag.startswith('--') else '-s'} {flag.lstrip('-')}" for flag in argument.flags]
    if argument.choices:
        words.append(f"{'-x ' if argument.flags else '-f '}-a {quote(' '.join(argument.choices))}")
    elif argument.takes_value:
        words.append("-r -F" if argument.flags else "-F")
    return " ".join([*words, f"-d {quote(argument.summary)}"])


SHELLS: dict[str, Callable[[Grammar], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
