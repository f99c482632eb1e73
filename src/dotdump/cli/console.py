"""``Console``: where a command prints. The result goes to stdout, everything else to stderr.

Nothing here imports rich: ``progress`` does so only where stderr is a terminal and rich is installed.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class Console:
    """Two streams and a format. ``width`` is None where stdout is not a terminal: then nothing is shortened."""

    def __init__(self, format: str = "text", stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:  # noqa: A002
        self.format = format
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr

    @property
    def width(self) -> int | None:
        """Columns of the terminal, or None where stdout is none."""
        if not self.stdout.isatty():
            return None
        return os.get_terminal_size(self.stdout.fileno()).columns

    def result(self, text: str) -> None:
        """Print a result, or a part of one."""
        self.stdout.write(text if text.endswith("\n") else text + "\n")

    def note(self, text: str) -> None:
        """Say something that is not part of the result."""
        self.stderr.write(text + "\n")

    def warning(self, text: str) -> None:
        """Say what the user should know although the command goes on."""
        self.note(f"dotdump: warning: {text}")

    def error(self, text: str, hint: str | None = None) -> None:
        """Say why the command failed, and what to do about it."""
        self.note(f"dotdump: {text}")
        if hint:
            self.note(f"  hint: {hint}")
