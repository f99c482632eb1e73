"""``ModuleCfi``: the call frame information of one loaded file, from memory: found by address, parsed when asked.

Knows nothing of frames. The table of .eh_frame_hdr leads to entries; what it does not know is looked for in the file
itself and in its separate file of symbols, in .eh_frame where it has no index, and in .debug_frame.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.errors import DotdumpError, MemoryFault
from dotdump.formats.dwarf_cursor import Bases
from dotdump.formats.eh_frame_hdr import EhFrameHdr
from dotdump.formats.elf import SegmentType
from dotdump.formats.elf_image import DT_PLTGOT, image_at
from dotdump.memory.reader import Reader
from dotdump.memory.region import Protection
from dotdump.target.elf_files import read_section
from dotdump.unwind.entries import Entries, FrameSection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dotdump.formats.dwarf_cfi import Fde
    from dotdump.formats.elf_image import ElfImage
    from dotdump.memory.space import AddressSpace
    from dotdump.target.elf_files import ElfFile


class ModuleCfi:
    """Entries of the file whose ELF header is at ``base``. Raises ``FormatError`` where none can be read there."""

    def __init__(self, memory: AddressSpace, base: int, files: Callable[[], Iterable[ElfFile]] = tuple) -> None:
        self._memory = memory
        self._image: ElfImage = image_at(memory, base)
        self._files = files

    def find(self, address: int) -> Fde | None:
        """Return the entry that covers ``address``, or None; ``FormatError`` or ``MemoryFault`` where it is damaged."""
        try:
            fde = self._indexed(address)
        except MemoryFault:
            fde = _first(self._loaded_sections, address)
            if fde is None:
                raise
        if fde is None and self._header is None:
            fde = _first(self._loaded_sections, address)
        return fde or _first(self._debug_sections, address)

    def _indexed(self, address: int) -> Fde | None:
        at = self._header.find(address) if self._header is not None else None
        fde = None if at is None else self._entries.at(at)
        return fde if fde is not None and fde.start <= address < fde.end else None

    @cached_property
    def _loaded_sections(self) -> list[FrameSection]:
        sections = [read_section(file, b".eh_frame") for file in self._files()]
        bias = self._image.bias
        return [FrameSection(one.data, one.address, bias, debug=False) for one in sections if one is not None]

    @cached_property
    def _debug_sections(self) -> list[FrameSection]:
        sections = [read_section(file, b".debug_frame") for file in self._files()]
        return [FrameSection(one.data, 0, self._image.bias, debug=True) for one in sections if one is not None]

    @cached_property
    def _entries(self) -> Entries:
        return Entries(self._memory, self._bases)

    @cached_property
    def _header(self) -> EhFrameHdr | None:
        for header in self._image.headers:
            if header.type == SegmentType.GNU_EH_FRAME:
                try:
                    return EhFrameHdr(self._memory, self._image.bias + header.vaddr, header.memsz)
                except DotdumpError:
                    return None
        return None

    @cached_property
    def _bases(self) -> Bases:
        bias = self._image.bias
        code = (h.vaddr for h in self._image.headers if h.type == SegmentType.LOAD and h.flags & Protection.EXECUTE)
        text, got = next(code, None), self._image.dynamic_address(DT_PLTGOT)
        return Bases(
            text=None if text is None else bias + text,
            data=None if got is None else bias + got,
            dereference=Reader(self._memory).u64,
        )


def _first(sections: Iterable[FrameSection], address: int) -> Fde | None:
    return next((found for section in sections if (found := section.find(address)) is not None), None)
