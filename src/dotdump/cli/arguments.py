"""Command lines: argparse, with one parser built for the one command that runs."""

from __future__ import annotations

import os
import sys

from dotdump.cli.registry import COMMANDS, Command, Exit, load
from dotdump.cli.word_order import options_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, HelpFormatter, Namespace
    from typing import NoReturn

    from dotdump.ipc.dump import DumpType

USAGE = "dotdump COMMAND [OPTIONS]"
SUMMARY = "Collect and analyse .NET dumps on Linux."


def parse(argv: list[str]) -> tuple[Namespace, Command]:
    """Return the arguments and the module of the command that ``argv`` names; exits with 2 where it names none.

    So it does for what the command does not take, unless that has a ``USAGE`` of its own. One that ``QUOTES`` takes any
    words behind its first argument.
    """
    name = next((word for word in argv if not word.startswith("-")), None)
    if name is None or name not in COMMANDS:
        if name is not None and argv[0] == name:
            _refuse(name)
        parser = overview()
        if parser.parse_args(argv or ["--help"]).version:
            _print_version()
        parser.error("there is no COMMAND")
    command = load(name)
    parser = parser_of(name, command)
    position = argv.index(name)
    before, after = argv[:position], argv[position + 1 :]
    if getattr(command, "QUOTES", False) and after and not after[0].startswith("-"):
        after.insert(0, "--")
    try:
        return parser.parse_args(options_first(parser, before + after)), command
    except SystemExit as ended:
        sys.exit(getattr(command, "USAGE", Exit.USAGE) if ended.code else ended.code)


def _refuse(name: str) -> NoReturn:
    from dotdump.cli.console import Console
    from dotdump.cli.unknown_command import tell_unknown

    tell_unknown(name, Console())
    sys.exit(Exit.USAGE)


def _print_version() -> NoReturn:
    from dotdump.cli.version import version_line

    sys.stdout.write(version_line() + "\n")
    sys.exit(Exit.DONE)


def parser_of(name: str, command: Command) -> ArgumentParser:
    """Return the parser of one command, with the options that every command has."""
    from argparse import ArgumentParser

    parser = ArgumentParser(
        prog=f"dotdump {name}",
        description=COMMANDS[name],
        epilog=f"examples:\n{command.EXAMPLES}" if command.EXAMPLES else None,
        formatter_class=_formatter,
        conflict_handler=getattr(command, "CONFLICT_HANDLER", "error"),
        allow_abbrev=False,
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command.configure(parser)
    return parser


def add_format(parser: ArgumentParser, *choices: str) -> None:
    """Add ``--format``: text and json, and what else a command can print."""
    parser.add_argument("--format", choices=["text", "json", *choices], default="text", help="default: %(default)s")


def dump_type(text: str) -> DumpType:
    """Return the type of dump that an argument names."""
    from argparse import ArgumentTypeError

    from dotdump.ipc.dump import DumpType

    try:
        return DumpType[text.upper()]
    except KeyError:
        raise ArgumentTypeError(f"{text!r} is none of Full, Heap, Mini, Triage") from None


def add_drops(parser: ArgumentParser) -> None:
    """Add what leaves out of a core what can be had elsewhere, or says nothing: see ``drops_free``."""
    from argparse import SUPPRESS

    parser.add_argument("--drop-file-backed", action="store_true", help="leave out unchanged pages of mapped files")
    parser.add_argument("--skip-file-backed", action="store_true", dest="drop_file_backed", help=SUPPRESS)
    parser.add_argument("--drop-free", action="store_true", help="with --type heap: zero what free objects hold")


def add_compression(parser: ArgumentParser) -> None:
    """Add ``--compress``, whose level may be left out."""
    from dotdump.cli.quantities import zstd_level
    from dotdump.dump.compression import DEFAULT_LEVEL

    parser.add_argument(
        "--compress",
        type=zstd_level,
        nargs="?",
        const=DEFAULT_LEVEL,
        metavar="LEVEL",
        help="compress with zstd, as a name that ends in .zst does; default level: %(const)s",
    )


def drops_free(arguments: Namespace) -> bool:
    """Return whether ``--drop-free`` is given; raises ``CollectError`` where the dump is none of a heap."""
    from dotdump.errors import CollectError
    from dotdump.ipc.dump import DumpType

    if arguments.drop_free and arguments.type is not DumpType.HEAP:
        raise CollectError("--drop-free is for Heap dumps", hint="add --type heap")
    return bool(arguments.drop_free)


def _formatter(prog: str) -> HelpFormatter:
    """Return a formatter as wide as the terminal; left to find that out, it imports shutil and all compressions."""
    from argparse import RawDescriptionHelpFormatter

    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() else os.get_terminal_size(1).columns if os.isatty(1) else 100
    return RawDescriptionHelpFormatter(prog, width=max(width, 40) - 2)


def overview() -> ArgumentParser:
    """Return the parser of ``dotdump`` without a command: help, version, and the list of commands."""
    from argparse import ArgumentParser

    width = max((len(name) for name in COMMANDS), default=0) + 2
    listing = "\n".join(f"  {name:<{width}}{summary}" for name, summary in COMMANDS.items())
    parser = ArgumentParser(
        prog="dotdump",
        usage=USAGE,
        description=SUMMARY,
        epilog=f"commands:\n{listing}\n\n'dotdump COMMAND --help' shows the options of a command, with examples.",
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "-V", "--version", action="store_true", help="show the version and whether kernels are compiled"
    )
    parser.add_argument("command", choices=list(COMMANDS), metavar="COMMAND", nargs="?")
    return parser
