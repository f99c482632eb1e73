"""``fit_streams``: the standard streams of a process of ours: open, for all characters, and for all of an answer.

Python's own lose what is not taken at once where they are unbuffered (PYTHONUNBUFFERED, as images of containers set
it), and fail where another program that shares the terminal or pipe has made it non-blocking, as Node.js does.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from _typeshed import ReadableBuffer


def fit_streams() -> None:
    """Put fit streams in the place of standard output and standard error."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_missing_streams()
    codecs.register_error("dotdump", _without_text)
    sys.stdout, sys.stderr = _fit(sys.stdout), _fit(sys.stderr)


class WholeWriter(io.FileIO):
    """A descriptor, not ours to close, that takes all of what it is given, or raises ``OSError``."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of ``data``, however often only a part is taken, or nothing for a while."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            taken = super().write(view[done:])
            if taken is None:
                from dotdump.linux.writable import wait_until_writable

                wait_until_writable(self.fileno())
            done += taken or 0
        return done


def _open_missing_streams() -> None:
    """Have descriptors 0 to 2 taken, or files of ours would get their numbers; what is written there is an error."""
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= 2:
        pass
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 -- the process's own
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115 -- as above


def _fit(stream: TextIO) -> TextIO:
    """Return ``stream`` over a ``WholeWriter``, as buffered as it is.

    It takes what is no error to print: names that are no text, and what its encoding has no bytes for.
    """
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    whole = WholeWriter(stream.fileno())
    return io.TextIOWrapper(
        whole if isinstance(stream.buffer, io.RawIOBase) else io.BufferedWriter(whole),
        encoding=stream.encoding,
        errors="dotdump" if stream.errors in ("strict", "surrogateescape") else stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _without_text(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return for a character that cannot be encoded the byte of a name that it stands for, else an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character, following = error.object[error.start], error.start + 1
    if 0xDC80 <= ord(character) <= 0xDCFF:
        return bytes([ord(character) & 0xFF]), following
    return character.encode("ascii", "backslashreplace").decode(), following
