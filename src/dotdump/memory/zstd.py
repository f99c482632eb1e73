"""``ZstdSpace``: what a zstd file unpacks to, by position, one frame at a time and without unpacking the rest.

It is given the frames and does not know how they were found: see ``formats.zstd_seekable``. Frames that were unpacked
last are kept, up to a bound in bytes. A frame that cannot be unpacked is as if it were not there; the fault says why,
and so is whoever made the space told. One thread at a time.
"""

from __future__ import annotations

from collections import OrderedDict

from dotdump.errors import MemoryFault
from dotdump.memory.space import AddressSpace, ExactReads, MemoryRange
from dotdump.memory.zstd_library import zstd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Protocol
else:
    Protocol = object

CACHE_BYTES = 32 << 20
_HEAD = 18
"""Bytes of the longest head of a frame: RFC 8878, 3.1.1.1."""


class Frames(Protocol):
    """Where each frame lies: in the file, and in what the file unpacks to."""

    @property
    def size(self) -> int:
        """Bytes that all frames unpack to."""

    def frame_at(self, position: int) -> int:
        """Return the number of the frame that holds byte ``position`` of the content."""

    def content(self, frame: int) -> tuple[int, int]:
        """Return where the content of a frame starts and ends."""

    def compressed(self, frame: int) -> tuple[int, int]:
        """Return where a frame starts and ends in the file."""


class CompressedFile(AddressSpace, Protocol):
    """The file itself."""

    name: str

    def close(self) -> None:
        """Release it."""


class ZstdSpace(ExactReads):
    """The content of ``file``, whose ``frames`` are known. Closing it closes the file.

    ``tell`` is told once of each damaged frame that was asked for.
    """

    def __init__(
        self,
        file: CompressedFile,
        frames: Frames,
        cache_bytes: int = CACHE_BYTES,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.name = file.name
        self.size = frames.size
        self._file = file
        self._frames = frames
        self._limit = cache_bytes
        self._cache: OrderedDict[int, memoryview] = OrderedDict()
        self._cached = 0
        self._damage: dict[int, str] = {}
        self._tell = tell

    def read_available(self, address: int, size: int) -> bytes:
        part = self._contiguous(address, size)
        if len(part) == size:
            return bytes(part)
        parts = []
        while part:
            parts.append(part)
            address += len(part)
            size -= len(part)
            part = self._contiguous(address, size)
        return b"".join(parts)

    def view(self, address: int, size: int) -> memoryview | None:
        """Return a view where one frame holds it all; the view keeps that frame in memory."""
        part = self._contiguous(address, size)
        return part if len(part) == size else None

    def ranges(self) -> list[MemoryRange]:
        return [MemoryRange(0, self.size)] if self.size else []

    def reason(self, address: int) -> str:
        """Return why there is no byte at ``address``."""
        if not 0 <= address < self.size:
            return f"{self.name} unpacks to {self.size:#x} bytes"
        return self._damage.get(self._frames.frame_at(address), "not asked for yet")

    @property
    def damage(self) -> Collection[str]:
        """What is wrong with each damaged frame that was asked for."""
        return self._damage.values()

    def false_frame(self) -> str:
        """Return which frame tells of another size than the one it is known by, or nothing; only their heads are read.

        What follows a frame of false size is not where it seems to be.
        """
        end = 0
        while end < self.size:
            number = self._frames.frame_at(end)
            (low, _), (start, end) = self._frames.compressed(number), self._frames.content(number)
            try:
                told = zstd.get_frame_info(self._file.read_available(low, _HEAD)).decompressed_size
            except zstd.ZstdError:
                return f"no zstd frame begins at offset {low:#x}, where the table has one"
            if told not in (None, end - start):
                return f"the zstd frame at offset {low:#x} holds {told:,} bytes, and the table says {end - start:,}"
        return ""

    def close(self) -> None:
        """Forget all frames and close the file."""
        self._cache.clear()
        self._file.close()

    def _contiguous(self, address: int, size: int) -> memoryview:
        if size <= 0 or not 0 <= address < self.size:
            return _NOTHING
        number = self._frames.frame_at(address)
        content = self._cache.get(number)
        if content is None:
            content = self._unpack(number)
        else:
            self._cache.move_to_end(number)
        start = address - self._frames.content(number)[0]
        return content[start : start + size]

    def _unpack(self, number: int) -> memoryview:
        if number in self._damage:
            return _NOTHING
        (low, high), (start, end) = self._frames.compressed(number), self._frames.content(number)
        try:
            data = self._file.view(low, high - low) or self._file.read(low, high - low)
            content = unpack_frame(data, end - start)
        except (zstd.ZstdError, MemoryFault, MemoryError, ValueError) as error:
            self._damage[number] = f"the zstd frame at offset {low:#x} of {self.name} is damaged: {error}"
            self._tell(self._damage[number])
            return _NOTHING
        return self._keep(number, memoryview(content))

    def _keep(self, number: int, content: memoryview) -> memoryview:
        self._cache[number] = content
        self._cached += len(content)
        while self._cached > self._limit and len(self._cache) > 1:
            _, oldest = self._cache.popitem(last=False)
            self._cached -= len(oldest)
        return content


def unpack_frame(data: bytes | memoryview, size: int) -> bytes:
    """Return the ``size`` bytes of a frame; ``ZstdError`` or ``ValueError`` where it does not hold just them."""
    decompressor = zstd.ZstdDecompressor()
    content = decompressor.decompress(data, size + 1)
    if len(content) != size or not decompressor.eof:
        raise ValueError(f"it does not unpack to the {size} bytes that the table says")
    return content


_NOTHING = memoryview(b"")
