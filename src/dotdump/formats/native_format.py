"""The integers, strings and hash tables that NativeAOT's compiler writes into a program.

Knows no record. Every position is checked against the bytes that are there. Source of truth:
src/coreclr/tools/Common/Internal/NativeFormat/NativeFormatReader*.cs of dotnet/runtime.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from dotdump.errors import FormatError, LimitExceeded
from dotdump.limits import NAME_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDEST_BUCKETS = 2
_MOST_BUCKETS_SHIFT = 31


class NativeBytes:
    """``data`` with the encodings of the format; ``source`` names it in errors. Raises ``FormatError`` only."""

    def __init__(self, data: bytes, source: str) -> None:
        self.data = data
        self.source = source

    def unsigned(self, offset: int) -> tuple[int, int]:
        """Return the integer of up to 32 bits at ``offset``, and the offset after it."""
        width = self._width(offset)
        if width == 5:
            return int.from_bytes(self._take(offset + 1, 4), "little"), offset + 5
        return int.from_bytes(self._take(offset, width), "little") >> width, offset + width

    def signed(self, offset: int) -> tuple[int, int]:
        """Return the signed integer of up to 32 bits at ``offset``, and the offset after it."""
        width = self._width(offset)
        if width == 5:
            return int.from_bytes(self._take(offset + 1, 4), "little", signed=True), offset + 5
        return int.from_bytes(self._take(offset, width), "little", signed=True) >> width, offset + width

    def byte(self, offset: int) -> int:
        """Return the byte at ``offset``."""
        return self._take(offset, 1)[0]

    def word(self, offset: int, *, signed: bool = False) -> int:
        """Return the integer of exactly 32 bits at ``offset``."""
        return int.from_bytes(self._take(offset, 4), "little", signed=signed)

    def text(self, offset: int) -> str:
        """Return the string at ``offset``, which is a name, what is no UTF-8 replaced."""
        size, start = self.unsigned(offset)
        self.require_name(size, offset)
        return self._take(start, size).decode("utf-8", "replace")

    def require_name(self, length: int, offset: int) -> None:
        """Raise ``LimitExceeded`` where no name has ``length`` characters: each may be made of others."""
        if length > NAME_LENGTH:
            raise LimitExceeded(f"a name of {length} characters", source=self.source, offset=offset)

    def hashtable(self) -> Iterator[int]:
        """Yield the offset of each entry of the hash table that begins at offset 0."""
        header = self._take(0, 1)[0]
        shift, size_code = header >> 2, header & 3
        if shift > _MOST_BUCKETS_SHIFT or size_code > _WIDEST_BUCKETS:
            raise FormatError(f"{header:#x} is no header of a hash table", source=self.source, offset=0)
        width = 1 << size_code
        starts = self._take(1, ((1 << shift) + 1) * width)
        ends = [int.from_bytes(starts[i : i + width], "little") for i in range(0, len(starts), width)]
        for first, last in pairwise(ends):
            if last < first:
                raise FormatError(f"a bucket from {first:#x} to {last:#x}", source=self.source, offset=1)
            offset = 1 + first
            while offset < 1 + last:
                distance, following = self.signed(offset + 1)
                yield offset + 1 + distance
                offset = following

    def _width(self, offset: int) -> int:
        """Return how many bytes the integer at ``offset`` takes: one more than the ones its first byte ends with."""
        first = self._take(offset, 1)[0]
        width = (~first & (first + 1)).bit_length()
        if width > 5:
            raise FormatError(f"{first:#x} begins no integer", source=self.source, offset=offset)
        return width

    def _take(self, offset: int, size: int) -> bytes:
        if offset < 0 or offset + size > len(self.data):
            raise FormatError(f"{size} bytes reach beyond {len(self.data)}", source=self.source, offset=offset)
        return self.data[offset : offset + size]
