"""Which ELF files a core had loaded: by NT_FILE; by the dynamic linker's list; by ELF headers in memory.

The three are tried in that order and later ones only add what earlier ones have not got: some writers (QEMU) leave
NT_FILE out, a static program has no linker's list, and both know nothing of the vdso. A file may also have been mapped
or read as data: a loaded one has what it lets be written where it belongs. Every list is bounded.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from contextlib import suppress
from operator import attrgetter

from dotdump.errors import DotdumpError, FormatError
from dotdump.formats.core_notes import AuxType
from dotdump.formats.elf import MAGIC, PROGRAM_HEADER, ElfType, SegmentType
from dotdump.formats.elf_image import DT_DEBUG, ElfImage, image_at
from dotdump.limits import LINK_MAP
from dotdump.memory.mapped_path import file_name
from dotdump.memory.reader import Reader
from dotdump.memory.region import Protection, region_at
from dotdump.memory.region_table import RegionTable
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dotdump.formats.core_notes import MappedFile
    from dotdump.formats.elf import ProgramHeader
    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace

_START = attrgetter("start")
_MAPPINGS = 64
"""Mappings of one file before that of its dynamic section: linkers make six at most."""


@record
class FoundModule:
    """A loaded file; ``image`` is what memory shows of it, or None where its ELF header is not there."""

    path: str
    base: int
    end: int
    image: ElfImage | None


def find_modules(
    memory: AddressSpace, files: Sequence[MappedFile], auxv: Mapping[int, int], regions: Sequence[Region]
) -> list[FoundModule]:
    """Return the loaded files, sorted by base and disjoint."""
    found = _Search(memory, _Layout(files, regions))
    for path, base, end in _named_in_note(files, auxv.get(AuxType.PHDR, 0)):
        found.add_if_laid_out(path, base, end)
    for path, base, dynamic in _linked(memory, auxv, regions):
        around = region_at(regions, dynamic)
        found.add(path, base, around.end if around is not None else 0)
    if vdso := auxv.get(AuxType.SYSINFO_EHDR):
        found.add("[vdso]", vdso)
    for region in regions.named if isinstance(regions, RegionTable) else regions:
        if _may_hold_file(region) and memory.read_available(region.start, 4) == MAGIC:
            found.add_if_laid_out(region.path, region.start)
    return _disjoint(found.modules.values())


def _may_hold_file(region: Region) -> bool:
    """Whether a file may be mapped there: where paths are known (``shared`` is), only what has one."""
    return region.readable and (region.path != "" or region.shared is None)


class _Search:
    """Loaded files by base, those that are surely loaded first."""

    def __init__(self, memory: AddressSpace, layout: _Layout) -> None:
        self.modules: dict[int, FoundModule] = {}
        self._memory = memory
        self._layout = layout

    def add(self, path: str, base: int, end: int = 0) -> None:
        """Add a file unless its base is known; one whose header is gone ends at ``end``, if that is known."""
        if base not in self.modules and (module := self._module_at(path, base, end)) is not None:
            self.modules[base] = module

    def add_if_laid_out(self, path: str, base: int, end: int = 0) -> None:
        """Add a file that may only be mapped as data: what is left of one whose header is gone is not asked."""
        if base in self.modules or (module := self._module_at(path, base, end)) is None:
            return
        if module.image is None or self._layout.fits(module.image, path):
            self.modules[base] = module

    def _module_at(self, path: str, base: int, end: int) -> FoundModule | None:
        try:
            image = image_at(self._memory, base)
        except FormatError:
            gone = end > 0 and self._memory.read_available(base, 4) == b""
            return FoundModule(path, base, end, None) if gone else None
        if image.header.type in (ElfType.DYN, ElfType.EXEC) and image.bias + image.start == base:
            return FoundModule(path or image.soname, base, image.bias + image.end, image)
        return None


class _Layout:
    """What was mapped, to tell a loaded file from one that was mapped or read as data."""

    def __init__(self, files: Sequence[MappedFile], regions: Sequence[Region]) -> None:
        self._regions = regions
        self._lines: dict[str, list[MappedFile]] = defaultdict(list)
        for line in sorted(files, key=_START):
            self._lines[line.path].append(line)

    def fits(self, image: ElfImage, path: str) -> bool:
        """Whether all that ``image`` lets be written is where it belongs."""
        lines = self._lines.get(path, ())
        return all(self._has(part, image, lines) for part in image.headers if _is_written(part))

    def _has(self, part: ProgramHeader, image: ElfImage, lines: Sequence[MappedFile]) -> bool:
        """Whether ``part`` is mapped from its place in the file and writable, as far as a core tells of these."""
        start, end = _span(part, image)
        around = region_at(self._regions, end - 1)
        if lines and not _continues(lines[bisect_right(lines, start, key=_START) - 1], start, part.offset):
            return False
        if around is None:
            return bool(lines)
        return around.writable or any(_covers(other, end, image) for other in image.headers)


def _is_written(part: ProgramHeader) -> bool:
    return part.type == SegmentType.LOAD and part.filesz > 0 and part.flags & Protection.WRITE != 0


def _covers(part: ProgramHeader, end: int, image: ElfImage) -> bool:
    """Whether what comes before ``end`` was protected when it had been relocated."""
    first, last = _span(part, image)
    return part.type == SegmentType.GNU_RELRO and first < end <= last


def _span(part: ProgramHeader, image: ElfImage) -> tuple[int, int]:
    return image.bias + part.vaddr, image.bias + part.vaddr + part.memsz


def _continues(line: MappedFile, address: int, offset: int) -> bool:
    return line.start <= address < line.end and line.offset + address - line.start == offset


def _disjoint(modules: Iterable[FoundModule]) -> list[FoundModule]:
    """Leave out what overlaps a file that is known more surely: ``modules`` come in the order of trust."""
    kept: list[FoundModule] = []
    for module in modules:
        place = bisect_right(kept, module.base, key=attrgetter("base"))
        before, after = kept[place - 1 : place], kept[place : place + 1]
        if all(one.end <= module.base for one in before) and all(module.end <= one.base for one in after):
            kept.insert(place, module)
    return kept


def _named_in_note(files: Sequence[MappedFile], headers: int) -> Iterator[tuple[str, int, int]]:
    """Yield path, base, and the end of what follows of the same file.

    The end is 0 where nothing does, and where a file is neither called a library nor has the program's ``headers``. Of
    lines with the same start, as no two mappings have it, the first counts.
    """
    found: list[tuple[MappedFile, int]] = []
    reached: int | None = None  # of the file that was found last, as long as it goes on
    last = -1
    for line in sorted(files, key=_START):
        if line.start == last:
            continue
        last = line.start
        if line.offset == 0:
            found.append((line, 0))
            reached = 0
        elif reached is not None and line.path == found[-1][0].path and line.offset >= reached:
            found[-1] = found[-1][0], line.end
            reached = line.offset
        else:
            reached = None
    for first, end in found:
        loaded = file_name(first.path).find(".so") > 0 or first.start <= headers < first.end
        yield first.path, first.start, end if loaded else 0


def _linked(memory: AddressSpace, auxv: Mapping[int, int], regions: Sequence[Region]) -> Iterator[tuple[str, int, int]]:
    """Yield path, base and dynamic section along the dynamic linker's list, found by DT_DEBUG of the executable."""
    reader = Reader(memory)
    try:
        program = _executable(memory, auxv)
        if program is None:
            return
        path = reader.cstring(auxv[AuxType.EXECFN]).decode("utf-8", "surrogateescape") if AuxType.EXECFN in auxv else ""
        yield path, program.bias + program.start, 0
        entry = reader.u64(program.dynamic.get(DT_DEBUG, 0) + 8)
        files = _LinkedFiles(memory, regions)
        seen: set[int] = set()
        while entry and entry not in seen and len(seen) < LINK_MAP:
            seen.add(entry)
            bias, name, dynamic, entry = (reader.u64(entry + 8 * n) for n in range(4))
            if base := files.base_of(bias, dynamic):
                yield reader.cstring(name).decode("utf-8", "surrogateescape"), base, dynamic
    except DotdumpError:
        return


def _executable(memory: AddressSpace, auxv: Mapping[int, int]) -> ElfImage | None:
    """Return the executable: its ELF header lies just before the program headers that AT_PHDR points to."""
    at = auxv.get(AuxType.PHDR)
    if at is None:
        return None
    phnum = min(auxv.get(AuxType.PHNUM, 0), 256)
    for kind, _, _, vaddr, *_ in PROGRAM_HEADER.iter_unpack(memory.read(at, phnum * PROGRAM_HEADER.size)):
        if kind == SegmentType.PHDR:
            bias = at - vaddr
            return _image_containing(memory, bias, at)
    return _image_containing(memory, 0, at)


def _image_containing(memory: AddressSpace, bias: int, at: int) -> ElfImage | None:
    base = at & -4096
    try:
        image = image_at(memory, base)
    except FormatError:
        return None
    return image if bias in (0, image.bias) else None


class _LinkedFiles:
    """Finds where files of the dynamic linker's list begin; the headers of a mapping are read once for all of them."""

    def __init__(self, memory: AddressSpace, regions: Sequence[Region]) -> None:
        self._memory = memory
        self._regions = regions
        self._known: dict[int, tuple[int, frozenset[int]]] = {}

    def base_of(self, bias: int, dynamic: int) -> int:
        """Return where the ELF header of a file is, or 0: at its bias, unless its own addresses begin elsewhere."""
        if self._memory.read_available(bias, 4) == MAGIC:
            return bias
        place = bisect_right(self._regions, dynamic, key=_START)
        for region in reversed(self._regions[max(0, place - _MAPPINGS) : place]):
            its_bias, sections = self._file_at(region.start)
            if its_bias == bias and dynamic in sections:
                return region.start
        return bias

    def _file_at(self, base: int) -> tuple[int, frozenset[int]]:
        """Return the bias and the places of the dynamic sections of the file at ``base``: none where there is none."""
        if base not in self._known:
            bias, sections = 0, frozenset[int]()
            with suppress(FormatError):
                image = image_at(self._memory, base)
                bias = image.bias
                sections = frozenset(bias + part.vaddr for part in image.headers if part.type == SegmentType.DYNAMIC)
            self._known[base] = bias, sections
        return self._known[base]
