"""A file as an ``AddressSpace``: its bytes by position.

A regular file is mapped, so views cost nothing and pages are read as they are touched; anything else that can seek
is read as asked, and so is a file that must not be mapped. Pipes are refused. A mapped file must not be shortened while
it is open: the kernel would end us.
"""

from __future__ import annotations

import mmap
import os
import stat

from dotdump.closing import Closing
from dotdump.errors import FormatError, MemoryFault
from dotdump.memory.descriptor import DescriptorSpace
from dotdump.memory.space import ExactReads, MemoryRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO


_SAVE = "save it to a file first"


class FileSpace(Closing):
    """A regular file, mapped. ``name`` is for messages; an empty file is an empty space."""

    def __init__(self, path: str | os.PathLike[str] | int, name: str = "") -> None:
        self.name = name or (f"descriptor {path}" if isinstance(path, int) else os.fspath(path))
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.dup(path) if isinstance(path, int) else os.open(path, flags)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                hint = _SAVE if stat.S_ISFIFO(status.st_mode) else None
                raise FormatError("not a regular file", source=self.name, hint=hint)
            self.size = status.st_size
            self._map = mmap.mmap(descriptor, self.size, access=mmap.ACCESS_READ) if self.size else None
        finally:
            os.close(descriptor)
        self._data: mmap.mmap | bytes = self._map or b""
        self._bytes = memoryview(self._data)

    def read(self, address: int, size: int) -> bytes:
        data = self._data[address : address + size]
        if len(data) < size:
            raise MemoryFault(address + len(data), size - len(data), f"{self.name} ends at {self.size:#x}")
        return data

    def read_available(self, address: int, size: int) -> bytes:
        return self._data[address : address + size]

    def view(self, address: int, size: int) -> memoryview | None:
        return self._bytes[address : address + size] if address + size <= self.size else None

    def ranges(self) -> Sequence[MemoryRange]:
        return [MemoryRange(0, self.size)] if self.size else []

    def close(self) -> None:
        """Unmap the file, or leave that to the last view of it that is still held."""
        self._data = b""
        self._bytes = memoryview(self._data)
        if self._map is not None:
            try:
                self._map.close()
            except BufferError:
                self._map = None


class UnmappedFile(DescriptorSpace, Closing):
    """A regular file by its ``descriptor``, of which it has a copy, read as asked. ``name`` is for messages."""

    __slots__ = ("name", "size")

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(os.dup(descriptor))
        self.name = name
        self.size = os.fstat(descriptor).st_size

    def read_available(self, address: int, size: int) -> bytes:
        return super().read_available(address, size) if self.descriptor >= 0 else b""

    def ranges(self) -> list[MemoryRange]:
        return [MemoryRange(0, self.size)] if self.size else []

    def close(self) -> None:
        """Close the file; there is nothing in it from then on. A second call does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1


class StreamSpace(ExactReads):
    """A seekable binary file object: read as asked, never closed by us. One thread at a time."""

    def __init__(self, stream: BinaryIO, name: str = "") -> None:
        self.name = name or str(getattr(stream, "name", "stream"))
        if not stream.seekable():
            raise FormatError("cannot seek in it", source=self.name, hint=_SAVE)
        self._stream = stream
        self.size = stream.seek(0, os.SEEK_END)

    def read_available(self, address: int, size: int) -> bytes:
        size = min(size, self.size - address)
        if size <= 0:
            return b""
        self._stream.seek(address)
        parts = []
        while size > 0 and (part := self._stream.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def reason(self, address: int) -> str:  # noqa: ARG002 - there is but one
        return f"{self.name} ends at {self.size:#x}"

    def ranges(self) -> Sequence[MemoryRange]:
        return [MemoryRange(0, self.size)] if self.size else []

    def close(self) -> None:
        """Leave the stream to its owner."""
