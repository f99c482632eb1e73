"""How much memory a process and its forks may still take: of the machine, and of every control group around it.

Pages that a target writes while its snapshot lives are copied, and charged to the target's control group. What a group
uses includes pages of files that are read and written, a core as it is written: those that the kernel would give up
first are not counted. Of nested groups the tightest counts. Source of truth: the kernel's
Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst, proc_meminfo(5), sysconf(3).
"""

from __future__ import annotations

import os

from dotdump.linux.proc import Proc, read_file
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.linux.cgroup import CgroupMembership
    from dotdump.linux.mounts import Mount

_VERSION_2 = ("memory.max", "memory.current", b"inactive_file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", b"total_inactive_file")
_NO_LIMIT = 1 << 60
_MEMORY = "/proc/meminfo"


@record
class MemoryGroup:
    """A directory of the memory controller, its files for limit and use, and the line of memory.stat for ``spare``."""

    directory: str
    limit: str
    use: str
    spare: bytes = b"inactive_file"


def memory_groups(pid: int) -> list[MemoryGroup]:
    """Return the control groups that bound the memory of ``pid``, innermost first; empty where we see none."""
    mounts, groups = Proc(os.getpid()).mounts(), list[MemoryGroup]()
    for membership in Proc(pid).cgroups():
        names = _VERSION_1 if membership.controllers else _VERSION_2
        for mount in mounts:
            if _holds(mount, membership):
                directories = _directories(mount, membership.path)
                found = (directory for directory in directories if os.path.exists(f"{directory}/{names[0]}"))
                groups += [MemoryGroup(directory, *names) for directory in found]
    return groups


def headroom(groups: list[MemoryGroup]) -> int:
    """Return how many bytes can still be taken: what the machine has available, or less where a group says so."""
    room, left = _available(), tightest(groups)[0]
    return room if left is None else min(room, left)


def tightest(groups: list[MemoryGroup]) -> tuple[int | None, str]:
    """Return the bytes left in the tightest group that has a limit, and its directory; None where none has."""
    found = ((_left(group), group.directory) for group in groups)
    return min(((left, directory) for left, directory in found if left is not None), default=(None, ""))


def dies_as_a_group(groups: list[MemoryGroup]) -> bool:
    """Whether running out of memory kills all of a group (``memory.oom.group``), not one process of it."""
    return any(_number(f"{group.directory}/memory.oom.group") == 1 for group in groups)


def _holds(mount: Mount, membership: CgroupMembership) -> bool:
    if membership.controllers:
        return mount.file_system == "cgroup" and "memory" in membership.controllers and "memory" in mount.super_options
    return mount.file_system == "cgroup2"


def _directories(mount: Mount, path: str) -> Iterator[str]:
    """Yield the group's directory and those above it; inside a container only the mount itself may be seen."""
    root = mount.root.rstrip("/")
    below = path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path
    parts = [part for part in below.split("/") if part and part != ".."]
    for depth in range(len(parts), -1, -1):
        yield "/".join((mount.point, *parts[:depth]))


def _left(group: MemoryGroup) -> int | None:
    """Return the bytes left in one group, or None where it has no limit."""
    limit, use = _number(f"{group.directory}/{group.limit}"), _number(f"{group.directory}/{group.use}")
    if limit is None or use is None or limit >= _NO_LIMIT:
        return None
    return max(limit - max(use - _spare(group), 0), 0)


def _spare(group: MemoryGroup) -> int:
    """Return the bytes of files that the kernel would give up first; 0 where it does not say."""
    try:
        lines = read_file(f"{group.directory}/memory.stat").split(b"\n")
    except OSError:
        return 0
    words = (line.split() for line in lines)
    return next((int(row[1]) for row in words if len(row) == 2 and row[0] == group.spare and row[1].isdigit()), 0)


def _available() -> int:
    """Return what the machine has available; what is free, which is less, where /proc does not say (subset=pid)."""
    try:
        lines = read_file(_MEMORY).split(b"\n")
    except OSError:
        lines = []
    for line in lines:
        if line.startswith(b"MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _number(path: str) -> int | None:
    try:
        text = read_file(path).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
