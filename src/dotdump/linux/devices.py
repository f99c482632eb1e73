"""Which mappings are of devices: reading one could act on it, and what is there is no memory of the process.

A file below /dev need be none: on a file system that is mounted there (/dev/shm, hugetlbfs, any tmpfs) it is memory as
that of any file. So the file itself is asked, and only where it cannot be seen its name. Source: proc_pid_map_files(5).
"""

from __future__ import annotations

import os
import stat

from dotdump.memory.mapped_path import within
from dotdump.memory.region_table import named_regions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.memory.region import Region

_DIRECTORY = "/dev/"
_GIVE_MEMORY = ("/dev/zero", "/dev/ashmem")
"""Devices whose mappings are memory and nothing else."""
_FILE_SYSTEMS = ("/dev/shm/", "/dev/hugepages/")  # noqa: S108 - compared with


def devices_of(regions: Sequence[Region], roots: Sequence[str] = (), chroot: str = "/") -> frozenset[int]:
    """Return the starts of mappings of devices; ``roots`` are directories that stand for the target's root.

    Of a process that is /proc/PID/root. ``chroot`` is that root by the kernel's name, which paths there begin with.
    """
    named = ((region, within(chroot, region.path)) for region in named_regions(regions))
    found = ((region, path) for region, path in named if path.startswith(_DIRECTORY))
    return frozenset(region.start for region, path in found if _is_device(region, path, roots))


def _is_device(region: Region, inside: str, roots: Sequence[str]) -> bool:
    if inside.startswith(_GIVE_MEMORY):
        return False
    for path in _paths(region, inside, roots):
        try:
            return not stat.S_ISREG(os.stat(path).st_mode)
        except OSError:
            continue
    return not inside.startswith(_FILE_SYSTEMS)


def _paths(region: Region, inside: str, roots: Sequence[str]) -> Iterator[str]:
    for root in roots:
        yield f"{os.path.dirname(root)}/map_files/{region.start:x}-{region.end:x}"
        if region.backed:
            yield root + inside
