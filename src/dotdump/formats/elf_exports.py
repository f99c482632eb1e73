"""The symbols that an ELF file exports, each found by its name in a few small reads.

Asks the hash table that the dynamic linker would ask (DT_GNU_HASH, else DT_HASH), so a library of any size costs the
same. Needs no section headers. Knows no other symbols. Source of truth: gABI ch. 5 "Hash Table"; binutils ``elf.cc``
for the GNU form.
"""

from __future__ import annotations

from struct import Struct

from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.elf import SegmentType, read_header, read_program_headers
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.formats.elf import ProgramHeader
    from dotdump.memory.space import AddressSpace

_DT_NULL, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_GNU_HASH = 0, 4, 5, 6, 0x6FFFFEF5
_DYNAMIC = Struct("<QQ")
_SYMBOL = Struct("<IBBHQQ")
_GNU_HASH, _SYSV_HASH, _WORD, _BLOOM = Struct("<4I"), Struct("<2I"), Struct("<I"), Struct("<Q")
_DYNAMIC_BYTES = 1 << 16
_LONGEST_CHAIN = 4096


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
        headers = read_program_headers(space, read_header(space, source=source))
        self._loads = [header for header in headers if header.type == SegmentType.LOAD]
        self._dynamic = self._read_dynamic(headers)

    def find(self, name: str) -> Symbol | None:
        """Return the symbol exported as ``name``, or None."""
        strings, symbols = self._dynamic.get(_DT_STRTAB), self._dynamic.get(_DT_SYMTAB)
        if strings is None or symbols is None:
            return None
        wanted = name.encode() + b"\0"
        for index in self._chain(wanted[:-1]):
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

    def _chain(self, name: bytes) -> list[int]:
        """Return the indexes of the symbols that may bear ``name``."""
        if _DT_GNU_HASH in self._dynamic:
            return self._gnu_chain(self._dynamic[_DT_GNU_HASH], name)
        if _DT_HASH in self._dynamic:
            return self._sysv_chain(self._dynamic[_DT_HASH], name)
        return []

    def _gnu_chain(self, table: int, name: bytes) -> list[int]:
        buckets, first, words, shift = _GNU_HASH.unpack(self.read(table, _GNU_HASH.size))
        if not buckets or not words or shift > 31:
            raise FormatError("a hash table of symbols without buckets", source=self._source)
        code = gnu_hash(name)
        bloom = table + _GNU_HASH.size
        (mask,) = _BLOOM.unpack(self.read(bloom + code // 64 % words * 8, 8))
        if not mask >> code % 64 & mask >> (code >> shift) % 64 & 1:
            return []
        chains = bloom + words * 8 + buckets * 4
        index = self._word(bloom + words * 8 + code % buckets * 4)
        found: list[int] = []
        if index < first:
            return found
        for position in range(index, index + _LONGEST_CHAIN):
            stored = self._word(chains + (position - first) * 4)
            if stored | 1 == code | 1:
                found.append(position)
            if stored & 1:
                return found
        raise FormatError(f"a hash chain of more than {_LONGEST_CHAIN} symbols", source=self._source)

    def _sysv_chain(self, table: int, name: bytes) -> list[int]:
        buckets, _ = _SYSV_HASH.unpack(self.read(table, _SYSV_HASH.size))
        if not buckets:
            raise FormatError("a hash table of symbols without buckets", source=self._source)
        found: list[int] = []
        index = self._word(table + 8 + sysv_hash(name) % buckets * 4)
        while index:
            if len(found) == _LONGEST_CHAIN:
                raise FormatError(f"a hash chain of more than {_LONGEST_CHAIN} symbols", source=self._source)
            found.append(index)
            index = self._word(table + 8 + (buckets + index) * 4)
        return found

    def _word(self, address: int) -> int:
        value: int = _WORD.unpack(self.read(address, 4))[0]
        return value


def gnu_hash(name: bytes) -> int:
    """Return the hash of DT_GNU_HASH: Bernstein's, 32 bits."""
    code = 5381
    for byte in name:
        code = (code * 33 + byte) & 0xFFFFFFFF
    return code


def sysv_hash(name: bytes) -> int:
    """Return the hash of DT_HASH (gABI ch. 5)."""
    code = 0
    for byte in name:
        code = ((code << 4) + byte) & 0xFFFFFFFF
        high = code & 0xF0000000
        code = (code ^ high >> 24) & ~high
    return code
