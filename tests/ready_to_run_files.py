"""Ready-to-run images as files: their functions, and which of these methods begin with."""

from __future__ import annotations

from dataclasses import dataclass
from struct import iter_unpack, unpack_from
from typing import TYPE_CHECKING

from dotdump.formats.pe import PeImage
from dotdump.memory.space import BytesSpace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUNTIME_FUNCTIONS, METHOD_ENTRY_POINTS = 102, 103
_BLOCK = 16


@dataclass(frozen=True)
class ImageFile:
    """An image laid out as it is loaded, at address 0."""

    data: bytes
    version: tuple[int, int]
    sections: dict[int, tuple[int, int]]

    @classmethod
    def of(cls, path: Path) -> ImageFile:
        flat = path.read_bytes()
        image = PeImage(BytesSpace([(0, flat)]), 0, loaded=False)
        loaded = bytearray(max(section.virtual_address + section.raw_size for section in image.sections))
        for section in image.sections:
            loaded[section.virtual_address : section.virtual_address + section.raw_size] = flat[
                section.raw_offset : section.raw_offset + section.raw_size
            ]
        header = image.cli_header
        assert header is not None
        rva, _ = header.managed_native_header
        signature, major, minor, _, count = unpack_from("<IHHII", loaded, rva)
        assert signature == int.from_bytes(b"RTR\0", "little")
        rows = iter_unpack("<III", loaded[rva + 16 : rva + 16 + 12 * count])
        return cls(bytes(loaded), (major, minor), {kind: (start, size) for kind, start, size in rows})

    def functions(self) -> list[tuple[int, ...]]:
        """Return (begin, end, unwind info) of every function of x86-64."""
        rva, size = self.sections[RUNTIME_FUNCTIONS]
        return [*iter_unpack("<III", self.data[rva : rva + size // 12 * 12])]

    def method_functions(self) -> Iterator[int]:
        """Yield the index of the function that each method begins with."""
        start, _ = self.sections[METHOD_ENTRY_POINTS]
        head, base = self._number(start)
        for index in range(head >> 2):
            place = self._entry(base, head & 3, index)
            if place is not None:
                number, _ = self._number(place)
                yield number >> 2 if number & 1 else number >> 1

    def _entry(self, base: int, width: int, index: int) -> int | None:
        """Return where the entry of an index of a NativeArray is: a tree of four levels for each block."""
        size = 1 << width
        at = base + index // _BLOCK * size
        place = base + int.from_bytes(self.data[at : at + size], "little")
        bit = _BLOCK >> 1
        while bit:
            value, after = self._number(place)
            if index & bit and value & 2:
                place += value >> 2
            elif not index & bit and value & 1:
                place = after
            elif not value & 3 and value >> 2 == index & (_BLOCK - 1):
                return after
            else:
                return None
            bit >>= 1
        return place

    def _number(self, place: int) -> tuple[int, int]:
        """Return an unsigned number of one to five bytes, as its first byte tells, and where it ends."""
        first = self.data[place]
        extra = next((count for count in range(4) if not first >> count & 1), 4)
        if extra == 4:
            return unpack_from("<I", self.data, place + 1)[0], place + 5
        whole = int.from_bytes(self.data[place : place + extra + 1], "little")
        return whole >> extra + 1, place + extra + 1
