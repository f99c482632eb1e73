"""Entries of call frame information, parsed where they lie: with the common entry that each belongs to."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING

from dotdump.errors import DotdumpError
from dotdump.formats.dwarf_cfi import parse_cie, parse_fde, read_entry
from dotdump.formats.dwarf_cursor import Bases
from dotdump.memory.space import BytesSpace
from dotdump.records import replace

if TYPE_CHECKING:
    from dotdump.formats.dwarf_cfi import Cie, Entry, Fde
    from dotdump.memory.space import AddressSpace


class Entries:
    """Entries in ``memory``; ``debug`` where they are those of a .debug_frame that begins at address 0."""

    def __init__(self, memory: AddressSpace, bases: Bases, *, debug: bool = False) -> None:
        self._memory = memory
        self._bases = bases
        self._debug = debug
        self._commons: dict[int, Cie] = {}

    def at(self, address: int) -> Fde | None:
        """Return the FDE at ``address``, or None; ``FormatError`` or ``MemoryFault`` where it is damaged."""
        entry = self.read(address)
        return None if entry is None else self.parse(entry)

    def read(self, address: int) -> Entry | None:
        """Return the entry at ``address``, or None at the end."""
        return read_entry(self._memory, address, debug=self._debug)

    def parse(self, entry: Entry) -> Fde | None:
        """Return the FDE that ``entry`` is, or None where it is none."""
        if entry.common is None:
            return None
        cie = self._commons.get(entry.common)
        if cie is None:
            common = self.read(entry.common)
            if common is None or common.common is not None:
                return None
            cie = self._commons[entry.common] = parse_cie(common, self._bases)
        return parse_fde(entry, cie, self._bases)


class FrameSection:
    """All entries of a section of a file: of .eh_frame without an index, or of .debug_frame.

    ``data`` begins at ``address`` as the file says, and was loaded at ``bias`` more. It is read once, to its end or to
    where it is damaged.
    """

    def __init__(self, data: bytes, address: int, bias: int, *, debug: bool) -> None:
        self._bias = bias
        self._entries = Entries(BytesSpace([(address, data)]), Bases(), debug=debug)
        rows = sorted(self._rows(address, address + len(data)))
        self._starts = array("Q", (start for start, _ in rows))
        self._places = array("Q", (place for _, place in rows))

    def find(self, address: int) -> Fde | None:
        """Return the entry that covers ``address``, or None."""
        value = address - self._bias
        index = bisect_right(self._starts, value) - 1
        fde = self._entries.at(self._places[index]) if index >= 0 else None
        if fde is None or not fde.start <= value < fde.end:
            return None
        return replace(fde, start=fde.start + self._bias, end=fde.end + self._bias)

    def _rows(self, place: int, end: int) -> list[tuple[int, int]]:
        rows: list[tuple[int, int]] = []
        try:
            while place < end and (entry := self._entries.read(place)) is not None:
                fde = self._entries.parse(entry)
                if fde is not None and fde.start:
                    rows.append((fde.start, place))
                place = entry.end
        except DotdumpError:
            pass
        return rows
