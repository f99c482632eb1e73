"""Loaded ELF files of a process here: found in its memory, with the files as the process itself sees them."""

from __future__ import annotations

from functools import cached_property

from dotdump.closing import Closing
from dotdump.formats.core_notes import MappedFile, parse_auxv
from dotdump.linux.live_memory import live_memory
from dotdump.linux.proc import Proc
from dotdump.memory.mapped_path import file_name
from dotdump.memory.region_table import named_regions
from dotdump.target.captured import platform_of_this_machine, process_facts
from dotdump.target.core_modules import find_modules
from dotdump.target.elf_module import ElfModule, close_files
from dotdump.target.model import FilePlaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.linux.maps import MapsMemo
    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace
    from dotdump.target.model import Thread


def places_of_process(proc: Proc, symbols: Sequence[str] = ()) -> FilePlaces:
    """Return where files of a process are: below its own root, and separate files of symbols in ``symbols``."""
    return FilePlaces((f"{proc.directory}/root",), tuple(symbols), proc.root())


def modules_of(places: FilePlaces, memory: AddressSpace, regions: Sequence[Region], auxv: bytes) -> Sequence[ElfModule]:
    """Return the loaded files of a process, sorted by base; only ``memory`` is read, and files by build-id."""
    named = [MappedFile(r.start, r.end, r.offset, r.path) for r in named_regions(regions) if r.path[0] == "/"]
    found = find_modules(memory, named, parse_auxv(auxv), regions)
    return tuple(ElfModule(one, memory, places.roots, places.symbols, places.chroot) for one in found)


class LiveView(Closing):
    """A process looked at while it runs: its modules and its memory as they are at that moment. No ``threads``.

    ``memo`` has read its maps a moment ago, if given; they are not read again. ``wanted`` is the name of a file that
    alone is looked for where it is mapped.
    """

    def __init__(self, pid: int, memo: MapsMemo | None = None, wanted: str = "") -> None:
        live = Proc(pid).living()
        self._wanted = wanted
        self.platform = platform_of_this_machine()
        self.process = process_facts(pid)
        self.threads: Sequence[Thread] = ()
        self.regions: Sequence[Region] = (memo.latest if memo else None) or live.maps()
        self.auxv: bytes = live.read("auxv")
        self.places = places_of_process(live)
        self.memory = live_memory(live.pid, self.regions)

    @cached_property
    def modules(self) -> Sequence[ElfModule]:
        """Its loaded ELF files, sorted by base; of the one that is wanted no others."""
        named = [one for one in named_regions(self.regions) if file_name(one.path) == self._wanted]
        found = modules_of(self.places, self.memory, named, b"") if named else ()
        return found or modules_of(self.places, self.memory, self.regions, self.auxv)

    def close(self) -> None:
        """Give up the descriptors. A second call does nothing."""
        close_files(self)
        self.memory.close()
