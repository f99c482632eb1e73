"""Why a process should not be forked: what would hang, lose memory, or endanger the process. Asked before any stop.

Source of truth: userfaultfd(2), proc_pid_smaps(5) "VmFlags", the kernel's cgroup-v2.rst, measurements of each.
"""

from __future__ import annotations

from dotdump.linux.headroom import dies_as_a_group, headroom
from dotdump.linux.unfrozen import CAP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.linux.headroom import MemoryGroup
    from dotdump.linux.smaps import MemoryUse

LEAST_HEADROOM = 64 << 20
"""Bytes that must stay available while a twin lives."""
_SHARE_WRITTEN = 4
"""While it is dumped, a process is expected to write at most one in so many of its pages."""
_COPIES = 2
"""Of shared memory, one of them for a moment."""
_USERFAULTFD = frozenset(("um", "uw", "ui"))
_HUGETLB = "ht"


def find_risk(use: MemoryUse, groups: list[MemoryGroup], *, shadow_stack: bool) -> str | None:
    """Return why the process should not be forked, continuing "process N …", or None."""
    if shadow_stack:
        return "runs with shadow stacks, which an injected call cannot use"
    return _kind_of_memory(use) or _lack_of_memory(use, groups)


def _kind_of_memory(use: MemoryUse) -> str | None:
    if use.flags & _USERFAULTFD:
        return "uses userfaultfd: a forked child could wait for pages for ever"
    if _HUGETLB in use.private_flags:
        return "has private huge pages, which a forked child loses when the pool is empty"
    if use.shared > CAP:
        return f"has {use.shared >> 20} MiB of shared memory, which no fork freezes"
    return None


def _lack_of_memory(use: MemoryUse, groups: list[MemoryGroup]) -> str | None:
    if dies_as_a_group(groups):
        return "is in a control group that is killed as a whole when memory runs out (memory.oom.group)"
    needed = use.private // _SHARE_WRITTEN + _COPIES * use.shared + LEAST_HEADROOM
    room = headroom(groups)
    if room < needed:
        copied = ", and a copy of what it shares" if use.shared else ""
        return f"may need {needed >> 20} MiB for pages it writes meanwhile{copied}: {room >> 20} MiB are available"
    return None


def most_copied(groups: list[MemoryGroup]) -> int:
    """Return how many bytes of memory that no fork freezes may be copied: in a container we are in the same group."""
    return max(min(CAP, (headroom(groups) - LEAST_HEADROOM) // _COPIES), 0)
