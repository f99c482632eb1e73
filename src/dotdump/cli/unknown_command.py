"""What is said of a word that is no command: a name of SOS, a slip, or neither."""

from __future__ import annotations

from difflib import get_close_matches

from dotdump.cli.arguments import USAGE
from dotdump.cli.registry import COMMANDS
from dotdump.cli.sos_commands import counterpart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.cli.console import Console

_LIST = "'dotdump --help' lists the commands"


def tell_unknown(name: str, console: Console) -> None:
    """Say that ``name`` is no command, and what may be meant."""
    known = counterpart(name)
    console.note(f"usage: {USAGE}")
    close = get_close_matches(name, COMMANDS, n=2)
    console.error(
        f"there is no command {name!r}", f"did you mean {' or '.join(close)}? {_LIST}" if close and not known else _LIST
    )
    for line in known.splitlines() if known is not None else ():
        console.note(line)
