"""``.eh_frame_hdr``: a sorted table from functions to their entries in .eh_frame, for binary search.

The table that linkers write (pairs of 32-bit offsets from the header) is searched as it lies in memory; one in another
encoding is decoded first. Source of truth: LSB Core, "The .eh_frame_hdr section".
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence

from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.dwarf_cursor import Bases, Cursor, PointerEncoding
from dotdump.limits import CFI_FUNCTIONS
from dotdump.memory.window import Window, window_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.memory.space import AddressSpace

_USUAL = PointerEncoding.DATAREL | PointerEncoding.SDATA4
_HEAD_BYTES = 4 + 2 * 16
_PAIR_BYTES = 2 * 16


class _Offsets(Sequence[int]):
    """One of each pair of offsets, read when it is asked for: the ``place``-th byte of the pair on."""

    def __init__(self, table: Window, place: int) -> None:
        self._table = table
        self._place = place

    def __len__(self) -> int:
        return len(self._table) // 8

    def __getitem__(self, index: int) -> int:  # type: ignore[override]  # no slices: they are not asked for
        at = 8 * index + self._place
        return int.from_bytes(self._table[at : at + 4], "little", signed=True)


class EhFrameHdr:
    """The header at ``address``, of ``size`` bytes. ``eh_frame`` is where the section it indexes begins, or None."""

    def __init__(self, memory: AddressSpace, address: int, size: int) -> None:
        """Read its head; ``FormatError`` where it is none, ``MemoryFault`` where no table is behind it."""
        self._address = address
        cursor = Cursor(memory.read_available(address, min(size, _HEAD_BYTES)), address)
        if cursor.u8() != 1:
            raise FormatError("an .eh_frame_hdr of unknown version", source="call frame information", offset=address)
        frame_encoding, count_encoding, self._encoding = cursor.u8(), cursor.u8(), cursor.u8()
        bases = Bases(data=address)
        self.eh_frame = cursor.pointer(frame_encoding, bases)
        count = cursor.pointer(count_encoding, bases) or 0
        if self._encoding == PointerEncoding.OMIT:
            count = 0
        if count > min(CFI_FUNCTIONS, size // 4):
            raise LimitExceeded(
                f"{count} functions in an .eh_frame_hdr of {size} bytes",
                source="call frame information",
                offset=address,
            )
        self._starts: Sequence[int] = ()
        self._entries: Sequence[int] = ()
        self._base = 0
        if self._encoding == _USUAL:
            self._take(window_on(memory, cursor.here, 8 * count) if count else memoryview(b""))
        elif count:
            self._decode(
                Cursor(memory.read_available(cursor.here, min(size, count * _PAIR_BYTES)), cursor.here), count, bases
            )

    def __len__(self) -> int:
        return len(self._starts)

    def find(self, address: int) -> int | None:
        """Return where the entry of the last function that begins at or before ``address`` is, or None.

        Raises ``MemoryFault`` where that part of the table is not there.
        """
        index = bisect_right(self._starts, address - self._base) - 1
        return self._entries[index] + self._base if index >= 0 else None

    def _take(self, table: memoryview | Window) -> None:
        self._base = self._address
        if isinstance(table, Window):
            self._starts, self._entries = _Offsets(table, 0), _Offsets(table, 4)
        else:
            pairs = table.cast("i")
            self._starts, self._entries = pairs[::2], pairs[1::2]

    def _decode(self, cursor: Cursor, count: int, bases: Bases) -> None:
        starts, entries = array("Q"), array("Q")
        for _ in range(count):
            start, entry = cursor.pointer(self._encoding, bases), cursor.pointer(self._encoding, bases)
            starts.append(start or 0)
            entries.append(entry or 0)
        self._starts, self._entries = starts, entries
