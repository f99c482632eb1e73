"""Relocations that depend on nothing but where a file was loaded: what its read-only data looks like in memory.

A slot whose value depends on another file (an imported symbol, or one that another file may define in its place,
thread-local storage, an ifunc) has no value here, nor has a word that the dynamic linker fills by itself, so that
whoever asks for it is told that it is not known instead of being given what the file holds. Source of truth: the
System V psABI for x86-64, AAELF64, the generic ABI's SHT_RELR, and glibc's ``elf_machine_runtime_setup`` and
``elf_get_dynamic_info``.
"""

from __future__ import annotations

from struct import Struct

from dotdump.formats.elf_image import (
    DT_DEBUG,
    DT_GNU_HASH,
    DT_HASH,
    DT_JMPREL,
    DT_PLTGOT,
    DT_PLTRELSZ,
    DT_RELA,
    DT_RELASZ,
    DT_RELR,
    DT_RELRSZ,
    DT_STRTAB,
    DT_SYMTAB,
    DT_VERSYM,
)
from dotdump.formats.elf_symbols import (
    SHN_ABS,
    SHN_UNDEF,
    STB_GLOBAL,
    STB_GNU_UNIQUE,
    STB_LOCAL,
    STT_FUNC,
    STT_GNU_IFUNC,
    STT_TLS,
    STV_DEFAULT,
    SYMBOL,
)
from dotdump.formats.machine import Machine
from dotdump.limits import RELOCATIONS
from dotdump.memory.space import ADDRESS_MASK
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.formats.elf_image import ElfImage

_RELA = Struct("<QQq")
_DT_SYMBOLIC, _DT_TEXTREL, _DT_FLAGS, _DF_SYMBOLIC, _DF_TEXTREL = 16, 22, 30, 2, 4
_DT_TLSDESC_GOT = 0x6FFFFEF7
_RELOCATED_TAGS = frozenset(
    (DT_HASH, DT_GNU_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELR, DT_JMPREL, DT_PLTGOT, DT_VERSYM, DT_DEBUG)
)


@record
class _Types:
    """Relocation types by what they ask for. A TLS ``descriptor`` has 16 bytes, a ``copy`` those of its symbol."""

    none: int
    relative: int
    absolute: frozenset[int]
    copy: int
    descriptor: int


_TYPES: dict[int, _Types] = {
    Machine.X86_64: _Types(0, 8, frozenset((1, 6, 7)), 5, 36),  # 64, GLOB_DAT, JUMP_SLOT
    Machine.AARCH64: _Types(0, 1027, frozenset((257, 1025, 1026)), 1024, 1031),  # ABS64, GLOB_DAT, JUMP_SLOT
}


def relocated_slots(image: ElfImage, bias: int) -> Iterator[tuple[int, int, int | None]]:
    """Yield virtual address, size and value of every slot of ``image`` (a file) loaded at ``bias``.

    The value is one of eight bytes, or None where it cannot be known.
    """
    types = _TYPES.get(image.header.machine)
    if types is None:
        return
    for place in _relative_places(image):
        addend = int.from_bytes(image.memory.read_available(place, 8), "little")
        yield place, 8, (bias + addend) & ADDRESS_MASK
    for tag, size_tag in ((DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)):
        for place, info, addend in _table(image, tag, size_tag, _RELA):
            kind = info & 0xFFFFFFFF
            if kind == types.relative:
                yield place, 8, (bias + addend) & ADDRESS_MASK
            elif kind in types.absolute:
                value = _own_symbol(image, info >> 32)
                yield place, 8, None if value is None else (bias + value + addend) & ADDRESS_MASK
            elif kind != types.none:
                yield place, _unknown_size(image, types, kind, info >> 32), None
    yield from ((place, 8, None) for place in _words_of_the_linker(image))


def relocates_text(image: ElfImage) -> bool:
    """Whether slots may lie in segments that are not to be written to: code that is not position independent."""
    return _DT_TEXTREL in image.dynamic or bool(image.dynamic.get(_DT_FLAGS, 0) & _DF_TEXTREL)


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


def _unknown_size(image: ElfImage, types: _Types, kind: int, symbol: int) -> int:
    """Return how many bytes a relocation fills that only the dynamic linker can carry out."""
    if kind == types.copy and (row := _symbol(image, symbol)) is not None:
        return max(row[5], 8)
    return 16 if kind == types.descriptor else 8


def _words_of_the_linker(image: ElfImage) -> Iterator[int]:
    """Yield the words that the dynamic linker fills without a relocation.

    The second and third of the table of DT_PLTGOT are for binding calls, the one of DT_TLSDESC_GOT is for variables of
    threads. glibc adds the bias to addresses in the dynamic section, musl does not; DT_DEBUG leads to their list.
    """
    if (table := image.dynamic_address(DT_PLTGOT)) is not None:
        yield from (table + 8, table + 16)
    if (word := image.dynamic_address(_DT_TLSDESC_GOT)) is not None:
        yield word
    yield from (place for place, tag, _ in image.dynamic_entries() if tag in _RELOCATED_TAGS)


def _symbol(image: ElfImage, index: int) -> tuple[int, ...] | None:
    """Return a row of the table of dynamic symbols."""
    table = image.dynamic_address(DT_SYMTAB)
    if table is None:
        return None
    data = image.memory.read_available(table + index * SYMBOL.size, SYMBOL.size)
    return SYMBOL.unpack(data) if len(data) == SYMBOL.size else None


def _own_symbol(image: ElfImage, index: int) -> int | None:
    """Return the value of a symbol that the file defines, and no other file in its place.

    Data that others see may have been copied into the executable, and what is weak or unique is whose file came first.
    Functions are taken for the file's own, although a file that was preloaded may replace them.
    """
    row = _symbol(image, index)
    if row is None:
        return None
    _, info, other, section, value, _ = row
    binding, kind = info >> 4, info & 15
    if section in (SHN_UNDEF, SHN_ABS) or kind in (STT_TLS, STT_GNU_IFUNC) or binding == STB_GNU_UNIQUE:
        return None
    bound = binding == STB_LOCAL or other & 3 != STV_DEFAULT or _is_symbolic(image)
    return value if bound or (kind, binding) == (STT_FUNC, STB_GLOBAL) else None


def _is_symbolic(image: ElfImage) -> bool:
    """Whether the file's own symbols come before all others'."""
    return _DT_SYMBOLIC in image.dynamic or bool(image.dynamic.get(_DT_FLAGS, 0) & _DF_SYMBOLIC)
