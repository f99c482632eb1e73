"""Room for a dump: how large it will be, and whether that fits, asked before anything is stopped.

Source of truth: which mappings createdump writes for each type, measured on 3.1, 8, 9 and 10 to within 1 % for Full
and 10 MB for Heap; fstatvfs(3).
"""

from __future__ import annotations

import os
from errno import EDQUOT, EFBIG, ENOSPC

from dotdump.errors import OutputRefused
from dotdump.ipc.dump import DumpType
from dotdump.memory.region import KERNEL_PAGES, Protection
from dotdump.memory.region_table import RegionTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.linux.status import Status
    from dotdump.memory.region import Region

MORE_ROOM = "free some space, write elsewhere with -o, or take a smaller type with --type"
_FULL = "free some space, or write elsewhere"
TAKES_NO_MORE = {
    ENOSPC: _FULL,
    EDQUOT: _FULL,
    EFBIG: "the file may be no larger: raise our limit with ulimit -f, or write to another file system",
}
"""What to do about a file that takes no more, by the error's number."""

_WRITABLE = bytes(rights & Protection.WRITE.real for rights in range(256))

HEAP_EXTRA = 8 << 20
"""What a Heap dump has besides writable memory, in bytes: headers and tables of modules, the DAC's own findings."""


def expected_size(regions: Sequence[Region], dump_type: DumpType) -> int | None:
    """Return about how many bytes createdump will write; None for the small types, which no map can tell."""
    table = RegionTable.of(regions)
    if dump_type is DumpType.FULL:
        unwritten = [region.size for region in table.named if region.protection and region.path in KERNEL_PAGES]
        return table.size_of(table.protections) - sum(unwritten)
    if dump_type is DumpType.HEAP:
        backed = [region.size for region in table.named if region.backed and region.writable]
        return HEAP_EXTRA + table.size_of(table.rights.translate(_WRITABLE)) - sum(backed)
    return None


def own_size(status: Status, regions: RegionTable, dump_type: DumpType) -> int | None:
    """Return how many bytes a core of ours stores at most: what is resident, and what files back where that is kept.

    As ``expected_size``, None for the small types.
    """
    resident = status.resident if status.own_resident is None else status.own_resident
    whole = expected_size(regions, dump_type)
    if resident is None or whole is None:
        return whole
    if dump_type is DumpType.HEAP:
        return min(whole, resident + HEAP_EXTRA)
    return min(whole, resident + sum(region.size for region in regions.named if region.inode))


def require_space(directory: int, path: str, expected: int | None) -> None:
    """Raise ``OutputRefused`` where the file system of an open directory has less room than ``expected`` bytes."""
    free = free_bytes(os.fstatvfs(directory))
    if expected is not None and free is not None and free < expected:
        raise OutputRefused(
            f"cannot write {path}: the dump may need {megabytes(expected)}, and {megabytes(free)} are free",
            hint=MORE_ROOM,
        )


def free_bytes(room: os.statvfs_result) -> int | None:
    """Return what a file system has left for us; None where it counts no blocks, as ramfs: it says 0 of them all."""
    return room.f_bavail * room.f_frsize if room.f_blocks else None


def megabytes(size: int) -> str:
    """Return a size for a sentence: whole megabytes, or kilobytes where that would be none."""
    return f"{size / 1e6:,.0f} MB" if size >= 10_000_000 else f"{size / 1e3:,.0f} kB"
