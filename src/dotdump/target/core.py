"""``open_core``: a core file as a ``Target``, written by the kernel, gcore, createdump, QEMU or ourselves.

What is there is usable, what is not there is named in ``problems``. Nothing of the file but headers and notes is read
before it is asked for.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from functools import cached_property

from dotdump.closing import Closing
from dotdump.errors import FormatError
from dotdump.formats.core_notes import CORE, AuxType, FileNote, NoteType, parse_auxv, parse_file_note
from dotdump.formats.machine import Machine
from dotdump.memory.file import StreamSpace
from dotdump.memory.overlay import OverlaySpace
from dotdump.memory.segments import SegmentSpace
from dotdump.memory.space import AddressSpace
from dotdump.records import replace
from dotdump.target.compressed import is_zstd, open_zstd
from dotdump.target.core_file import CoreFile, read_core_file
from dotdump.target.core_modules import find_modules
from dotdump.target.core_regions import regions_of
from dotdump.target.core_source import file_space
from dotdump.target.core_threads import process_of, siginfo_of, threads_of
from dotdump.target.elf_module import ElfModule, close_files
from dotdump.target.file_layer import FileLayer
from dotdump.target.model import Architecture, FilePlaces, Platform, Problem
from dotdump.target.own_notes import maps_of, origin_of, read_trailer, without_gaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO, Protocol

    from dotdump.formats.core_notes import Siginfo
    from dotdump.formats.dotdump_notes import Origin, Trailer
    from dotdump.memory.region import Region
    from dotdump.memory.segments import LoadSegment
    from dotdump.target.model import ProcessFacts, Thread
else:
    Protocol = object

COMPRESSION = "compression"
"""What kind of problem a compressed file is that is cut or contradicts itself; its content may be whole."""
_ARCHITECTURES = {Machine.X86_64: Architecture.X86_64, Machine.AARCH64: Architecture.AARCH64}
_PAGE_SIZES = frozenset((4 << 10, 16 << 10, 64 << 10))
"""Those that kernels of these architectures can be built for."""


class RandomAccess(AddressSpace, Protocol):
    """The bytes of a core file by position, wherever they come from."""

    name: str
    size: int

    def close(self) -> None:
        """Release it."""


def open_core(
    source: str | os.PathLike[str] | BinaryIO, sysroots: Sequence[str] = (), symbols: Sequence[str] = ()
) -> CoreTarget:
    """Open a core: a path, or a binary file object that can seek. For any other source make a ``CoreTarget`` of it.

    A zstd file is read in place where it has frames to be read one by one, else unpacked into a temporary file with an
    ``UnpackedWarning``. ``sysroots`` are directories in which the target's files are looked for before this machine's
    own, ``symbols`` folders with separate files of symbols. Raises ``FormatError`` where it is no core that can be
    read; ``OSError`` where the file cannot be opened.
    """
    space: RandomAccess = file_space(source) if isinstance(source, str | os.PathLike) else StreamSpace(source)
    problems: list[Problem] = []
    try:
        if is_zstd(space):
            space, damage = open_zstd(space, lambda text: problems.append(Problem(COMPRESSION, text)))
            problems += [] if damage is None else [Problem(COMPRESSION, str(damage))]
        return CoreTarget(space, sysroots, problems, symbols)
    except BaseException:
        space.close()
        raise


class CoreTarget(Closing):
    """A core file, open. ``file`` is what its headers say, ``signal`` why the process died, where a signal did it.

    ``problems`` are those of ``source``: what is found of the core is added, and so is what shows as it is read.
    """

    def __init__(
        self,
        source: RandomAccess,
        sysroots: Sequence[str] = (),
        problems: list[Problem] | None = None,
        symbols: Sequence[str] = (),
    ) -> None:
        self.source = source
        self.places = FilePlaces(tuple(sysroots), tuple(symbols))
        self.file: CoreFile = read_core_file(source, source.size, source.name)
        self._problems: list[Problem] = [] if problems is None else problems
        self._problems += self.file.problems
        notes = self.file.notes
        self.threads: Sequence[Thread] = threads_of(notes, self.file.registers, self._problems)
        self.process: ProcessFacts = process_of(notes, self.threads, self._problems)
        self.origin: Origin | None = origin_of(notes, self._problems)
        if self.origin is not None:
            self.process = replace(self.process, arguments=self.origin.arguments)
        self.signal: Siginfo | None = siginfo_of(self.threads, self._problems)
        self.auxv: bytes = next((n.data for n in notes if (n.owner, n.type) == (CORE, NoteType.AUXV)), b"")

    @property
    def problems(self) -> Sequence[Problem]:
        """What of it is damaged or missing, as far as that has shown: reading more of it may add to them."""
        return tuple(self._problems)

    @cached_property
    def platform(self) -> Platform:
        """What the process ran on."""
        page_size = parse_auxv(self.auxv).get(AuxType.PAGESZ, 4096)
        if page_size not in _PAGE_SIZES:
            self._problems.append(Problem("notes", f"no kernel has pages of {page_size} bytes, as AT_PAGESZ says"))
            page_size = 4096
        return Platform(_ARCHITECTURES[self.file.registers.machine], 8, page_size)

    @cached_property
    def mapped_files(self) -> FileNote | None:
        """NT_FILE, or None where the core has none that can be understood."""
        for note in self.file.notes:
            if (note.owner, note.type) == (CORE, NoteType.FILE):
                try:
                    found = parse_file_note(note.data)
                except FormatError as error:
                    self._problems.append(Problem("notes", error.message))
                    return None
                if found.missing:
                    self._problems.append(Problem("notes", f"NT_FILE lacks {found.missing} of its lines"))
                return found
        return None

    @cached_property
    def trailer(self) -> Trailer | None:
        """Counts, checksums and gaps of a core that we wrote; None where another did, or where it was cut."""
        if self.origin is None:
            return None
        found = read_trailer(self.source, self.file.expected_size, self.source.name)
        if isinstance(found, Problem):
            self._problems.append(found)
            return None
        return found

    @cached_property
    def core_memory(self) -> SegmentSpace:
        """The memory that the core itself holds."""
        loads: Iterable[LoadSegment] = self.file.segments.load_rows()
        if self.trailer is not None and self.trailer.gaps:
            loads = without_gaps(loads, self.trailer.gaps)
        return SegmentSpace(self.source, loads, self.source.size, self.source.name)

    @cached_property
    def memory(self) -> OverlaySpace:
        """All memory that can be had: the core's own, then read-only parts of the files that were mapped."""
        return OverlaySpace([self.core_memory, self.file_memory])

    @cached_property
    def file_memory(self) -> FileLayer:
        """The read-only memory that the files of its modules still have."""
        return FileLayer(lambda: self.modules)

    @cached_property
    def regions(self) -> Sequence[Region]:
        """The mappings where the core lists them; else its segments, cut and named by NT_FILE."""
        if (maps := maps_of(self.file.notes, self._problems)) is not None:
            return maps
        vector = parse_auxv(self.auxv)
        named = [(vector[AuxType.SYSINFO_EHDR], "[vdso]")] if AuxType.SYSINFO_EHDR in vector else []
        named += [(t.stack_pointer, "[stack]") for t in self.threads if t.tid == self.process.pid]
        return regions_of(self.file.loads, self.mapped_files.files if self.mapped_files else (), named)

    @cached_property
    def modules(self) -> Sequence[ElfModule]:
        """Its loaded ELF files, sorted by base."""
        files = self.mapped_files.files if self.mapped_files else ()
        found = find_modules(self.core_memory, files, parse_auxv(self.auxv), self.regions)
        return tuple(ElfModule(one, self.memory, self.places.roots, self.places.symbols) for one in found)

    def module_at(self, address: int) -> ElfModule | None:
        """Return the loaded file that covers ``address``, or None."""
        index = bisect_right(self._bases, address) - 1
        return self.modules[index] if index >= 0 and address < self.modules[index].end else None

    @cached_property
    def _bases(self) -> list[int]:
        return [module.base for module in self.modules]

    def close(self) -> None:
        """Release the file, and those of its modules."""
        close_files(self)
        self.source.close()
