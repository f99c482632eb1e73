"""Which ELF files a core had loaded: by NT_FILE; by the dynamic linker's list; by ELF headers in memory.

The three are tried in that order and later ones only add what earlier ones have not got: some writers (QEMU) leave
NT_FILE out, a static program has no linker's list, and both know nothing of the vdso. Every list is bounded.
"""

from __future__ import annotations

from dotdump.errors import DotdumpError, FormatError, MemoryFault
from dotdump.formats.core_notes import AuxType
from dotdump.formats.elf import MAGIC, PROGRAM_HEADER, ElfType, SegmentType
from dotdump.formats.elf_image import DT_DEBUG, ElfImage, image_at
from dotdump.limits import LINK_MAP
from dotdump.memory.reader import Reader
from dotdump.memory.region import region_at
from dotdump.memory.region_table import RegionTable
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dotdump.formats.core_notes import MappedFile
    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace


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
    found: dict[int, FoundModule] = {}
    for path, base, end in _named_in_note(files):
        _add(found, memory, path, base, end)
    for path, base, dynamic in _linked(memory, auxv):
        around = region_at(regions, dynamic)
        _add(found, memory, path, base, around.end if around is not None else 0)
    if vdso := auxv.get(AuxType.SYSINFO_EHDR):
        _add(found, memory, "[vdso]", vdso)
    for region in regions.named if isinstance(regions, RegionTable) else regions:
        if _may_hold_file(region) and memory.read_available(region.start, 4) == MAGIC:
            _add(found, memory, region.path, region.start)
    return _disjoint(found[base] for base in sorted(found))


def _may_hold_file(region: Region) -> bool:
    """Whether a file may be mapped there: where paths are known (``shared`` is), only what has one."""
    return region.readable and (region.path != "" or region.shared is None)


def _add(found: dict[int, FoundModule], memory: AddressSpace, path: str, base: int, end: int = 0) -> None:
    """Add a loaded file unless its base is known; one whose header is gone ends at ``end``, if that is known."""
    if base in found:
        return
    try:
        image = image_at(memory, base)
    except FormatError:
        if end and memory.read_available(base, 4) == b"":
            found[base] = FoundModule(path, base, end, None)
        return
    if image.header.type in (ElfType.DYN, ElfType.EXEC) and image.bias + image.start == base:
        found[base] = FoundModule(path or image.soname, base, image.bias + image.end, image)


def _disjoint(modules: Iterable[FoundModule]) -> list[FoundModule]:
    """Leave out what lies within another: a file that was mapped as data, inside of which another seems to begin."""
    kept: list[FoundModule] = []
    for module in modules:
        if not kept or module.base >= kept[-1].end:
            kept.append(module)
    return kept


def _named_in_note(files: Sequence[MappedFile]) -> Iterator[tuple[str, int, int]]:
    """Yield path, base, and the end of what follows of the same file; the end is 0 where nothing does."""
    ordered = sorted(files, key=lambda f: f.start)
    for index, first in enumerate(ordered):
        if first.offset == 0:
            end, reached = 0, first.offset
            for line in ordered[index + 1 :]:
                if line.path != first.path or line.offset < reached or line.offset == 0:
                    break
                end, reached = line.end, line.offset
            yield first.path, first.start, end if first.path.rpartition("/")[2].find(".so") > 0 else 0


def _linked(memory: AddressSpace, auxv: Mapping[int, int]) -> Iterator[tuple[str, int, int]]:
    """Yield path, base and dynamic section along the dynamic linker's list, found by DT_DEBUG of the executable."""
    reader = Reader(memory)
    try:
        program = _executable(memory, auxv)
        if program is None:
            return
        path = reader.cstring(auxv[AuxType.EXECFN]).decode("utf-8", "surrogateescape") if AuxType.EXECFN in auxv else ""
        yield path, program.bias + program.start, 0
        entry = reader.u64(program.dynamic.get(DT_DEBUG, 0) + 8)
        seen: set[int] = set()
        while entry and entry not in seen and len(seen) < LINK_MAP:
            seen.add(entry)
            bias, name, dynamic, entry = (reader.u64(entry + 8 * n) for n in range(4))
            if (base := _base_of(memory, bias, dynamic)) is not None:
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


def _base_of(memory: AddressSpace, bias: int, dynamic: int) -> int | None:
    """Return where the ELF header of a linked file is: at its bias, or for one of fixed address before its dynamic."""
    if bias:
        return bias
    try:
        image = image_at(memory, dynamic & -0x200000)
    except (FormatError, MemoryFault):
        return None
    return image.bias + image.start
