"""Memory that a fork does not freeze, copied while the process stands still.

Shared memory goes on changing under a forked child; memory marked DONTFORK or WIPEONFORK is not in it at all. Source
of truth: fork(2), madvise(2), proc_pid_smaps(5) "VmFlags".
"""

from __future__ import annotations

from dotdump.linux.pagemap import PAGE_SIZE
from dotdump.linux.process_memory import CHUNK
from dotdump.memory.region import KERNEL_PAGES
from dotdump.memory.region_table import SHARED, RegionTable
from dotdump.memory.space import MemoryRange
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.linux.process_memory import ProcessMemory
    from dotdump.memory.region import Region

CAP = 256 << 20
"""Bytes that are copied in the stop, at most; what is beyond is read later, from the running process."""
_IS_SHARED = bytes(rights & SHARED for rights in range(256))


@record
class Copies:
    """What was copied, by start address, and what is left to be read from the running process."""

    chunks: tuple[tuple[int, bytes], ...]
    live: tuple[MemoryRange, ...]


def is_shared(region: Region) -> bool:
    """Whether a fork shares the region's memory, and somebody may write it."""
    return bool(region.shared) and region.readable and (region.writable or region.path.startswith("/memfd:"))


def unfrozen(
    regions: Sequence[Region], child: Sequence[Region], wiped: frozenset[int], devices: frozenset[int]
) -> list[Region]:
    """Return the regions of a stopped process that its forked ``child`` has not got as they are.

    Where it has inherited all, ``child`` is the very same map, and no row is compared. ``wiped`` are the starts of
    WIPEONFORK regions, ``devices`` those of mappings of devices: these and the kernel's own pages no core holds.
    """
    table = RegionTable.of(regions)
    rows = {row for row in table.rows_of(_IS_SHARED) if is_shared(table[row])}
    if child is not regions:
        inherited = set(_lines(RegionTable.of(child)))
        rows.update(row for row, line in enumerate(_lines(table)) if line not in inherited)
    if wiped:
        rows.update(row for row, start in enumerate(table.starts) if start in wiped)
    found = [table[row] for row in sorted(rows)]
    held = (region for region in found if region.readable and region.path not in KERNEL_PAGES)
    return [region for region in held if region.start not in devices]


def _lines(table: RegionTable) -> Iterator[tuple[object, ...]]:
    """Yield all that the map says of each region."""
    paths = map(table.paths.get, range(len(table)))
    return zip(
        *(table.starts, table.ends, table.rights, table.offsets, table.devices, table.inodes), paths, strict=True
    )


def copy(memory: ProcessMemory, regions: Sequence[Region], most: int) -> Copies:
    """Copy ``regions`` of a stopped process, the smallest first, as far as ``most`` bytes go."""
    chunks, live, left = [], [], most
    for region in sorted(regions, key=lambda region: (region.end - region.start, region.start)):
        if region.size > left:
            live.append(MemoryRange(region.start, region.end))
            continue
        left -= region.size
        chunks += _runs(memory, region)
    return Copies(tuple(chunks), tuple(sorted(live, key=lambda part: part.start)))


def _runs(memory: ProcessMemory, region: Region) -> list[tuple[int, bytes]]:
    """Return the readable parts of one region.

    No more is asked for at a time than one call reads: each page that cannot be read ends one, and behind the end of a
    file that was cut there may be thousands.
    """
    parts, position = [], region.start
    while position < region.end:
        size = min(CHUNK, region.end - position)
        data = memory.read_available(position, size)
        if data:
            parts.append((position, data))
        position += len(data)
        if len(data) < size:
            position = (position + PAGE_SIZE) & -PAGE_SIZE
    return parts
