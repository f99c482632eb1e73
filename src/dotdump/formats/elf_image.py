"""``ElfImage``: a loaded ELF file, or a file as if loaded, by its own virtual addresses.

Needs no section headers: what it knows comes from the program headers and the dynamic section, which are in memory
too. The C library may have written absolute addresses into the dynamic section; both forms are understood. Source of
truth: gABI ch. 5.
"""

from __future__ import annotations

from functools import cached_property
from struct import Struct

from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.elf import ElfHeader, ProgramHeader, SegmentType, read_header, read_loaded_headers
from dotdump.formats.elf_hash_tables import gnu_candidates, gnu_symbol_count, sysv_candidates, sysv_symbol_count
from dotdump.formats.elf_symbols import (
    SYMBOL,
    Symbol,
    SymbolTable,
    has_address,
    is_old_version,
    of_default_version,
)
from dotdump.formats.notes import find_build_id, parse_notes
from dotdump.limits import IMAGE_NOTES, STRING_TABLE, SYMBOLS
from dotdump.memory.reader import Reader
from dotdump.memory.segments import SegmentSpace
from dotdump.memory.space import ADDRESS_MASK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dotdump.memory.space import AddressSpace

DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SONAME, DT_HASH, DT_GNU_HASH = 5, 6, 10, 14, 4, 0x6FFFFEF5
DT_PLTRELSZ, DT_RELA, DT_RELASZ, DT_JMPREL, DT_DEBUG = 2, 7, 8, 23, 21
DT_RELR, DT_RELRSZ, DT_NULL, DT_NEEDED, DT_PLTGOT = 36, 35, 0, 1, 3
DT_VERSYM = 0x6FFFFFF0
_DYNAMIC = Struct("<QQ")
_DYNAMIC_ENTRIES = 4096


class ElfImage:
    """An image whose virtual address v is at ``bias + v`` of ``memory``; ``headers`` are its program headers."""

    def __init__(self, memory: AddressSpace, bias: int, header: ElfHeader, headers: tuple[ProgramHeader, ...]) -> None:
        self.memory = memory
        self.bias = bias
        self.header = header
        self.headers = headers
        loads = [h for h in headers if h.type == SegmentType.LOAD]
        self.start = min((h.vaddr & -4096 for h in loads), default=0)
        self.end = max((h.vaddr + h.memsz for h in loads), default=0)
        self._reader = Reader(memory)

    @cached_property
    def build_id(self) -> bytes | None:
        """NT_GNU_BUILD_ID, or None where there is none or it cannot be read."""
        for header in self.headers:
            if header.type == SegmentType.NOTE and header.memsz <= IMAGE_NOTES:
                data = self.memory.read_available(self._address(header.vaddr), min(header.filesz, header.memsz))
                if (found := find_build_id(parse_notes(data, header.align))) is not None:
                    return found
        return None

    @cached_property
    def dynamic(self) -> Mapping[int, int]:
        """The dynamic section: the first value of each tag, as it stands there; DT_NULL where all of it was there."""
        found: dict[int, int] = {}
        for _, tag, value in self.dynamic_entries():
            found.setdefault(tag, value)
        return found

    def dynamic_entries(self) -> Iterator[tuple[int, int, int]]:
        """Yield where the value of each dynamic entry is (a virtual address), its tag, its value; DT_NULL at last."""
        for header in self.headers:
            if header.type != SegmentType.DYNAMIC:
                continue
            size = min(header.memsz // _DYNAMIC.size, _DYNAMIC_ENTRIES) * _DYNAMIC.size
            data = self.memory.read_available(self._address(header.vaddr), size)
            rows = _DYNAMIC.iter_unpack(data[: len(data) // _DYNAMIC.size * _DYNAMIC.size])
            for place, (tag, value) in enumerate(rows):
                yield header.vaddr + place * _DYNAMIC.size + 8, tag, value
                if tag == DT_NULL:
                    break

    def dynamic_address(self, tag: int) -> int | None:
        """Return the virtual address in a dynamic entry, relocated or not, or None where it has none."""
        value = self.dynamic.get(tag)
        if value is None or self.start <= value < self.end:
            return value
        return value - self.bias if self.start <= value - self.bias < self.end else None

    @property
    def soname(self) -> str:
        """DT_SONAME, or nothing."""
        strings, name = self.dynamic_address(DT_STRTAB), self.dynamic.get(DT_SONAME)
        if strings is None or name is None:
            return ""
        try:
            return self._reader.cstring(self._address(strings + name), 4096).decode("utf-8", "surrogateescape")
        except MemoryFault:
            return ""

    def find_symbol(self, name: str) -> Symbol | None:
        """Return a defined dynamic symbol through the hash table, reading little; None also where it cannot be read.

        Of several versions it is the default one.
        """
        key = name.encode("utf-8", "surrogateescape")
        try:
            rows = (index for index in self._candidates(key) if self._symbol_named(index, key) is not None)
            row = of_default_version(rows, self._is_old_version)
            return None if row is None else self._symbol_named(row, key)
        except (FormatError, MemoryFault):
            return None

    @cached_property
    def symbols(self) -> SymbolTable:
        """All dynamic symbols that can be read."""
        table, strings = self.dynamic_address(DT_SYMTAB), self.dynamic_address(DT_STRTAB)
        if table is None or strings is None:
            return SymbolTable(b"", b"")
        try:
            count = max(0, min(self._symbol_count(), SYMBOLS, (self.end - table) // SYMBOL.size))
        except MemoryFault:
            return SymbolTable(b"", b"")
        size = min(self.dynamic.get(DT_STRSZ, 0), STRING_TABLE, self.end - strings)
        names = self.memory.read_available(self._address(strings), max(0, size))
        rows = self.memory.read_available(self._address(table), count * SYMBOL.size)
        return SymbolTable(rows, names, self._versions(0, count))

    def _address(self, virtual: int) -> int:
        return (self.bias + virtual) & ADDRESS_MASK

    def _symbol_named(self, index: int, name: bytes) -> Symbol | None:
        table, strings = self.dynamic_address(DT_SYMTAB), self.dynamic_address(DT_STRTAB)
        if table is None or strings is None:
            return None
        row = SYMBOL.unpack(self.memory.read(self._address(table + index * SYMBOL.size), SYMBOL.size))
        found = self.memory.read_available(self._address(strings + row[0]), len(name) + 1)
        if found != name + b"\0" or not has_address(row[1], row[3]):
            return None
        return Symbol(name.decode("utf-8", "backslashreplace"), row[4], row[5], row[1] & 15)

    def _is_old_version(self, index: int) -> bool:
        return is_old_version(self._versions(index, 1))

    def _versions(self, first: int, count: int) -> bytes:
        """Return entries of DT_VERSYM: one of two bytes for each symbol, none where they are not there."""
        table = self.dynamic_address(DT_VERSYM)
        return b"" if table is None else self.memory.read_available(self._address(table + 2 * first), 2 * count)

    def _candidates(self, name: bytes) -> Iterable[int]:
        if (table := self.dynamic_address(DT_GNU_HASH)) is not None:
            return gnu_candidates(self.memory.read, self._address(table), name)
        if (table := self.dynamic_address(DT_HASH)) is not None:
            return sysv_candidates(self.memory.read, self._address(table), name)
        return ()

    def _symbol_count(self) -> int:
        if (table := self.dynamic_address(DT_HASH)) is not None:
            return sysv_symbol_count(self.memory.read, self._address(table))
        if (table := self.dynamic_address(DT_GNU_HASH)) is None:
            return 0
        return gnu_symbol_count(self.memory.read, self._address(table), max(0, self.end - table) // 4)


def image_at(memory: AddressSpace, base: int) -> ElfImage:
    """Return the image whose ELF header is at ``base``; ``FormatError`` where there is none."""
    header = read_header(memory, base)
    headers = tuple(read_loaded_headers(memory, header, base))
    first = next((h for h in headers if h.type == SegmentType.LOAD and h.offset == 0), None)
    return ElfImage(memory, base - (first.vaddr if first else 0), header, headers)


def image_of_file(file: AddressSpace, size: int, name: str = "") -> ElfImage:
    """Return a file of ``size`` bytes as if it were loaded at its own addresses; ``FormatError`` where it is no ELF."""
    header = read_header(file, source=name)
    headers = tuple(read_loaded_headers(file, header, source=name))
    loads = ((h.vaddr, h.memsz, h.offset, h.filesz) for h in headers if h.type == SegmentType.LOAD)
    return ElfImage(SegmentSpace(file, loads, size, name), 0, header, headers)
