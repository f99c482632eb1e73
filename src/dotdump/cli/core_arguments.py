"""The arguments of every command that reads a core."""

from __future__ import annotations

from dotdump.cli.arguments import add_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console
    from dotdump.target.core import CoreTarget


def add_core(parser: ArgumentParser, *formats: str) -> None:
    """Add CORE, ``--sysroot`` and ``--format`` with more ``formats`` than text and json."""
    parser.add_argument("core", metavar="CORE", help="a core file: of createdump, the kernel, gcore or dotdump")
    parser.add_argument(
        "--sysroot",
        metavar="DIR",
        action="append",
        default=[],
        help="look for the target's files in DIR before their own place; may be repeated",
    )
    add_format(parser, *formats)


def open_named(arguments: Namespace, console: Console) -> CoreTarget:
    """Open the core that the command line names; what is wrong with it is said on stderr."""
    import warnings

    from dotdump.target.core import open_core

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        target = open_core(arguments.core, arguments.sysroot)
    for warning in caught:
        console.warning(str(warning.message))
    for problem in target.problems:
        console.warning(problem.message)
    return target
