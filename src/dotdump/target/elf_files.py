"""A target's ELF files on this machine: found under sysroots and in their own place, taken only by their build-id.

The paths come from a core, so they are not to be trusted: none leads out of a sysroot by ``..``, nothing but a
regular file is opened, and a file whose build-id differs, or that has none, is as if it were not there.
"""

from __future__ import annotations

import posixpath
from functools import partial

from dotdump.errors import DotdumpError
from dotdump.formats.compressed_sections import SHF_COMPRESSED, unpack_old_section, unpack_section
from dotdump.formats.elf import SectionType, read_section_headers
from dotdump.formats.elf_image import ElfImage, image_of_file
from dotdump.formats.elf_symbols import SYMBOL, SymbolTable
from dotdump.formats.notes import find_build_id, parse_notes
from dotdump.limits import DEBUG_DATA, IMAGE_NOTES, MINI_DEBUG_DATA, STRING_TABLE, SYMBOLS
from dotdump.linux.errors import is_out_of_files
from dotdump.memory.file import FileSpace
from dotdump.memory.mapped_path import DELETED
from dotdump.memory.space import BytesSpace
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dotdump.formats.elf import ElfHeader, SectionHeader
    from dotdump.memory.space import AddressSpace

_SHF_EXECINSTR = 4


class ElfFile:
    """An ELF file of this machine, mapped while it is held.

    One that ``is_separate`` has symbols and no memory: its program headers may be those of the file it is made of.
    """

    def __init__(self, space: FileSpace, *, is_separate: bool = False) -> None:
        self.space = space
        self.path = space.name
        self.is_separate = is_separate
        self.image: ElfImage = image_of_file(space, space.size, space.name)

    def symbol_tables(self) -> Iterator[SymbolTable]:
        """Yield the tables there are, the fullest first: .symtab, or what .gnu_debugdata holds, then .dynsym."""
        kinds = (SectionType.SYMTAB, SectionType.DYNSYM) if self.is_separate else (SectionType.SYMTAB,)
        yield from _section_tables(self.space, kinds)
        yield from _mini_debug_tables(self)
        if not self.is_separate:
            yield self.image.symbols


def find_elf_file(path: str, build_id: bytes | None, sysroots: Sequence[str]) -> ElfFile | None:
    """Return the file at ``path``, under a sysroot or in its own place, whose build-id is ``build_id``, or None."""
    return first_matching(places_of(path, sysroots), build_id)


def places_of(path: str, sysroots: Sequence[str]) -> Iterator[str]:
    """Yield where the file that the target calls ``path`` may be here."""
    if not path.startswith("/") or "\0" in path:
        return
    inside = posixpath.normpath("/" + path.removesuffix(DELETED).lstrip("/")).lstrip("/")
    for root in sysroots:
        yield posixpath.join(root, inside)
        yield posixpath.join(root, posixpath.basename(inside))
    yield f"/{inside}"


def first_matching(places: Iterable[str], build_id: bytes | None, *, is_separate: bool = False) -> ElfFile | None:
    """Return the first file of ``places`` whose build-id is ``build_id``, or None."""
    if build_id is None:
        return None
    return first_accepted(places, partial(_is_wanted, build_id), is_separate=is_separate)


def first_accepted(
    places: Iterable[str], accept: Callable[[ElfFile], bool], *, is_separate: bool = False
) -> ElfFile | None:
    """Return the first file of ``places`` that ``accept`` takes, or None; closed are all others.

    Raises ``OSError`` where no more files may be opened: what is there was not seen then.
    """
    for place in places:
        if (found := _open(place, accept, is_separate=is_separate)) is not None:
            return found
    return None


def _open(place: str, accept: Callable[[ElfFile], bool], *, is_separate: bool) -> ElfFile | None:
    try:
        space = FileSpace(place)
    except OSError as error:
        if is_out_of_files(error):
            raise
        return None
    except DotdumpError:
        return None
    try:
        file = ElfFile(space, is_separate=is_separate)
    except DotdumpError:
        space.close()
        return None
    if not accept(file):
        space.close()
        return None
    return file


def _is_wanted(build_id: bytes, file: ElfFile) -> bool:
    if file.is_separate:
        return file.image.build_id == build_id or _build_id_of_section(file) == build_id
    return file.image.build_id == build_id and not lacks_code(file)


def lacks_code(file: ElfFile) -> bool:
    """Whether its code was taken out, as of a separate file of symbols."""
    sections = read_section_headers(file.space, file.image.header)
    return any(section.flags & _SHF_EXECINSTR and section.type == SectionType.NOBITS for section in sections)


def _build_id_of_section(file: ElfFile) -> bytes | None:
    """Return the build-id of a separate file: eu-strip leaves it program headers that lead elsewhere."""
    section = find_section(file.space, file.image.header, b".note.gnu.build-id")
    if section is None or section.type != SectionType.NOTE or section.size > IMAGE_NOTES:
        return None
    return find_build_id(parse_notes(file.space.read_available(section.offset, section.size)))


def _section_tables(space: AddressSpace, kinds: Sequence[int]) -> Iterator[SymbolTable]:
    """Yield the first table of each kind: a file may have but one."""
    try:
        image = image_of_file(space, max((r.end for r in space.ranges()), default=0))
    except DotdumpError:
        return
    sections = read_section_headers(space, image.header)
    for kind in kinds:
        section = next((one for one in sections if one.type == kind), None)
        if section is not None and section.link < len(sections):
            strings = sections[section.link]
            rows = space.read_available(section.offset, min(section.size, SYMBOLS * SYMBOL.size))
            yield SymbolTable(rows, space.read_available(strings.offset, min(strings.size, STRING_TABLE)))


def find_section(space: AddressSpace, header: ElfHeader, name: bytes) -> SectionHeader | None:
    """Return the section of that name of an ELF file, or None."""
    sections = read_section_headers(space, header)
    if header.shstrndx < len(sections):
        names = sections[header.shstrndx].offset
        for section in sections:
            if space.read_available(names + section.name, len(name) + 1) == name + b"\0":
                return section
    return None


@record
class SectionData:
    """What a section holds, unpacked; ``address`` is where the file wants it."""

    address: int
    data: bytes


def read_section(file: ElfFile, name: bytes) -> SectionData | None:
    """Return the section of that name, unpacked, or None where there is none that can be read.

    One of debugging may have the name that compressed ones had before there was a flag for that.
    """
    section = find_section(file.space, file.image.header, name)
    is_old = section is None and name.startswith(b".debug")
    if is_old:
        section = find_section(file.space, file.image.header, b".zdebug" + name.removeprefix(b".debug"))
    if section is None or section.type == SectionType.NOBITS or section.size > DEBUG_DATA:
        return None
    held = file.space.read_available(section.offset, section.size)
    data: bytes | None = held
    if is_old:
        data = unpack_old_section(held)
    elif section.flags & SHF_COMPRESSED:
        data = unpack_section(held)
    return None if data is None else SectionData(section.addr, data)


def _mini_debug_tables(file: ElfFile) -> Iterator[SymbolTable]:
    """Yield the tables of the ELF file within .gnu_debugdata (xz): the functions that .dynsym lacks."""
    section = find_section(file.space, file.image.header, b".gnu_debugdata")
    if section is None:
        return
    import lzma  # which few cores need, and takes a while

    packed = file.space.read_available(section.offset, min(section.size, MINI_DEBUG_DATA))
    try:
        data = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=DEBUG_DATA).decompress(packed, MINI_DEBUG_DATA)
    except lzma.LZMAError:
        return
    yield from _section_tables(BytesSpace([(0, data)]), (SectionType.SYMTAB,))
