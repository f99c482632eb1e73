"""``ProgramTable``: the program headers of a core as columns, for there may be tens of thousands of them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from operator import add

from dotdump.formats.columns import words_of
from dotdump.formats.elf import PN_XNUM, PROGRAM_HEADER, ProgramHeader, SegmentType, read_program_headers
from dotdump.kernels import segment_rows
from dotdump.limits import PROGRAM_HEADERS
from dotdump.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.formats.elf import ElfHeader
    from dotdump.memory.space import AddressSpace

_STEP = 1 << 20
"""Bytes of headers that are read at once, so that a false count costs no memory."""
_WIDTH = PROGRAM_HEADER.size // 8
_OFFSET, _ADDRESS, _STORED, _SIZE = 1, 2, 4, 5
"""Places of words in a header."""


@record
class LoadTotals:
    """``overlapping`` segments of memory begin before another ends, ``overlong`` ones have less memory than bytes.

    All together have ``held`` bytes in the file, the last of them before ``end``.
    """

    overlapping: int
    overlong: int
    held: int
    end: int


class ProgramTable:
    """The program headers that are there: ``count`` is less than was promised where the file is cut in the table.

    Columns of the PT_LOADs, by address: ``starts``, ``sizes`` in memory, ``stored`` bytes at ``offsets`` of the file.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._words = words_of(data[: len(data) // PROGRAM_HEADER.size * PROGRAM_HEADER.size])
        self.count = len(self._words) // _WIDTH
        rows = self._rows(SegmentType.LOAD)
        self.starts, falls = self._column(_ADDRESS, rows)
        if falls:
            starts = self.starts
            rows = array("Q", (rows[index] for index in sorted(range(len(rows)), key=starts.__getitem__)))
            self.starts, _ = self._column(_ADDRESS, rows)
        self.offsets, _ = self._column(_OFFSET, rows)
        self.stored, _ = self._column(_STORED, rows)
        self.sizes, _ = self._column(_SIZE, rows)

    def headers(self, kind: int) -> list[ProgramHeader]:
        """Return the headers of one type, in the order of the file."""
        rows = (PROGRAM_HEADER.unpack_from(self._data, row * PROGRAM_HEADER.size) for row in self._rows(kind))
        return [
            ProgramHeader(kind, flags, offset, vaddr, filesz, memsz, paddr, align)
            for _, flags, offset, vaddr, paddr, filesz, memsz, align in rows
        ]

    def load_rows(self) -> Iterator[tuple[int, int, int, int]]:
        """Return start, size, offset and stored bytes of each PT_LOAD, by address."""
        return zip(self.starts, self.sizes, self.offsets, self.stored, strict=True)

    def end(self) -> int:
        """Return where in the file the last of what any header leads to ends; 0 without headers."""
        return max(map(add, self._words[_OFFSET::_WIDTH], self._words[_STORED::_WIDTH]), default=0)

    def totals(self) -> LoadTotals:
        """Return what is true of the PT_LOADs together; no number is greater than 64 bits can tell."""
        found = array("Q", bytes(8 * 4))
        segment_rows.add_up(self.starts, self.sizes, self.stored, self.offsets, found)
        return LoadTotals(*found)

    def find_load(self, address: int) -> int:
        """Return the row of the PT_LOAD whose memory covers ``address``; -1 without one."""
        row = bisect_right(self.starts, address) - 1
        return row if row >= 0 and address < self.starts[row] + self.sizes[row] else -1

    def _rows(self, kind: int) -> array[int]:
        rows = array("Q", [0]) * self.count
        return rows[: segment_rows.find_kind(self._words, _WIDTH, kind, rows)]

    def _column(self, place: int, rows: array[int]) -> tuple[array[int], int]:
        """Return the words at a place in some rows, and how many are smaller than the one before."""
        column = array("Q", [0]) * len(rows)
        return column, segment_rows.gather(self._words, _WIDTH, place, rows, column)


def counted(space: AddressSpace, header: ElfHeader) -> ElfHeader:
    """Return ``header``, with its count of segments also where the section header that should hold it is gone.

    The kernel writes that section header last, so a cut core of more than 65,534 segments has lost it. What the first
    segment with bytes in the file starts at is where the table ends.
    """
    if header.phnum != PN_XNUM:
        return header
    first = read_program_headers(space, replace(header, phnum=1))
    end = first[0].offset if first else 0
    count = (end - header.phoff) // PROGRAM_HEADER.size
    return replace(header, phnum=count) if PN_XNUM < count <= PROGRAM_HEADERS else header


def read_program_table(space: AddressSpace, header: ElfHeader) -> ProgramTable:
    """Read the program headers of the file at address 0."""
    parts: list[bytes] = []
    position, left = header.phoff, header.phnum * PROGRAM_HEADER.size
    while left > 0:
        data = space.read_available(position, min(left, _STEP))
        parts.append(data)
        if len(data) < min(left, _STEP):
            break
        position, left = position + len(data), left - len(data)
    return ProgramTable(b"".join(parts))
