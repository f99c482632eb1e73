"""Command lines that need no argparse: a command, its words and ``--format``, for commands that say their defaults.

argparse stays the one truth for everything else, help and mistakes included; it and what it imports cost as much as
the interpreter itself, so what has to be quick goes without.
"""

from __future__ import annotations

from dotdump.cli.registry import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dotdump.cli.registry import Command

_PLAIN = frozenset({"ps", "roots"})
"""Commands with ``DEFAULTS``; known here, as importing a command to ask it may cost more than it saves.

``WORDS`` of such a command, where it has it, names the argument that takes all words, of which there must be some.
"""


class PlainArguments:
    """What argparse would have returned: an attribute for every option."""

    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)


def parse_plain(argv: list[str]) -> tuple[Any, Command] | None:
    """Return the arguments and the module of the command, or None where the line is not plain."""
    name, *words = argv or [""]
    if name not in _PLAIN:
        return None
    given: dict[str, object] = {}
    if words[-2:-1] == ["--format"] and words[-1] in ("text", "json"):
        given["format"] = words[-1]
        del words[-2:]
    command: Any = load(name)
    place = getattr(command, "WORDS", None)
    if any(word.startswith("-") for word in words) or bool(words) != bool(place):
        return None
    if place is not None:
        given[place] = words
    return PlainArguments(**{"debug": False, "format": "text", **command.DEFAULTS, **given}), command
