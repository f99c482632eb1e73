"""The arguments of every command that reads a core."""

from __future__ import annotations

from contextlib import contextmanager

from dotdump.cli.answer import warn_of
from dotdump.cli.arguments import add_format
from dotdump.formats.dotdump_notes import REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from dotdump.cli.console import Console
    from dotdump.target.core import CoreTarget


CORE_FILE = "a core file: of createdump, the kernel, gcore or dotdump"
PROCESS = "a process that runs, read as a copy-on-write twin"
_LISTING = "dotdump info --format json"
_BLANK = "a Triage dump: texts are blank, and so is what of the heap no stack needs; a zero or null there says nothing"


def add_core(parser: ArgumentParser, *formats: str) -> None:
    """Add CORE, ``--sysroot`` and ``--format`` with more ``formats`` than text and json."""
    parser.add_argument("core", metavar="CORE", help=CORE_FILE)
    add_sysroot(parser)
    add_format(parser, *formats)


def add_sysroot(parser: ArgumentParser) -> None:
    """Add ``--sysroot``."""
    parser.add_argument(
        "--sysroot",
        metavar="DIR",
        action="append",
        default=[],
        help="look for the target's files in DIR before their own place; may be repeated",
    )


def add_symbols(parser: ArgumentParser) -> None:
    """Add ``--symbols``."""
    parser.add_argument(
        "--symbols",
        metavar="DIR",
        action="append",
        default=[],
        help="look for separate files of symbols in DIR first; may be repeated",
    )


@contextmanager
def open_named(arguments: Namespace, console: Console) -> Iterator[CoreTarget]:
    """Open the core that the command line names; what is wrong with it, or shows as it is read, is said on stderr."""
    from dotdump.target.core import open_core

    tell_warnings(console)
    with open_core(arguments.core, arguments.sysroot, getattr(arguments, "symbols", ())) as target:
        warn_of(target.problems, console, _LISTING)
        told = len(target.problems)
        if target.origin is not None and REDACTED in target.origin.flags:
            console.note(f"dotdump: {_BLANK}")
        try:
            yield target
        finally:
            warn_of(target.problems[told:], console, _LISTING)
            console.damaged |= bool(target.problems)


def tell_warnings(console: Console) -> None:
    """Have Python's warnings said as this command says its own, from now on, and those about a core each time."""
    import warnings

    from dotdump.target.compressed import UnpackedWarning

    def tell(message: Warning | str, *_place: object, **_file: object) -> None:
        console.warning(str(message))

    warnings.simplefilter("always", UnpackedWarning)
    warnings.showwarning = tell
