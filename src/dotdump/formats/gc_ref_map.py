"""GCRefMap: which words of a call's arguments are references, as a ready-to-run image says for each call it imports.

A stream of tokens of two bits in bytes whose top bit says that another byte follows.
Source of truth: ``GCRefMapDecoder`` in ``inc/gcrefmap.h``, ``CORCOMPILE_GCREFMAP_TOKENS`` in ``inc/readytorun.h``.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct, unpack_from
from typing import TYPE_CHECKING

from dotdump.errors import LimitExceeded
from dotdump.formats.ready_to_run import IMPORT_SECTIONS, find_section
from dotdump.limits import GC_REF_MAP_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.formats.pe import PeImage

LOOKUP_STRIDE = 1024
"""Maps between two entries of the lookup table that the maps of an import section begin with."""
_IMPORT_SECTION = Struct("<IIHBBII")
_MOST_SECTIONS = 256
_MORE = 0x80
_LONG = 3
_GROUP = 3


class Token(IntEnum):
    """What a word is."""

    SKIP = 0
    REFERENCE = 1
    INTERIOR = 2
    METHOD_PARAM = 3
    TYPE_PARAM = 4
    VARARG_COOKIE = 5


def parse_gc_ref_map(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (index of a word, ``Token``) of the map that ``data`` begins with, those that are skipped left out."""
    bits = _Bits(data)
    position = 0
    while not bits.at_end:
        token = bits.read(2)
        if token == _LONG:
            number = bits.number()
            if not number & 1:
                position += (number >> 1) + 4
                continue
            token = (number >> 1) + _LONG
        if token:
            yield position, token
        position += 1


def find_gc_ref_map(image: PeImage, cell: int) -> bytes | None:
    """Return the map of the import whose cell is at RVA ``cell`` of a ready-to-run image; None where it has none."""
    for begin, size, _, _, entry_size, _, maps in _import_sections(image):
        if begin <= cell < begin + size and entry_size and maps:
            return _map_at(image, maps, (cell - begin) // entry_size)
    return None


def _import_sections(image: PeImage) -> Iterator[tuple[int, ...]]:
    place, size = find_section(image, IMPORT_SECTIONS)
    rows = min(size // _IMPORT_SECTION.size, _MOST_SECTIONS)
    yield from _IMPORT_SECTION.iter_unpack(image.read(place, rows * _IMPORT_SECTION.size))


def _map_at(image: PeImage, maps: int, index: int) -> bytes:
    """Return the map of import ``index``: a table says where every 1,024th begins, from there they are counted."""
    (start,) = unpack_from("<I", image.read(maps + 4 * (index // LOOKUP_STRIDE), 4))
    place = maps + start
    for _ in range(index % LOOKUP_STRIDE):
        place += _size_at(image, place)
    return image.read(place, _size_at(image, place))


def _size_at(image: PeImage, place: int) -> int:
    for count in range(GC_REF_MAP_SIZE):
        if not image.read(place + count, 1)[0] & _MORE:
            return count + 1
    raise LimitExceeded(f"a map of more than {GC_REF_MAP_SIZE} bytes", source="GCRefMap", offset=place)


def map_size(data: bytes) -> int:
    """Return how many bytes the map has that ``data`` begins with."""
    for place, byte in enumerate(data[:GC_REF_MAP_SIZE]):
        if not byte & _MORE:
            return place + 1
    raise LimitExceeded(f"a map of more than {min(len(data), GC_REF_MAP_SIZE)} bytes", source="GCRefMap")


class _Bits:
    """Bits of the map, the lowest of a byte first, seven in each."""

    def __init__(self, data: bytes) -> None:
        end = map_size(data)
        self._value = sum((byte & ~_MORE) << 7 * index for index, byte in enumerate(data[:end]))

    @property
    def at_end(self) -> bool:
        """Whether only zeros are left, which pad the last byte."""
        return self._value == 0

    def read(self, width: int) -> int:
        found = self._value & (1 << width) - 1
        self._value >>= width
        return found

    def number(self) -> int:
        """Return a number in groups of three bits, each with a bit that says whether another follows."""
        found, shift = 0, 0
        while True:
            found |= self.read(_GROUP) << shift
            shift += _GROUP
            if not self.read(1):
                return found
