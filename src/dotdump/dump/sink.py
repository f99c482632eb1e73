"""``Sink``: where a core is streamed to, forward only. Files get holes, pipes get zeros.

A sink knows nothing of ELF. It never opens, names or renames a file: see ``output`` for that.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress

from dotdump.linux.writable import wait_until_writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object

_ZEROS = bytes(256 << 10)
_WRITE_BACK = 16 << 20
"""Bytes after which the disk is asked to begin: what it has written already, nobody waits for at the end."""


class Sink(Protocol):
    """Takes bytes and runs of zeros in order.

    ``lag`` is how many calls may be under way when one returns: what a call was given may change after so many more.
    """

    lag: int

    def write(self, data: bytes | memoryview) -> None:
        """Store ``data`` behind what came before. ``OSError`` where that fails."""

    def hole(self, size: int) -> None:
        """Store ``size`` zeros, if possible without storing them."""

    def finish(self) -> int:
        """Store what is still held back, and return how many bytes were stored in all, holes not counted."""

    def give_up(self) -> None:
        """End what works for the sink, in place of ``finish``: behind an error nothing more comes."""


class FileSink:
    """A sink over a regular file, from its current position on: zeros become holes.

    The disk writes while we do. Source: posix_fadvise(2): POSIX_FADV_DONTNEED begins to write back what is dirty.
    """

    lag = 0

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stored = self._holes = 0
        self._start = os.lseek(descriptor, 0, os.SEEK_CUR)
        self._advised = 0

    @property
    def position(self) -> int:
        """Bytes so far, holes counted."""
        return self._stored + self._holes

    def write(self, data: bytes | memoryview) -> None:
        self._stored += write_all(self._descriptor, data)
        if self.position - self._advised >= _WRITE_BACK:
            self._write_back()

    def hole(self, size: int) -> None:
        os.lseek(self._descriptor, size, os.SEEK_CUR)
        self._holes += size

    def finish(self) -> int:
        os.ftruncate(self._descriptor, os.lseek(self._descriptor, 0, os.SEEK_CUR))
        return self._stored

    def give_up(self) -> None:
        """Do nothing: nobody works for it."""

    def _write_back(self) -> None:
        """Have the disk begin with what was written last. It is advice: where it is not taken, nothing is lost."""
        start, size = self._start + self._advised, self.position - self._advised
        with suppress(OSError):
            os.posix_fadvise(self._descriptor, start, size, os.POSIX_FADV_DONTNEED)
        self._advised += size


class PipeSink:
    """A sink over anything that can only be written to."""

    lag = 0

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stored = 0

    @property
    def position(self) -> int:
        """Bytes so far."""
        return self._stored

    def write(self, data: bytes | memoryview) -> None:
        self._stored += write_all(self._descriptor, data)

    def hole(self, size: int) -> None:
        zeros = memoryview(_ZEROS)
        while size > 0:
            self.write(zeros[:size])
            size -= len(zeros)

    def finish(self) -> int:
        return self._stored

    def give_up(self) -> None:
        """Do nothing: nobody works for it."""


def sink_for(descriptor: int) -> FileSink | PipeSink:
    """Return the sink that suits an open descriptor: holes need a regular file with nothing beyond its position."""
    found = os.fstat(descriptor)
    appends = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
    if not stat.S_ISREG(found.st_mode) or appends or os.lseek(descriptor, 0, os.SEEK_CUR) < found.st_size:
        return PipeSink(descriptor)
    return FileSink(descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> int:
    """Write all of ``data``, however often the kernel takes only a part or nothing yet, and return its length."""
    view = memoryview(data).cast("B")
    done = 0
    while done < len(view):
        try:
            done += os.write(descriptor, view[done:])
        except BlockingIOError:  # whoever shares it has made it non-blocking
            wait_until_writable(descriptor)
    return done
