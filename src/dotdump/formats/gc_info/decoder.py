"""``GcInfo``: the GC info of one method, and which slots hold references when it is stopped at a place.

Says what the method's own info says; which frames of a stack are asked, and where their slots are, is for who walks it.
Source of truth: ``GcInfoDecoder`` in ``vm/gcinfodecoder.cpp``, ``EECodeManager::EnumGcRefs`` in ``vm/eetwain.cpp``.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.gc_info.bits import SOURCE, BitReader
from dotdump.formats.gc_info.header import HeaderFlags, read_header
from dotdump.formats.gc_info.liveness import Liveness
from dotdump.formats.gc_info.slots import read_slots
from dotdump.formats.machine import Machine
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.formats.gc_info.encoding import Encoding
    from dotdump.formats.gc_info.slots import Slot, SlotTable
    from dotdump.memory.space import AddressSpace


@record
class Stop:
    """Where a method is stopped: ``offset`` bytes from its start, not from that of a funclet.

    ``active``: that is the next instruction, of a leaf or of code that was interrupted; else it is a return address.
    ``aborted``: an exception ended what ran here. ``at_call``: that was thrown by what is called here.
    """

    offset: int
    active: bool = False
    aborted: bool = False
    at_call: bool = False


@record
class LiveSlots:
    """``tracked`` slots, of which an inactive frame has only those that a callee preserves, and ``untracked`` ones.

    ``known`` is False where the info says nothing of the place: no slot is reported there at all.
    """

    tracked: tuple[Slot, ...]
    untracked: tuple[Slot, ...]
    known: bool = True


class GcInfo:
    """GC info at ``address``; ``FormatError`` where it is none, ``MemoryFault`` where it is not there."""

    def __init__(self, memory: AddressSpace, address: int, encoding: Encoding) -> None:
        self.address = address
        self.encoding = encoding
        self._bits = BitReader(memory, address)
        self.header = read_header(self._bits, encoding)
        self._check_counts()
        self._after_header = self._bits.position

    @property
    def reports_only_leaf(self) -> bool:
        """Whether one frame of the method reports for all: the funclet that runs last, and not its parent."""
        return self.encoding.machine is not Machine.X86_64 or bool(self.header.flags & HeaderFlags.REPORT_ONLY_LEAF)

    @cached_property
    def safe_points(self) -> Sequence[int]:
        """Return addresses of calls, in bytes from the start of the method, in order."""
        less = 0 if self.encoding.safe_points_are_returns else 1
        return [(point << self.encoding.code_offset_shift) + less for point in self._raw_safe_points]

    @cached_property
    def interruptible_ranges(self) -> tuple[tuple[int, int], ...]:
        """(start, end) in bytes of code that may be stopped anywhere."""
        shift = self.encoding.code_offset_shift
        return tuple((start << shift, end << shift) for start, end in self._ranges)

    def live_slots(self, stop: Stop) -> LiveSlots:
        """Return what is live at ``stop``."""
        table = self._table
        tracked = self._live_tracked(stop)
        if tracked is None:
            return LiveSlots((), (), known=False)
        return LiveSlots(tuple(table.tracked[index] for index in tracked), table.untracked)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Every slot, the tracked ones first."""
        return (*self._table.tracked, *self._table.untracked)

    def _check_counts(self) -> None:
        header = self.header
        places = self._normalised(header.code_length)
        if header.safe_points > places or header.ranges > places:
            raise LimitExceeded(
                f"{header.safe_points} safe points and {header.ranges} ranges in {header.code_length} bytes of code",
                source=SOURCE,
                offset=self.address,
            )

    def _normalised(self, offset: int) -> int:
        return offset >> self.encoding.code_offset_shift

    @cached_property
    def _safe_point_bits(self) -> int:
        return max(self._normalised(self.header.code_length) - 1, 0).bit_length()

    @cached_property
    def _raw_safe_points(self) -> list[int]:
        bits, width = self._bits, self._safe_point_bits
        bits.position = self._after_header
        return [bits.read(width) for _ in range(self.header.safe_points)]

    @cached_property
    def _ranges(self) -> tuple[tuple[int, int], ...]:
        """Ranges in normalised units."""
        bits, base = self._bits, self.encoding.range_base
        bits.position = self._after_header + self.header.safe_points * self._safe_point_bits
        ranges, end, limit = [], 0, self._normalised(self.header.code_length)
        for _ in range(self.header.ranges):
            start = end + bits.unsigned(base)
            end = start + bits.unsigned(base) + 1
            if end > limit:
                raise FormatError(f"interruptible to {end} of {limit}", source=SOURCE, offset=self.address)
            ranges.append((start, end))
        self._after_ranges = bits.position
        return tuple(ranges)

    @cached_property
    def _table(self) -> SlotTable:
        self._ranges  # noqa: B018, the table begins behind them
        self._bits.position = self._after_ranges
        table = read_slots(self._bits, self.encoding)
        self._after_slots = self._bits.position
        return table

    def _live_tracked(self, stop: Stop) -> list[int] | None:
        """Return indexes of live slots; None where the method has nothing to say of ``stop``."""
        offset = self._looked_up(stop)
        place = self._normalised(offset)
        call = None if stop.aborted else self._find_safe_point(place)
        within, length = self._place_in_ranges(place)
        if call is None and within is None and self._ranges:
            return None
        slots = len(self._table.tracked)
        if not slots:
            return []
        liveness = Liveness(self._bits, self.encoding, self._after_slots, slots, self.header.safe_points)
        if call is not None:
            return liveness.at_call(call)
        return liveness.in_range(within, length) if within is not None else []

    def _looked_up(self, stop: Stop) -> int:
        """Return the offset that is looked up: before version 4 that of the call, not of where it returns to."""
        if self.encoding.safe_points_are_returns:
            return stop.offset
        if stop.aborted:
            return stop.offset - stop.at_call
        if stop.active:
            return stop.offset - (self.encoding.stops_at_safe_points and not self.header.ranges)
        return stop.offset - 1

    def _find_safe_point(self, place: int) -> int | None:
        points = self._raw_safe_points
        index = bisect_left(points, place)
        return index if index < len(points) and points[index] == place else None

    def _place_in_ranges(self, place: int) -> tuple[int | None, int]:
        """Return where ``place`` is among all interruptible places, None where not, and how many of these there are."""
        within, length = None, 0
        for start, end in self._ranges:
            if start <= place < end:
                within = length + place - start
            length += end - start
        return within, length
