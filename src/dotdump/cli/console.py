"""``Console``: where a command prints. The result goes to stdout, everything else to stderr.

Nothing here imports rich: ``progress`` does so only where stderr is a terminal and rich is installed.
"""

from __future__ import annotations

import os
import sys

from dotdump.report.table import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO


STANDARD_OUTPUT = "standard output"


class Console:
    """Two streams and a format. ``width`` is None where stdout is not a terminal: then nothing is shortened.

    ``clear`` is called before anything is written: whoever shows progress takes it off the terminal. ``damaged`` is set
    where the core that is asked is: what is done then is done with problems.
    """

    def __init__(self, format: str = "text", stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:  # noqa: A002 - the option
        self.format = format
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.clear: Callable[[], None] | None = None
        self.damaged = False

    @property
    def width(self) -> int | None:
        """Columns of the terminal, or None where stdout is none, or one that has not been told how many it has."""
        if not self.stdout.isatty():
            return None
        return os.get_terminal_size(self.stdout.fileno()).columns or None

    def result(self, text: str) -> None:
        """Print a result, or a part of one; an ``OSError`` of that names standard output."""
        self._clear()
        try:
            self.stdout.write(text)
            if not text.endswith("\n"):
                self.stdout.write("\n")
        except OSError as error:
            error.filename = STANDARD_OUTPUT
            raise

    def aside(self, text: str) -> None:
        """Print what the command does not depend on: where it cannot be written, it and what follows are let go."""
        try:
            self.result(text)
            self.stdout.flush()
        except OSError:
            let_go(self.stdout)
        except ValueError:
            pass  # a character that the stream does not have

    def note(self, text: str) -> None:
        """Say something in a line that is not part of the result; where nobody can be told, the command goes on."""
        self._clear()
        try:
            self.stderr.write(printable(text) + "\n")
        except OSError:
            let_go(self.stderr)

    def _clear(self) -> None:
        if self.clear is not None:
            self.clear()

    def warning(self, text: str) -> None:
        """Say what the user should know although the command goes on."""
        self.note(f"dotdump: warning: {text}")

    def error(self, text: str, hint: str | None = None) -> None:
        """Say why the command failed, and what to do about it."""
        self.note(f"dotdump: {text}")
        if hint:
            self.note(f"  hint: {hint}")


def let_go(stream: TextIO) -> None:
    """Have what ``stream`` holds go nowhere, and what follows: else the interpreter would try again as it ends."""
    try:
        descriptor, nowhere = stream.fileno(), os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return  # no stream of the system's, or no descriptor to be had
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
