"""``live_memory``: the memory of a process as it is, read the fastest way, absent pages of files from the files."""

from __future__ import annotations

from dotdump.linux.backing import BackingFiles
from dotdump.linux.pagemap import Pagemap
from dotdump.linux.process_memory import ProcessMemory, VmReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.memory.region import Region
    from dotdump.memory.space import MemoryRange


def live_memory(pid: int, regions: Sequence[Region], awaited: Sequence[MemoryRange] = ()) -> ProcessMemory:
    """Return the memory of process ``pid``, which maps ``regions``; of ``awaited`` memory no absent page is read."""
    return ProcessMemory(VmReader(pid), regions, Pagemap(pid), BackingFiles(pid), awaited)
