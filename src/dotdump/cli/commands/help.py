"""``dotdump help``: what a command does, also one that goes by another name here than in SOS."""

from __future__ import annotations

from dotdump.cli.registry import COMMANDS, Exit, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump help              the commands
  dotdump help stacks       what 'dotdump stacks --help' says
  dotdump help dumpheap     how to ask here what SOS calls dumpheap
  dotdump help --sos        the same for every command of SOS, as of dotnet-dump analyze"""


QUOTES = True
"""A command may be named with its own options, as it is typed in SOS."""


def configure(parser: ArgumentParser) -> None:
    """Add the word that help is wanted for."""
    from argparse import SUPPRESS

    which = parser.add_mutually_exclusive_group()
    which.add_argument("name", metavar="COMMAND", nargs="?", help="of dotdump or of SOS; without it all are listed")
    which.add_argument("--sos", action="store_true", help="list the commands of SOS, and what they are here")
    parser.add_argument("options", nargs="*", help=SUPPRESS)


def run(arguments: Namespace, console: Console) -> int:
    """Print it; 2 where there is no such command."""
    from dotdump.cli.arguments import overview, parser_of
    from dotdump.cli.sos_commands import counterpart, listing
    from dotdump.cli.unknown_command import tell_unknown

    name = arguments.name
    if arguments.sos:
        console.result(listing())
    elif name is None:
        console.result(overview().format_help())
    elif name in COMMANDS:
        console.result(parser_of(name, load(name)).format_help())
    elif (known := counterpart(name)) is not None:
        console.result(known)
    else:
        tell_unknown(name, console)
        return Exit.USAGE
    return Exit.DONE
