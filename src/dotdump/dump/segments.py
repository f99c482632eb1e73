"""``DumpPlan``: the segments that a core will have, as columns, for there may be tens of thousands of them."""

from __future__ import annotations

from array import array
from enum import StrEnum
from functools import cached_property

from dotdump.kernels import segment_rows
from dotdump.memory.region import Protection
from dotdump.memory.space import MemoryRange
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Why(StrEnum):
    """Why a segment's memory is stored, or is not."""

    KEPT = "kept"
    UNREADABLE = "the target itself may not read it"
    KERNEL = "the kernel's own page, which a tracer cannot read"
    DEVICE = "a device: reading it could act on it"
    ABSENT = "not there to be read"
    FILE_BACKED = "the same as in the file it is mapped from"
    OUT_OF_RANGE = "outside the ranges asked for"
    ZERO = "nothing but zeros"


REASONS = list(Why)
"""What the numbers in a column of reasons mean."""
CODES = {why: code for code, why in enumerate(REASONS)}
_ZERO = CODES[Why.ZERO]
_IS_ZERO = bytes(code == _ZERO for code in range(256))
_PROTECTIONS = [Protection(bits) for bits in range(8)]


@record
class Segment:
    """A PT_LOAD to be: addresses ``start`` up to ``end``, of which ``stored`` bytes are in the file: all, or none.

    All segments that are ``ZERO`` share one block of the file, so they are at most as long as that.
    """

    start: int
    end: int
    protection: Protection
    stored: int
    why: Why = Why.KEPT


class DumpPlan:
    """Segments sorted by start, disjoint.

    Its columns: ``starts``, ``sizes`` in memory, ``stored`` bytes in the file, ``protections`` as p_flags, and
    ``reasons``, which are places in ``REASONS``.
    """

    def __init__(self, segments: Iterable[Segment] = ()) -> None:
        self.segments = rows = tuple(segments)
        self.starts = array("Q", [row.start for row in rows])
        self.sizes = array("Q", [row.end - row.start for row in rows])
        self.stored = array("Q", [row.stored for row in rows])
        self.protections = bytes(row.protection.real & 7 for row in rows)
        self.reasons = bytes(CODES[row.why] for row in rows)

    @classmethod
    def of_columns(
        cls, starts: array[int], sizes: array[int], stored: array[int], protections: bytes, reasons: bytes
    ) -> DumpPlan:
        """Return a plan of columns, which it keeps."""
        plan = cls.__new__(cls)
        plan.starts, plan.sizes, plan.stored = starts, sizes, stored
        plan.protections, plan.reasons = protections, reasons
        return plan

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The segments one by one."""
        return tuple(
            Segment(start, start + size, _PROTECTIONS[protection], stored, REASONS[reason])
            for start, size, protection, stored, reason in zip(
                self.starts, self.sizes, self.protections, self.stored, self.reasons, strict=True
            )
        )

    @cached_property
    def zeros(self) -> bytes:
        """A byte for each segment: whether it shares the block of zeros."""
        return self.reasons.translate(_IS_ZERO)

    @cached_property
    def copied(self) -> array[int]:
        """Bytes of memory that have to be copied for each segment: none of zeros, which all are in the one block."""
        if not self.zero_block:
            return self.stored
        return array("Q", [0 if zero else size for size, zero in zip(self.stored, self.zeros, strict=True)])

    def with_segment(self, row: int, segment: Segment) -> DumpPlan:
        """Return the plan with one more segment, before the one that is in ``row`` now."""
        one = DumpPlan([segment])
        return DumpPlan.of_columns(
            self.starts[:row] + one.starts + self.starts[row:],
            self.sizes[:row] + one.sizes + self.sizes[row:],
            self.stored[:row] + one.stored + self.stored[row:],
            self.protections[:row] + one.protections + self.protections[row:],
            self.reasons[:row] + one.reasons + self.reasons[row:],
        )

    @cached_property
    def alignment(self) -> int:
        """The largest power of two that segments begin and end at multiples of; 0 without segments."""
        bounds = segment_rows.all_bits(self.starts, self.sizes)
        return bounds & -bounds

    @property
    def total(self) -> int:
        """Bytes of memory that are copied into the file, zero pages counted where they are not shared."""
        return sum(self.copied)

    @property
    def zero_block(self) -> int:
        """Bytes of the block of zeros that segments share; 0 without any."""
        if _ZERO not in self.reasons:
            return 0
        return max(size for size, zero in zip(self.stored, self.zeros, strict=True) if zero)

    def stored_ranges(self) -> Iterator[MemoryRange]:
        """Yield the memory that is copied into the file, by address, neighbours joined."""
        for start, end, _ in self.extents(self.starts):
            yield MemoryRange(start, end)

    def extents(self, offsets: array[int], apart: int = 0) -> Iterator[tuple[int, int, int]]:
        """Yield (start, end, file offset) of what is copied, segments that are neighbours in memory and file as one.

        The segment that starts ``apart`` is one of its own.
        """
        extents = array("Q", [0]) * (3 * len(self.starts))
        filled = segment_rows.find_extents(self.starts, self.copied, offsets, apart, extents)
        numbers = iter(extents[:filled])
        return zip(numbers, numbers, numbers, strict=True)

    def __len__(self) -> int:
        return len(self.starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DumpPlan) and self.segments == other.segments

    __hash__ = None  # type: ignore[assignment] # as Python has it
