"""Command lines in any order: options may stand before, between and behind the other arguments.

argparse fills the arguments that are no options as soon as it meets some of them, and what an option parts from them
comes too late. Its ``parse_intermixed_args`` is not for parsers with CORE or ``-p PID``.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Action, ArgumentParser
    from collections.abc import Iterable, Sequence

_OPTION = re.compile(r"-[^\d.]")
"""The start of an option: a dash alone is a standard stream, and before digits it is a sign."""


def options_first(parser: ArgumentParser, words: Iterable[str]) -> list[str]:
    """Return a command line that says the same with its options first, then ``--`` and what is none, as it came.

    For a parser of options alone ``--`` is left out: it would be part of what is not recognized.
    """
    actions = {flag: action for action in parser._actions for flag in action.option_strings}  # noqa: SLF001 - it has no public list
    options: list[str] = []
    others: list[str] = []
    waiting = list(reversed([*words]))
    while waiting:
        word = waiting.pop()
        if word == "--":
            others += reversed(waiting)
            break
        if not _OPTION.match(word):
            others.append(word)
            continue
        options.append(word)
        if (action := _last_action(actions, word)) is not None and _takes_next(action, waiting):
            options.append(waiting.pop())
    takes_others = any(not action.option_strings for action in parser._actions)  # noqa: SLF001 - as above
    return [*options, "--", *others] if others and takes_others else [*options, *others]


def _last_action(actions: dict[str, Action], word: str) -> Action | None:
    """Return the option that a word names, the last of letters behind one dash; None where its value is in it."""
    if word in actions or word.startswith("--"):
        return actions.get(word)
    last = len(word) - 1
    for place, letter in enumerate(word[1:], 1):
        action = actions.get(f"-{letter}")
        if place == last or action is None or action.nargs != 0:
            return action if place == last else None
    return None


def _takes_next(action: Action, waiting: Sequence[str]) -> bool:
    """Return whether the next word is the value of an option: of one that needs none, where it can be its value.

    A number is meant to be one, if of no use: what is wrong with it is for the option to say.
    """
    if not waiting or action.nargs == 0 or _OPTION.match(waiting[-1]):
        return False
    if action.nargs != "?" or not callable(action.type) or waiting[-1].lstrip("-").isdecimal():
        return True
    from argparse import ArgumentTypeError

    try:
        action.type(waiting[-1])
    except (ArgumentTypeError, TypeError, ValueError):
        return False
    return True
