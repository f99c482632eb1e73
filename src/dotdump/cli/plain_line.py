"""Command lines that need no argparse: a command alone, or with ``--format``, for commands that say their defaults.

argparse stays the one truth for everything else, help and mistakes included; it and what it imports cost as much as
the interpreter itself, so ``dotdump ps`` goes without.
"""

from __future__ import annotations

from dotdump.cli.registry import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dotdump.cli.registry import Command

_PLAIN = frozenset({"ps"})
"""Commands with ``DEFAULTS``; known here, as importing a command to ask it may cost more than it saves."""


class PlainArguments:
    """What argparse would have returned: an attribute for every option."""

    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)


def parse_plain(argv: list[str]) -> tuple[Any, Command] | None:
    """Return the arguments and the module of the command, or None where the line is not plain."""
    match argv:
        case [name]:
            given = {}
        case [name, "--format", "text" | "json" as wanted]:
            given = {"format": wanted}
        case _:
            return None
    if name not in _PLAIN:
        return None
    command: Any = load(name)
    return PlainArguments(**{"debug": False, "format": "text", **command.DEFAULTS, **given}), command
