"""How much memory the control groups of a process may still use, versions 1 and 2.

Of nested groups the tightest counts. A group's use includes page cache that the kernel would give up first, so that is
not counted. Source of truth: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst.
"""

from __future__ import annotations

import os

from dotdump.errors import CollectError, FormatError
from dotdump.linux.proc import Proc, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.linux.cgroup import CgroupMembership
    from dotdump.linux.mounts import Mount

_UNLIMITED = 1 << 60
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", b"total_inactive_file")
_V2 = ("memory.max", "memory.current", b"inactive_file")


def find_headroom(proc: Proc) -> tuple[int | None, str]:
    """Return bytes left in the tightest group that has a limit, and its directory; None where none has, or shows."""
    best: tuple[int | None, str] = None, ""
    try:
        directories = list(_directories(proc))
    except (CollectError, FormatError):
        return best
    for directory, names in directories:
        left = read_headroom(directory, names)
        if left is not None and (best[0] is None or left < best[0]):
            best = left, directory
    return best


def read_headroom(directory: str, names: tuple[str, str, bytes]) -> int | None:
    """Return the bytes left in one group, or None where it has no limit."""
    limit_file, usage_file, reclaimable = names
    try:
        limit = int(read_file(f"{directory}/{limit_file}"))
        used = int(read_file(f"{directory}/{usage_file}"))
        lines = [line.split() for line in read_file(f"{directory}/memory.stat").split(b"\n")]
    except (OSError, ValueError):
        return None
    if limit >= _UNLIMITED:
        return None
    spare = next((int(line[1]) for line in lines if line[:1] == [reclaimable] and line[1].isdigit()), 0)
    return max(0, limit - max(0, used - spare))


def _directories(proc: Proc) -> Iterator[tuple[str, tuple[str, str, bytes]]]:
    """Yield the directories of the process's groups as we see them, from its own up to the root of the mount."""
    mounts = Proc(os.getpid()).mounts()
    for membership in proc.cgroups():
        for mount in mounts:
            if _holds(mount, membership):
                inside = membership.path.removeprefix(mount.root.rstrip("/")).strip("/")
                names = _V1 if membership.controllers else _V2
                while inside:
                    yield f"{mount.point}/{inside}", names
                    inside = inside.rpartition("/")[0]
                yield mount.point, names


def _holds(mount: Mount, membership: CgroupMembership) -> bool:
    if membership.controllers:
        return mount.file_system == "cgroup" and "memory" in membership.controllers and "memory" in mount.super_options
    return mount.file_system == "cgroup2"
