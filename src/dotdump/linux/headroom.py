"""How much memory a process and its forks may still take: of the machine, and of every control group around it.

Pages that a target writes while its snapshot lives are copied, and charged to the target's control group. What a group
uses includes pages of files that are read and written, a core as it is written: those that the kernel would give up
first are not counted. Source of truth: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst,
proc_meminfo(5).
"""

from __future__ import annotations

import os

from dotdump.errors import CollectError
from dotdump.linux.proc import Proc, read_file
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION_2 = ("memory.max", "memory.current", b"inactive_file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", b"total_inactive_file")
_MOUNTS_2 = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
_MOUNTS_1 = ("/sys/fs/cgroup/memory",)
_NO_LIMIT = 1 << 60


@record
class MemoryGroup:
    """A directory of the memory controller, its files for limit and use, and the line of memory.stat for ``spare``."""

    directory: str
    limit: str
    use: str
    spare: bytes = b"inactive_file"


def memory_groups(pid: int) -> list[MemoryGroup]:
    """Return the control groups that bound the memory of ``pid``, innermost first; empty where none is visible."""
    groups = []
    for membership in Proc(pid).cgroups():
        version_2 = membership.hierarchy == 0
        if not version_2 and "memory" not in membership.controllers:
            continue
        names = _VERSION_2 if version_2 else _VERSION_1
        directories = _directories(_MOUNTS_2 if version_2 else _MOUNTS_1, membership.path)
        found = (directory for directory in directories if os.path.exists(f"{directory}/{names[0]}"))
        groups += [MemoryGroup(directory, *names) for directory in found]
    return groups


def headroom(groups: list[MemoryGroup]) -> int:
    """Return how many bytes can still be taken: what the machine has available, or less where a group says so."""
    room = _available()
    for group in groups:
        limit = _number(f"{group.directory}/{group.limit}")
        use = _number(f"{group.directory}/{group.use}")
        if limit is not None and use is not None and limit < _NO_LIMIT:
            room = min(room, max(limit - max(use - _spare(group), 0), 0))
    return room


def dies_as_a_group(groups: list[MemoryGroup]) -> bool:
    """Whether running out of memory kills all of a group (``memory.oom.group``), not one process of it."""
    return any(_number(f"{group.directory}/memory.oom.group") == 1 for group in groups)


def _directories(mounts: tuple[str, ...], path: str) -> Iterator[str]:
    """Yield the group's directory and those above it, under each mount; inside a container only the mount is seen."""
    for mount in mounts:
        parts = [part for part in path.split("/") if part and part != ".."]
        for depth in range(len(parts), -1, -1):
            yield "/".join((mount, *parts[:depth]))


def _spare(group: MemoryGroup) -> int:
    """Return the bytes of files that the kernel would give up first; 0 where it does not say."""
    try:
        lines = read_file(f"{group.directory}/memory.stat").split(b"\n")
    except OSError:
        return 0
    words = (line.split() for line in lines)
    return next((int(row[1]) for row in words if len(row) == 2 and row[0] == group.spare and row[1].isdigit()), 0)


def _available() -> int:
    for line in read_file("/proc/meminfo").split(b"\n"):
        if line.startswith(b"MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise CollectError("this kernel does not say how much memory is available")


def _number(path: str) -> int | None:
    try:
        text = read_file(path).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
