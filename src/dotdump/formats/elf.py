"""ELF64 little-endian: file, program and section headers, read from any ``AddressSpace`` and built again.

Positions are offsets from ``base``: 0 for a file, the load address for an image in memory. It knows nothing of what
segments hold; symbols are in ``elf_image``, notes in ``notes``. Source of truth: gABI chapters 4 and 5, elf(5).
"""

from __future__ import annotations

from struct import Struct

from dotdump.errors import FormatError, LimitExceeded
from dotdump.limits import LINKED_SECTIONS, LOADED_HEADERS, PROGRAM_HEADERS, SECTION_HEADERS
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.memory.space import AddressSpace

MAGIC = b"\x7fELF"
ELFCLASS64, ELFDATA2LSB, EV_CURRENT = 2, 1, 1
ELFOSABI_LINUX = 3
PN_XNUM = 0xFFFF
"""``e_phnum`` of a file whose real count is ``sh_info`` of section header 0."""

HEADER = Struct("<4s5B7xHHIQQQIHHHHHH")
PROGRAM_HEADER = Struct("<IIQQQQQQ")
SECTION_HEADER = Struct("<IIQQQQIIQQ")
_CHUNK = 4096


class ElfType:
    """``e_type``."""

    REL = 1
    EXEC = 2
    DYN = 3
    CORE = 4


class SegmentType:
    """``p_type``, as far as anything here asks for it."""

    NULL = 0
    LOAD = 1
    DYNAMIC = 2
    INTERP = 3
    NOTE = 4
    PHDR = 6
    TLS = 7
    GNU_EH_FRAME = 0x6474E550
    GNU_STACK = 0x6474E551
    GNU_RELRO = 0x6474E552


class SectionType:
    """``sh_type``, as far as anything here asks for it."""

    NULL = 0
    PROGBITS = 1
    SYMTAB = 2
    STRTAB = 3
    NOTE = 7
    NOBITS = 8
    DYNSYM = 11


@record
class ElfHeader:
    """The file header; ``phnum``, ``shnum`` and ``shstrndx`` are the real ones, wherever the file keeps them."""

    type: int
    machine: int
    phnum: int
    phoff: int = 64
    shnum: int = 0
    shoff: int = 0
    shstrndx: int = 0
    entry: int = 0
    flags: int = 0
    osabi: int = 0


@record
class ProgramHeader:
    """One segment: ``filesz`` bytes at file ``offset`` are ``memsz`` at ``vaddr``. ``flags`` as in ``Protection``."""

    type: int
    flags: int
    offset: int
    vaddr: int
    filesz: int
    memsz: int
    paddr: int = 0
    align: int = 4096


@record
class SectionHeader:
    """One section; ``name`` is an offset into the section name string table."""

    name: int
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    addralign: int
    entsize: int


def read_header(space: AddressSpace, base: int = 0, source: str = "") -> ElfHeader:
    """Return the file header at ``base``; ``FormatError`` where it is not ELF, or not ELF64 little-endian."""
    data = space.read_available(base, HEADER.size)
    _check_identification(data, source)
    fields = HEADER.unpack(data)
    osabi, kind, machine = fields[4], fields[6], fields[7]
    entry, phoff, shoff, flags, _, phentsize, phnum, shentsize, shnum, shstrndx = fields[9:]
    if phnum and phentsize != PROGRAM_HEADER.size:
        raise FormatError(f"program headers of {phentsize} bytes, not {PROGRAM_HEADER.size}", source=source, offset=54)
    if shnum and shentsize != SECTION_HEADER.size:
        raise FormatError(f"section headers of {shentsize} bytes, not {SECTION_HEADER.size}", source=source, offset=58)
    if shoff and (phnum == PN_XNUM or shnum == 0 or shstrndx == 0xFFFF):
        phnum, shnum, shstrndx = _extended_counts(space, base + shoff, phnum, shnum, shstrndx)
    for count, limit, what in ((phnum, PROGRAM_HEADERS, "program"), (shnum, SECTION_HEADERS, "section")):
        if count > limit:
            raise LimitExceeded(f"{count} {what} headers, more than {limit}", source=source)
    return ElfHeader(kind, machine, phnum, phoff, shnum, shoff, shstrndx, entry, flags, osabi)


def _check_identification(data: bytes, source: str) -> None:
    if data[:4] != MAGIC:
        raise FormatError("not an ELF file", source=source)
    if data[4:5] == b"\x01":
        raise FormatError("32-bit ELF is not supported", source=source, offset=4)
    if data[5:6] == b"\x02":
        raise FormatError("big-endian ELF is not supported", source=source, offset=5)
    if data[4:7] != bytes((ELFCLASS64, ELFDATA2LSB, EV_CURRENT)):
        raise FormatError(f"unknown ELF class, byte order or version {data[4:7].hex(' ')}", source=source, offset=4)
    if len(data) < HEADER.size:
        raise FormatError(f"the ELF header is cut: {len(data)} of {HEADER.size} bytes", source=source, offset=len(data))


def _extended_counts(space: AddressSpace, address: int, phnum: int, shnum: int, shstrndx: int) -> tuple[int, int, int]:
    """Return the counts that section header 0 holds where they do not fit (gABI ch. 4), or those given."""
    data = space.read_available(address, SECTION_HEADER.size)
    if len(data) < SECTION_HEADER.size:
        return phnum, shnum, shstrndx
    first = SectionHeader(*SECTION_HEADER.unpack(data))
    return (
        first.info if phnum == PN_XNUM and first.info else phnum,
        first.size if shnum == 0 else shnum,
        first.link if shstrndx == 0xFFFF else shstrndx,
    )


def read_program_headers(space: AddressSpace, header: ElfHeader, base: int = 0) -> list[ProgramHeader]:
    """Return the program headers that are there: fewer than ``header.phnum`` where the file is cut in the table."""
    return [
        ProgramHeader(kind, flags, offset, vaddr, filesz, memsz, paddr, align)
        for kind, flags, offset, vaddr, paddr, filesz, memsz, align in _rows(
            space, base + header.phoff, header.phnum, PROGRAM_HEADER
        )
    ]


def read_loaded_headers(space: AddressSpace, header: ElfHeader, base: int = 0, source: str = "") -> list[ProgramHeader]:
    """Return the program headers of a file that can be loaded; ``LimitExceeded`` where it has more than such have."""
    if header.phnum > LOADED_HEADERS:
        raise LimitExceeded(f"{header.phnum} program headers are too many for a loaded file", source=source)
    return read_program_headers(space, header, base)


def read_section_headers(space: AddressSpace, header: ElfHeader, base: int = 0) -> list[SectionHeader]:
    """Return the section headers that are there, up to a bound: none where the file has none or is cut before them."""
    if not header.shoff:
        return []
    count = min(header.shnum, LINKED_SECTIONS)
    return [SectionHeader(*row) for row in _rows(space, base + header.shoff, count, SECTION_HEADER)]


def _rows(space: AddressSpace, address: int, count: int, row: Struct) -> Iterator[tuple[int, ...]]:
    """Yield ``count`` rows, or those that are there; reads in steps, so a false count costs no memory."""
    while count > 0:
        step = min(count, _CHUNK)
        data = space.read_available(address, step * row.size)
        whole = len(data) // row.size
        yield from row.iter_unpack(data[: whole * row.size])
        if whole < step:
            return
        address += step * row.size
        count -= step


def build_header(header: ElfHeader) -> bytes:
    """Return the 64 bytes of a file header. Counts that do not fit need ``build_extended_counts`` at ``shoff``."""
    extended = header.phnum >= PN_XNUM
    return HEADER.pack(
        *(MAGIC, ELFCLASS64, ELFDATA2LSB, EV_CURRENT, header.osabi, 0),
        *(header.type, header.machine, EV_CURRENT, header.entry, header.phoff, header.shoff, header.flags),
        *(HEADER.size, PROGRAM_HEADER.size, PN_XNUM if extended else header.phnum),
        *(SECTION_HEADER.size if header.shnum else 0, header.shnum, header.shstrndx),
    )


def build_program_header(header: ProgramHeader) -> bytes:
    """Return the 56 bytes of a program header."""
    return PROGRAM_HEADER.pack(
        *(header.type, header.flags, header.offset, header.vaddr),
        *(header.paddr, header.filesz, header.memsz, header.align),
    )


def build_extended_counts(phnum: int) -> bytes:
    """Return section header 0 of a file with ``PN_XNUM``: its ``sh_info`` is the number of program headers."""
    return SECTION_HEADER.pack(0, SectionType.NULL, 0, 0, 0, 1, 0, phnum, 0, 0)
