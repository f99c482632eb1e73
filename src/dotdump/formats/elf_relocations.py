"""Relocations that depend on nothing but where a file was loaded: what its read-only data looks like in memory.

A slot whose value depends on another file (an imported symbol, thread-local storage, an ifunc) has no value here, so
that whoever asks for it is told that it is not known instead of being given what the file holds. Source of truth: the
System V psABI for x86-64, AAELF64, and the generic ABI's SHT_RELR.
"""

from __future__ import annotations

from struct import Struct

from dotdump.formats.elf_image import DT_JMPREL, DT_PLTRELSZ, DT_RELA, DT_RELASZ, DT_RELR, DT_RELRSZ, DT_SYMTAB
from dotdump.formats.elf_symbols import SHN_UNDEF, SYMBOL
from dotdump.formats.machine import Machine
from dotdump.limits import RELOCATIONS
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.formats.elf_image import ElfImage

_RELA = Struct("<QQq")
_MASK = 0xFFFFFFFFFFFFFFFF


@record
class _Types:
    """Relocation types by what they ask for; all of them fill eight bytes."""

    none: int
    relative: int
    absolute: frozenset[int]


_TYPES: dict[int, _Types] = {
    Machine.X86_64: _Types(0, 8, frozenset((1, 6, 7))),  # 64, GLOB_DAT, JUMP_SLOT
    Machine.AARCH64: _Types(0, 1027, frozenset((257, 1025, 1026))),  # ABS64, GLOB_DAT, JUMP_SLOT
}


def relocated_slots(image: ElfImage, bias: int) -> Iterator[tuple[int, int | None]]:
    """Yield virtual address and value of every slot of ``image`` (a file) loaded at ``bias``; None is unknowable."""
    types = _TYPES.get(image.header.machine)
    if types is None:
        return
    for place in _relative_places(image):
        addend = int.from_bytes(image.memory.read_available(place, 8), "little")
        yield place, (bias + addend) & _MASK
    for tag, size_tag in ((DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)):
        for place, info, addend in _table(image, tag, size_tag, _RELA):
            kind = info & 0xFFFFFFFF
            if kind == types.relative:
                yield place, (bias + addend) & _MASK
            elif kind in types.absolute:
                value = _own_symbol(image, info >> 32)
                yield place, None if value is None else (bias + value + addend) & _MASK
            elif kind != types.none:
                yield place, None


def _table(image: ElfImage, tag: int, size_tag: int, row: Struct) -> Iterator[tuple[int, ...]]:
    address = image.dynamic_address(tag)
    if address is None:
        return
    count = min(image.dynamic.get(size_tag, 0) // row.size, RELOCATIONS)
    data = image.memory.read_available(address, count * row.size)
    yield from row.iter_unpack(data[: len(data) // row.size * row.size])


def _relative_places(image: ElfImage) -> Iterator[int]:
    """Yield the slots of DT_RELR: an address, then bitmaps (lowest bit set) of the 63 words that follow."""
    place = 0
    for (entry,) in _table(image, DT_RELR, DT_RELRSZ, Struct("<Q")):
        if entry & 1 == 0:
            yield entry
            place = entry + 8
            continue
        yield from (place + 8 * bit for bit in range(63) if entry >> (bit + 1) & 1)
        place += 8 * 63


def _own_symbol(image: ElfImage, index: int) -> int | None:
    """Return the value of a symbol that the file itself defines."""
    table = image.dynamic_address(DT_SYMTAB)
    if table is None:
        return None
    data = image.memory.read_available(table + index * SYMBOL.size, SYMBOL.size)
    if len(data) < SYMBOL.size:
        return None
    _, _, _, section, value, _ = SYMBOL.unpack(data)
    return value if section != SHN_UNDEF else None
