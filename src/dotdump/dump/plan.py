"""Which memory a core keeps, and why the rest is left out. Pure: maps in, a ``DumpPlan`` out.

Every region of the target becomes at least one segment, so that the map is whole even where memory is not. A segment
is stored whole or not at all: of one with a ``p_filesz`` between 0 and ``p_memsz`` readers take the rest for zeros,
as a loader would. ClrMD does, and its DAC then follows pointers that are null and ought to be missing. Where there
would be more segments than ClrMD takes, the smallest without memory are left out.
"""

from __future__ import annotations

from dotdump.dump.segments import CODES, DumpPlan, Segment, Why
from dotdump.linux.devices import devices_of
from dotdump.memory.region import KERNEL_PAGES, Protection
from dotdump.memory.region_table import RegionTable
from dotdump.memory.space import MemoryRange, merged, overlaps
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.memory.region import Region

ZERO_BLOCK = 1 << 20
"""Bytes of zeros that a core holds once, for all segments of zeros to point at."""
MOST_SEGMENTS = 9_990
"""ClrMD refuses a core of more than 10,000 program headers; notes and createdump's page have one each."""
_UNREADABLE = bytes(not rights & Protection.READ.real for rights in range(256))


@record
class FilePages:
    """What is kept of mapped files that the target cannot write: all, or what is ``changed`` (sorted, disjoint).

    ``devices`` are the starts of mappings of devices, of which nothing is; None where only their names can tell.
    """

    all: bool = True
    changed: Sequence[MemoryRange] = ()
    devices: frozenset[int] | None = None


ALL_PAGES = FilePages()


def full(
    regions: Sequence[Region],
    *,
    files: FilePages = ALL_PAGES,
    available: Sequence[MemoryRange] | None = None,
    page_size: int = 4096,
) -> DumpPlan:
    """Return the plan of a full core: all memory that can be read, private and shared.

    Where not all of ``files`` is kept, mappings of them that the target cannot write keep only their first page, in
    which ELF headers and the build-id are, and what is changed; a reader finds the rest in the same file. Writable
    private mappings of files stay whole: they differ from the file; so does what was relocated before it was protected.
    ``available`` (sorted, disjoint) bounds what is there to be read at all, where the target is a core; a process is
    asked page by page when it is copied.
    """
    table = RegionTable.of(regions)
    devices = devices_of(regions) if files.devices is None else files.devices
    sizes = table.sizes
    stored = sizes[:]
    reasons = bytearray(len(table))
    for row in table.rows_of(_UNREADABLE):
        stored[row], reasons[row] = 0, CODES[Why.UNREADABLE]
    for row in table.paths:
        whole_file = files.all or _is_relocated(table, row)
        is_device = table.starts[row] in devices
        stored[row], why = _rule(table[row], file_backed=whole_file, is_device=is_device, page_size=page_size)
        reasons[row] = CODES[why]
    plan = DumpPlan.of_columns(table.starts, sizes, stored, table.protections, bytes(reasons))
    if not files.all:
        starts = [part.start for part in files.changed]
        kept = ((segment, _front(segment, files.changed, starts)) for segment in plan.segments)
        plan = DumpPlan(piece for segment, parts in kept for piece in _cut(segment, parts, segment.why))
    return plan if available is None else _within(plan, available, Why.ABSENT)


def file_ranges(regions: Sequence[Region]) -> list[MemoryRange]:
    """Return what ``full`` leaves out where not all of files is kept, unless it was changed: private mappings, sorted.

    What is mapped shared is the file's by its nature.
    """
    table = RegionTable.of(regions)
    named = [(row, table[row]) for row in table.paths]
    private = [region for row, region in named if not region.shared and not _is_relocated(table, row)]
    return merged(MemoryRange(r.start, r.end) for r in private if r.readable and _same_as_file(r))


def trimmed(plan: DumpPlan, ranges: Sequence[MemoryRange], page_size: int = 4096) -> DumpPlan:
    """Return ``plan`` with memory stored only within ``ranges``, widened to whole pages."""
    kept = merged(MemoryRange(part.start & -page_size, _page_up(part.end, page_size)) for part in ranges)
    return _within(plan, kept, Why.OUT_OF_RANGE)


def _within(plan: DumpPlan, parts: Sequence[MemoryRange], why: Why) -> DumpPlan:
    """Return ``plan`` with memory stored only within ``parts`` (sorted, disjoint), and ``why`` there is none."""
    starts = [part.start for part in parts]
    segments: list[Segment] = []
    for segment in plan.segments:
        if segment.stored:
            segments += _cut(segment, overlaps(parts, starts, segment.start, segment.end), why)
        else:
            segments.append(segment)
    return DumpPlan(segments)


def sharing_zeros(
    plan: DumpPlan, zeros: Sequence[MemoryRange], page_size: int = 4096, block: int = ZERO_BLOCK
) -> DumpPlan:
    """Return ``plan`` with what ``zeros`` (sorted, disjoint) covers of stored memory in segments that share one block.

    Only whole pages are taken out. The zeros stay zeros for every reader; the file just holds ``block`` bytes of them.
    """
    within = [MemoryRange(_page_up(part.start, page_size), part.end & -page_size) for part in zeros]
    inner = [part for part in within if part.start < part.end]
    starts = [part.start for part in inner]
    return DumpPlan(piece for segment in plan.segments for piece in _split(segment, inner, starts, block))


def fitting(plan: DumpPlan, most: int = MOST_SEGMENTS) -> DumpPlan:
    """Return ``plan`` without the smallest segments that store nothing, so that there are at most ``most``.

    They say what is mapped and not in the core; a guard page more or less matters to nobody who cannot open the core.
    As it is where that is not enough.
    """
    excess = len(plan) - most
    if excess <= 0 or plan.stored.count(0) < excess:
        return plan
    empty = [row for row, stored in enumerate(plan.stored) if not stored]
    left_out = set(sorted(empty, key=plan.sizes.__getitem__)[:excess])
    return DumpPlan(segment for row, segment in enumerate(plan.segments) if row not in left_out)


def _split(segment: Segment, zeros: Sequence[MemoryRange], starts: list[int], block: int) -> Iterator[Segment]:
    """Yield the pieces of a segment: what is stored, and what is zero."""
    if not segment.stored:
        yield segment
        return
    position = segment.start
    for zero in overlaps(zeros, starts, segment.start, segment.end):
        if position < zero.start:
            yield Segment(position, zero.start, segment.protection, zero.start - position, segment.why)
        for start in range(zero.start, zero.end, block):
            end = min(start + block, zero.end)
            yield Segment(start, end, segment.protection, end - start, Why.ZERO)
        position = zero.end
    if position < segment.end:
        yield Segment(position, segment.end, segment.protection, segment.end - position, segment.why)


def _rule(region: Region, *, file_backed: bool, is_device: bool, page_size: int) -> tuple[int, Why]:
    """How many bytes of a region are stored, and why."""
    if not region.readable:
        return 0, Why.UNREADABLE
    if not region.path:
        return region.size, Why.KEPT
    if region.path in KERNEL_PAGES:
        return 0, Why.KERNEL
    if is_device:
        return 0, Why.DEVICE
    if not file_backed and _same_as_file(region):
        return (min(page_size, region.size) if region.offset == 0 else 0), Why.FILE_BACKED
    return region.size, Why.KEPT


def _same_as_file(region: Region) -> bool:
    """Only what the target cannot write, and what a file on disk backs: neither memfd nor a deleted file does."""
    if not region.backed or region.path.startswith("/memfd:"):
        return False
    return bool(region.shared) or not region.writable


def _is_relocated(table: RegionTable, row: int) -> bool:
    """Whether the dynamic linker may have written to what is read-only now: PT_GNU_RELRO, just before the data."""
    if row + 1 == len(table):
        return False
    region, following = table[row], table[row + 1]
    if region.shared or following.shared or region.protection != Protection.READ:
        return False
    return following.writable and region.path == following.path and region.end == following.start


def _front(segment: Segment, changed: Sequence[MemoryRange], starts: list[int]) -> list[MemoryRange]:
    """Return what is stored of a segment that is to be cut: of a file its first page and what changed; all; nothing."""
    front = [MemoryRange(segment.start, segment.start + segment.stored)] if segment.stored else []
    if segment.why is not Why.FILE_BACKED:
        return front
    return merged([*front, *overlaps(changed, starts, segment.start, segment.end)])


def _cut(segment: Segment, parts: Iterable[MemoryRange], why: Why) -> Iterator[Segment]:
    """Yield the pieces of a segment: ``parts`` of it, and what lies before, between and behind them."""
    position = segment.start
    for part in parts:
        if position < part.start:
            yield Segment(position, part.start, segment.protection, 0, why)
        yield Segment(part.start, part.end, segment.protection, part.size, segment.why)
        position = part.end
    if position < segment.end:
        yield Segment(position, segment.end, segment.protection, 0, why)


def _page_up(address: int, page_size: int) -> int:
    return (address + page_size - 1) & -page_size
