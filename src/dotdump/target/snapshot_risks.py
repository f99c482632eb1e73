"""Why a process should not be forked: what would hang, lose memory, or endanger the process. Asked before any stop.

Source of truth: userfaultfd(2), proc_pid_smaps(5) "VmFlags", the kernel's cgroup-v2.rst, measurements of each.
"""

from __future__ import annotations

from dotdump.linux.headroom import dies_as_a_group, headroom
from dotdump.linux.unfrozen import CAP, is_shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.linux.headroom import MemoryGroup
    from dotdump.linux.maps import RegionUse

LEAST_HEADROOM = 64 << 20
"""Bytes that must stay available while a twin lives."""
_SHARE_WRITTEN = 4
"""While it is dumped, a process is expected to write at most one in so many of its pages."""
_USERFAULTFD = frozenset(("um", "uw", "ui"))
_HUGETLB = "ht"


def find_risk(uses: Sequence[RegionUse], groups: list[MemoryGroup], *, shadow_stack: bool) -> str | None:
    """Return why the process should not be forked, continuing "process N …", or None."""
    if shadow_stack:
        return "runs with shadow stacks, which an injected call cannot use"
    return _kind_of_memory(uses) or _lack_of_memory(uses, groups)


def _kind_of_memory(uses: Sequence[RegionUse]) -> str | None:
    flags = frozenset().union(*(use.flags for use in uses))
    if flags & _USERFAULTFD:
        return "uses userfaultfd: a forked child could wait for pages for ever"
    if any(_HUGETLB in use.flags and not use.region.shared for use in uses):
        return "has private huge pages, which a forked child loses when the pool is empty"
    shared = sum(use.resident for use in uses if is_shared(use.region))
    if shared > CAP:
        return f"has {shared >> 20} MiB of shared memory, which no fork freezes"
    return None


def _lack_of_memory(uses: Sequence[RegionUse], groups: list[MemoryGroup]) -> str | None:
    if dies_as_a_group(groups):
        return "is in a control group that is killed as a whole when memory runs out (memory.oom.group)"
    resident = sum(use.resident for use in uses if not use.region.shared)
    needed = resident // _SHARE_WRITTEN + LEAST_HEADROOM
    room = headroom(groups)
    if room < needed:
        return f"may need {needed >> 20} MiB for pages it writes meanwhile, and {room >> 20} MiB are available"
    return None
