"""The symbols that an ELF file exports, each found by its name in a few small reads.

Asks the hash table that the dynamic linker would ask (DT_GNU_HASH, else DT_HASH), so a library of any size costs the
same. Needs no section headers. Knows no other symbols. Source of truth: gABI ch. 5.
"""

from __future__ import annotations

from struct import Struct

from dotdump.errors import MemoryFault
from dotdump.formats.elf import SegmentType, read_header, read_loaded_headers
from dotdump.formats.elf_hash_tables import gnu_candidates, sysv_candidates
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from dotdump.formats.elf import ProgramHeader
    from dotdump.memory.space import AddressSpace

_DT_NULL, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_GNU_HASH = 0, 4, 5, 6, 0x6FFFFEF5
_DYNAMIC = Struct("<QQ")
_SYMBOL = Struct("<IBBHQQ")
_DYNAMIC_BYTES = 1 << 16


@record
class Symbol:
    """An exported symbol: ``size`` bytes at virtual address ``value``."""

    name: str
    value: int
    size: int


class Exports:
    """The dynamic symbols of an ELF64 file. ``find`` and ``read`` raise ``MemoryFault`` where the file is cut."""

    def __init__(self, space: AddressSpace, source: str = "") -> None:
        """Read the headers and the dynamic section; raises ``FormatError`` for what is not ELF64 little-endian."""
        self._space = space
        self._source = source
        headers = read_loaded_headers(space, read_header(space, source=source), source=source)
        self._loads = [header for header in headers if header.type == SegmentType.LOAD]
        self._dynamic = self._read_dynamic(headers)

    def find(self, name: str) -> Symbol | None:
        """Return the symbol exported as ``name``, or None."""
        strings, symbols = self._dynamic.get(_DT_STRTAB), self._dynamic.get(_DT_SYMTAB)
        if strings is None or symbols is None:
            return None
        wanted = name.encode() + b"\0"
        for index in self._candidates(wanted[:-1]):
            offset, _, _, section, value, size = _SYMBOL.unpack(self.read(symbols + index * _SYMBOL.size, _SYMBOL.size))
            if section and self.read(strings + offset, len(wanted)) == wanted:
                return Symbol(name, value, size)
        return None

    def read(self, address: int, size: int) -> bytes:
        """Return ``size`` bytes of the image at virtual ``address``, as the file holds them."""
        for load in self._loads:
            if load.vaddr <= address and address + size <= load.vaddr + load.filesz:
                return self._space.read(load.offset + address - load.vaddr, size)
        raise MemoryFault(address, size, f"{self._source or 'the file'} does not hold it")

    def _read_dynamic(self, headers: list[ProgramHeader]) -> dict[int, int]:
        found: dict[int, int] = {}
        for header in headers:
            if header.type == SegmentType.DYNAMIC:
                data = self._space.read_available(header.offset, min(header.filesz, _DYNAMIC_BYTES))
                for tag, value in _DYNAMIC.iter_unpack(data[: len(data) // _DYNAMIC.size * _DYNAMIC.size]):
                    if tag == _DT_NULL:
                        break
                    found[tag] = value
        return found

    def _candidates(self, name: bytes) -> Iterable[int]:
        """Return the indexes of the symbols that may bear ``name``."""
        if _DT_GNU_HASH in self._dynamic:
            return gnu_candidates(self.read, self._dynamic[_DT_GNU_HASH], name)
        if _DT_HASH in self._dynamic:
            return sysv_candidates(self.read, self._dynamic[_DT_HASH], name)
        return ()
