"""The ``dotdump`` command: finds the module of the command named, gives it a parser, turns errors into sentences.

Only the module of the command that runs is imported, and nothing at all for ``--version``.
Exit codes: 0 done, 1 failed, 2 usage, 3 done with problems.
Ctrl-C, SIGTERM, SIGHUP and SIGQUIT end it when it has cleaned up.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from typing import NoReturn

    from dotdump.cli.console import Console
    from dotdump.cli.registry import Command

_MANY = 1_000_000
"""New objects after which the garbage collector looks at them: a command makes them by the hundred thousand and few
cycles. By default it took a third of the time of large answers, and a process that was stopped waited for it.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; prints, and never raises for anything a user can cause."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        return _written_out(run_command(arguments))
    except SystemExit as ended:  # argparse has printed help, or what is wrong
        _forget_untold()
        raise SystemExit(_written_out(int(ended.code or 0))) from None
    except KeyboardInterrupt as stop:
        number = getattr(stop, "number", None)  # with it go its frames, and what is still open there is closed
    except BrokenPipeError:
        return _reader_gone()
    return _die_of(number)


def run_process() -> NoReturn:
    """Run the command line of this process, and end it."""
    from dotdump.cli.streams import fit_streams

    gc.set_threshold(_MANY)
    fit_streams()
    status = main()
    gc.freeze()  # else the interpreter looks for cycles in all that a large answer has left, before it ends
    sys.exit(status)


def run_command(argv: list[str]) -> int:
    """Run one command line and return its exit code; its errors are printed, signals and broken pipes are not ours."""
    if argv in (["--version"], ["-V"]):
        from dotdump.cli.version import version_line

        try:
            sys.stdout.write(version_line() + "\n")
        except OSError as error:
            return _not_taken(error)
        return 0
    try:
        return _run_line(argv)
    except ModuleNotFoundError as error:  # of a module that the command's own imports
        from dotdump.cli.console import Console

        if "--debug" in argv or not _explain(error, Console()):
            raise
    return 1


def _run_line(argv: list[str]) -> int:
    from dotdump.cli.plain_line import parse_plain

    if plain := parse_plain(argv):
        return _run(*plain)
    from dotdump.cli.arguments import parse
    from dotdump.cli.ending import endings_raised

    with endings_raised():
        return _run(*parse(argv))


def _run(namespace: Namespace, command: Command) -> int:
    from dotdump.cli.console import Console
    from dotdump.cli.registry import Exit

    console = Console(getattr(namespace, "format", "text"))
    try:
        status = command.run(namespace, console)
    except Exception as error:
        if namespace.debug or not _explain(error, console):
            raise
        return Exit.FAILED
    return Exit.PROBLEMS if status == Exit.DONE and console.damaged else status


def _explain(error: Exception, console: Console) -> bool:
    """Say in one line why the command failed, where a user or the system can have caused it."""
    from dotdump.cli.console import STANDARD_OUTPUT
    from dotdump.errors import DotdumpError
    from dotdump.linux.errors import FILES_HINT, is_out_of_files

    if isinstance(error, DotdumpError):
        console.error(error.message, error.hint)
    elif isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        if error.filename == STANDARD_OUTPUT:
            console.error(f"cannot write to {STANDARD_OUTPUT}: {error.strerror}")
            return True
        name = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        console.error(f"{error.strerror or error}{name}", FILES_HINT if is_out_of_files(error) else None)
    elif isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("dotdump"):
        console.error(f"this Python has no module {error.name}", _hint_on_module(error.name))
    elif isinstance(error, MemoryError):
        console.error("there is not enough memory for that", "raise our limits: ulimit -v unlimited -d unlimited")
    else:
        return False
    return True


def _hint_on_module(name: str) -> str:
    if name.partition(".")[0] in sys.stdlib_module_names:
        return "that is a part of Python itself: run dotdump with a Python that was built or installed with it"
    return "'pip install dotdump' brings what Python itself has not"


def _written_out(status: int) -> int:
    """Write out what was printed and return ``status``; 1 where a full disk or a closed stream does not take it."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return _not_taken(error)
    return status


def _forget_untold() -> None:
    """Let go of what standard error does not take: else the interpreter would try again, and end with 120."""
    from dotdump.cli.console import let_go

    try:
        sys.stderr.flush()
    except OSError:
        let_go(sys.stderr)


def _not_taken(error: OSError) -> int:
    """Say why standard output does not take what is printed, unless its reader knows."""
    if not isinstance(error, BrokenPipeError):
        from dotdump.cli.console import Console

        Console().error(f"cannot write to standard output: {error.strerror}")
    return _reader_gone()


def _reader_gone() -> int:
    """Whoever read our output has closed it, as ``head`` does: not worth a traceback, and no success either."""
    from dotdump.cli.console import let_go

    let_go(sys.stdout)
    return 1


def _die_of(number: int | None) -> int:
    """End as signal ``number``, None for Ctrl-C, ends a program that does not catch it: a loop around us ends too."""
    import signal

    gc.collect()  # a snapshot whose block was not yet entered is closed as it is let go
    number = number or signal.SIGINT
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number
