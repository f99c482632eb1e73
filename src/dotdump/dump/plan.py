"""``DumpPlan``: which memory a core keeps, and why the rest is left out. Pure: maps in, segments out.

Every region of the target becomes at least one segment, so that the map is whole even where memory is not. What a
segment does not store has ``p_filesz`` smaller than ``p_memsz``, which every reader takes for "not in this file".
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum

from dotdump.memory.region import Protection, Region
from dotdump.memory.space import MemoryRange
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Why(StrEnum):
    """Why a segment's memory is stored, or is not."""

    KEPT = "kept"
    UNREADABLE = "the target itself may not read it"
    KERNEL = "the kernel's own page, which a tracer cannot read"
    DEVICE = "a device: reading it could act on it"
    ABSENT = "not there to be read"
    FILE_BACKED = "the same as in the file it is mapped from"
    OUT_OF_RANGE = "outside the ranges asked for"


@record
class Segment:
    """A PT_LOAD to be: addresses ``start`` up to ``end``, of which the first ``stored`` bytes go into the file."""

    start: int
    end: int
    protection: Protection
    stored: int
    why: Why = Why.KEPT


@record
class DumpPlan:
    """Segments sorted by start, disjoint."""

    segments: tuple[Segment, ...]

    @property
    def stored(self) -> int:
        """Bytes of memory that go into the file, zero pages counted."""
        return sum(segment.stored for segment in self.segments)


_KERNEL_PAGES = ("[vvar]", "[vvar_vclock]", "[vsyscall]", "[vectors]")
_MEMORY_DEVICES = ("/dev/shm/", "/dev/zero", "/dev/hugepages/", "/dev/ashmem")  # noqa: S108


def full(
    regions: Sequence[Region],
    *,
    file_backed: bool = True,
    available: Sequence[MemoryRange] | None = None,
    page_size: int = 4096,
) -> DumpPlan:
    """Return the plan of a full core: all memory that can be read, private and shared.

    Without ``file_backed``, mappings of files that the target cannot write keep only their first page, in which
    ELF headers and the build-id are; a reader finds the rest in the same file. Writable private mappings of files
    stay whole: they differ from the file; so does what was relocated before it was protected.
    ``available`` (sorted, disjoint) bounds what is there to be read at all, where the target is a core; a process is
    asked page by page when it is copied.
    """
    starts = [part.start for part in available or ()]
    segments: list[Segment] = []
    for region, following in zip(regions, [*regions[1:], None], strict=False):
        whole_file = file_backed or _is_relocated(region, following)
        stored, why = _rule(region, file_backed=whole_file, page_size=page_size)
        whole = Segment(region.start, region.end, region.protection, stored, why)
        if available is None or not stored:
            segments.append(whole)
        else:
            segments += _cut(whole, _overlaps(available, starts, whole.start, whole.start + stored), Why.ABSENT)
    return DumpPlan(tuple(segments))


def trimmed(plan: DumpPlan, ranges: Sequence[MemoryRange], page_size: int = 4096) -> DumpPlan:
    """Return ``plan`` with memory stored only within ``ranges``, widened to whole pages."""
    kept = _merged(MemoryRange(part.start & -page_size, _page_up(part.end, page_size)) for part in ranges)
    starts = [part.start for part in kept]
    segments: list[Segment] = []
    for segment in plan.segments:
        if segment.stored:
            inside = _overlaps(kept, starts, segment.start, segment.start + segment.stored)
            segments += _cut(segment, inside, Why.OUT_OF_RANGE)
        else:
            segments.append(segment)
    return DumpPlan(tuple(segments))


def _rule(region: Region, *, file_backed: bool, page_size: int) -> tuple[int, Why]:
    """How many bytes of a region are stored, and why."""
    if not region.protection & Protection.READ:
        return 0, Why.UNREADABLE
    if region.path in _KERNEL_PAGES:
        return 0, Why.KERNEL
    if region.path.startswith("/dev/") and not region.path.startswith(_MEMORY_DEVICES):
        return 0, Why.DEVICE
    if not file_backed and _same_as_file(region):
        return (min(page_size, region.size) if region.offset == 0 else 0), Why.FILE_BACKED
    return region.size, Why.KEPT


def _same_as_file(region: Region) -> bool:
    """Only what the target cannot write, and what a file on disk backs: neither memfd nor a deleted file does."""
    if not region.path.startswith("/") or region.path.endswith(" (deleted)") or region.path.startswith("/memfd:"):
        return False
    return bool(region.shared) or not region.protection & Protection.WRITE


def _is_relocated(region: Region, following: Region | None) -> bool:
    """Whether the dynamic linker may have written to what is read-only now: PT_GNU_RELRO, just before the data."""
    if following is None or region.shared or following.shared or region.protection != Protection.READ:
        return False
    writable = bool(following.protection & Protection.WRITE)
    return writable and region.path == following.path and region.end == following.start


def _cut(segment: Segment, parts: Iterable[MemoryRange], why: Why) -> Iterator[Segment]:
    """Split a segment so that every part begins one, which runs on to the next: what is not stored trails."""
    kept = list(parts)
    first = kept[0].start if kept else segment.end
    if first > segment.start:
        yield Segment(segment.start, first, segment.protection, 0, why)
    ends = [*(part.start for part in kept[1:]), segment.end]
    for part, end in zip(kept, ends, strict=False):
        yield Segment(part.start, end, segment.protection, part.size, segment.why)


def _overlaps(parts: Sequence[MemoryRange], starts: list[int], start: int, end: int) -> Iterator[MemoryRange]:
    """Yield the intersections of sorted ``parts`` with ``start`` to ``end``, neighbours joined."""
    current: MemoryRange | None = None
    for index in range(max(0, bisect_right(starts, start) - 1), len(parts)):
        low, high = max(parts[index].start, start), min(parts[index].end, end)
        if parts[index].start >= end:
            break
        if low >= high:
            continue
        if current is not None and current.end == low:
            current = MemoryRange(current.start, high)
            continue
        if current is not None:
            yield current
        current = MemoryRange(low, high)
    if current is not None:
        yield current


def _merged(parts: Iterable[MemoryRange]) -> list[MemoryRange]:
    merged: list[MemoryRange] = []
    for part in sorted(parts, key=lambda item: (item.start, item.end)):
        if merged and part.start <= merged[-1].end:
            merged[-1] = MemoryRange(merged[-1].start, max(merged[-1].end, part.end))
        else:
            merged.append(part)
    return merged


def _page_up(address: int, page_size: int) -> int:
    return (address + page_size - 1) & -page_size
