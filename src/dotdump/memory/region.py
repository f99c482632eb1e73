"""``Region``: a line of /proc/PID/maps, or what a core says of the same."""

from __future__ import annotations

from bisect import bisect_right
from enum import IntFlag

from dotdump.memory.mapped_path import DELETED
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Protection(IntFlag):
    """Rights of a mapping, with the values of ELF ``p_flags`` (gABI ch. 5)."""

    EXECUTE = 1
    WRITE = 2
    READ = 4


KERNEL_PAGES = frozenset({"[vvar]", "[vvar_vclock]", "[vsyscall]", "[vectors]"})
"""Names of what the kernel maps into every process for itself: others cannot read it, and no core has it."""

_READ, _WRITE, _EXECUTE = Protection.READ.real, Protection.WRITE.real, Protection.EXECUTE.real


@record
class Region:
    """One line of /proc/PID/maps, or what a core says of the same.

    ``offset`` is in bytes into ``path``; ``path`` is empty for anonymous memory, in brackets for the kernel's own
    (``[stack]``, ``[vdso]``). ``shared`` is None where the source cannot know (a core).
    """

    start: int
    end: int
    protection: Protection
    offset: int = 0
    path: str = ""
    shared: bool | None = None
    device: tuple[int, int] = (0, 0)
    inode: int = 0

    @property
    def size(self) -> int:
        """Bytes in the region."""
        return self.end - self.start

    @property
    def readable(self) -> bool:
        """Whether the process itself may read it. The plain number is asked: ``&`` of flags makes a new flag."""
        return self.protection.real & _READ != 0

    @property
    def writable(self) -> bool:
        """Whether the process itself may write it."""
        return self.protection.real & _WRITE != 0

    @property
    def backed(self) -> bool:
        """Whether a file that has a name backs it."""
        return self.path.startswith("/") and not self.path.endswith(DELETED)

    @property
    def executable(self) -> bool:
        """Whether the process itself may run what is there."""
        return self.protection.real & _EXECUTE != 0


def region_at(regions: Sequence[Region], address: int) -> Region | None:
    """Return the one of ``regions``, which are sorted and disjoint, that ``address`` is in, or None."""
    index = bisect_right(regions, address, key=lambda region: region.start) - 1
    return regions[index] if index >= 0 and address < regions[index].end else None
