"""The ``dotdump`` command: finds the module of the command named, gives it a parser, turns errors into sentences.

Only the module of the command that runs is imported. Exit codes: 0 done, 1 failed, 2 usage, 3 done with problems.
"""

from __future__ import annotations

import os
import signal
import sys

from dotdump.cli.registry import Exit
from dotdump.errors import DotdumpError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; prints, and never raises for anything a user can cause."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments in (["--version"], ["-V"]):
        from dotdump.cli.version import version_line

        print(version_line())  # noqa: T201
        return Exit.DONE
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _die_of(signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED


def _run(argv: list[str]) -> int:
    from dotdump.cli.arguments import parse
    from dotdump.cli.console import Console

    namespace, command = parse(argv)
    console = Console(getattr(namespace, "format", "text"))
    try:
        return command.run(namespace, console)
    except DotdumpError as error:
        if namespace.debug:
            raise
        console.error(error.message, error.hint)
        return Exit.FAILED
    except OSError as error:
        if namespace.debug or isinstance(error, BrokenPipeError):
            raise
        console.error(str(error))
        return Exit.FAILED


def _die_of(number: signal.Signals) -> int:
    """End as the signal would have ended us, so that a shell loop around us ends too."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number
