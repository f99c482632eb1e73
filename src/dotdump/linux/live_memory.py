"""The memory of a process as it is, and of a twin of it: which way each is read, and by what."""

from __future__ import annotations

from dotdump.linux.backing import BackingFiles
from dotdump.linux.errors import explain
from dotdump.linux.memory_sources import MemFile, VmReader
from dotdump.linux.pagemap import Pagemap
from dotdump.linux.process_memory import ProcessMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.memory.region import Region
    from dotdump.memory.space import MemoryRange


def live_memory(pid: int, regions: Sequence[Region], awaited: Sequence[MemoryRange] = ()) -> ProcessMemory:
    """Return the memory of process ``pid``, which maps ``regions``; of ``awaited`` memory no absent page is read.

    It is read the fastest way, absent pages of files from the files. ``ProcessGone``, ``AccessDenied``.
    """
    return ProcessMemory(VmReader(pid), regions, _pagemap(pid), BackingFiles(pid), awaited)


def twin_memory(pid: int, regions: Sequence[Region]) -> ProcessMemory:
    """Return the memory of a forked twin, read so that it goes on sharing its pages; raises as ``live_memory``."""
    pages = _pagemap(pid)
    try:
        source = MemFile(pid)
    except OSError as error:
        pages.close()
        raise explain(error, pid, "read its memory") from error
    return ProcessMemory(source, regions, pages)


def _pagemap(pid: int) -> Pagemap:
    try:
        return Pagemap(pid)
    except OSError as error:
        raise explain(error, pid, "read its page table") from error
