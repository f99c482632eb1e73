"""``OpenFile``: a file as bytes by position, read with pread(2).

For files that someone else may shorten or replace while we read, as those below /proc/PID/root: a mapping of such a
file could end us with SIGBUS, a read only comes back short.
"""

from __future__ import annotations

import os
import stat

from dotdump.closing import Closing
from dotdump.errors import FormatError
from dotdump.memory.space import ExactReads, MemoryRange


class OpenFile(ExactReads, Closing):
    """An ``AddressSpace`` over a regular file. ``key`` changes whenever the file, or what is in it, does."""

    __slots__ = ("_descriptor", "key", "name", "size")

    def __init__(self, path: str) -> None:
        self.name = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        facts = os.fstat(self._descriptor)
        self.size = facts.st_size
        self.key = (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size)
        if not stat.S_ISREG(facts.st_mode):
            self.close()
            raise FormatError("not a regular file", source=path)

    def read_available(self, address: int, size: int) -> bytes:
        if address >= self.size or size <= 0:
            return b""
        return os.pread(self._descriptor, min(size, self.size - address), address)

    def reason(self, address: int) -> str:  # noqa: ARG002 - there is but one
        return f"{self.name} ends before it"

    def ranges(self) -> list[MemoryRange]:
        return [MemoryRange(0, self.size)] if self.size else []

    def close(self) -> None:
        """Close the file; harmless when called twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
