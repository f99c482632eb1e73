"""Progress on stderr, for what is not over at once.

A bar where stderr is a terminal and rich is installed, one line there without rich, and a line every few seconds where
it is a file or a pipe. Knows nothing of what is under way but its phase and its bytes.
"""

from __future__ import annotations

import time
from contextlib import contextmanager

from dotdump.cli.console import let_go
from dotdump.dump.progress import Meter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Protocol, Self

    from dotdump.cli.console import Console
    from dotdump.dump.progress import Reading
else:
    Protocol = object

QUIET_SECONDS = 0.5
"""What is over before needs no progress on a terminal."""

TERMINAL_SECONDS, FILE_SECONDS = 0.1, 5.0
"""Between two updates of a line on a terminal, and between two lines in a log."""


class Display(Protocol):
    """Something that shows readings."""

    seconds: float

    def show(self, reading: Reading) -> None:
        """Show the newest reading."""

    def close(self) -> None:
        """Leave the stream as a next writer wants it."""


class ProgressLine:
    """A ``dump.progress.Progress`` that people can see, until something else is printed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._meter = Meter()
        self._display: Display | None = None
        quiet = QUIET_SECONDS if console.stderr.isatty() else FILE_SECONDS
        self._next = time.monotonic() + quiet

    def __call__(self, phase: str, done: int, expected: int | None) -> None:
        now = time.monotonic()
        reading = self._meter.update(phase, done, expected, now)
        if now < self._next:
            return
        with self._unless_gone():
            display = self._display = self._display or _display_for(self._console)
            self._console.clear = self.clear
            display.show(reading)
            self._next = now + display.seconds

    def clear(self) -> None:
        """Take it off the terminal; it comes back when there is more to say."""
        with self._unless_gone():
            if self._display is not None:
                self._display.close()
        self._display = self._console.clear = None

    @contextmanager
    def _unless_gone(self) -> Iterator[None]:
        """Go on where the block cannot write: a terminal that was closed ends nothing that runs on without it."""
        try:
            yield
        except OSError:
            let_go(self._console.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()


class PlainLog:
    """A line of text now and then."""

    seconds = FILE_SECONDS

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, reading: Reading) -> None:
        self._console.note(f"dotdump: {describe(reading)}")

    def close(self) -> None:
        """Every line is complete already."""


class PlainLine:
    """One line of a terminal, written over and over."""

    seconds = TERMINAL_SECONDS

    def __init__(self, console: Console) -> None:
        self._stream = console.stderr

    def show(self, reading: Reading) -> None:
        self._stream.write(f"\r\x1b[K{describe(reading)}")
        self._stream.flush()

    def close(self) -> None:
        self._stream.write("\r\x1b[K")
        self._stream.flush()


class RichBar:
    """A bar drawn by rich."""

    seconds = TERMINAL_SECONDS

    def __init__(self, console: Console) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
        terminal = RichConsole(file=console.stderr)
        self._progress = Progress(*columns, console=terminal, transient=True, auto_refresh=False)
        self._task = self._progress.add_task("", total=None, figures="")
        self._progress.start()

    def show(self, reading: Reading) -> None:
        self._progress.update(
            self._task,
            description=str(reading.phase),
            completed=reading.done,
            total=reading.expected,
            figures=figures(reading),
            refresh=True,
        )

    def close(self) -> None:
        self._progress.stop()


def describe(reading: Reading) -> str:
    """Return a reading as one line: ``writing 1,203 of about 2,433 MB (49 %), 650 MB/s, 2 s left``."""
    return f"{reading.phase!s} {figures(reading)}".rstrip()


def figures(reading: Reading) -> str:
    """Return the numbers of a reading: nothing but the time where no byte is there yet."""
    if not reading.done:
        return f"({reading.elapsed:.0f} s)"
    size = f"{reading.done / 1e6:,.0f}"
    if reading.expected:
        size += f" of about {reading.expected / 1e6:,.0f} MB ({reading.fraction or 0:.0%})"
    else:
        size += " MB"
    rate = f", {reading.rate / 1e6:,.0f} MB/s" if reading.rate else ""
    left = f", {reading.seconds_left:,.0f} s left" if reading.seconds_left is not None else ""
    return size + rate + left


def _display_for(console: Console) -> Display:
    if not console.stderr.isatty():
        return PlainLog(console)
    try:
        return RichBar(console)
    except ImportError:
        return PlainLine(console)
