"""``ModuleCfi``: the call frame information of one loaded file, from memory: found by address, parsed when asked.

Knows nothing of frames. The table of .eh_frame_hdr leads to entries; without one all entries are read once.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.errors import DotdumpError
from dotdump.formats.dwarf_cfi import parse_cie, parse_fde, read_entry
from dotdump.formats.dwarf_cursor import Bases
from dotdump.formats.eh_frame_hdr import EhFrameHdr
from dotdump.formats.elf import SegmentType
from dotdump.formats.elf_image import image_at
from dotdump.memory.reader import Reader
from dotdump.memory.region import Protection

if TYPE_CHECKING:
    from dotdump.formats.dwarf_cfi import Cie, Fde
    from dotdump.formats.elf_image import ElfImage
    from dotdump.memory.space import AddressSpace

_DT_PLTGOT = 3


class ModuleCfi:
    """Entries of the file whose ELF header is at ``base``. Raises ``FormatError`` where none can be read there."""

    def __init__(self, memory: AddressSpace, base: int) -> None:
        self._memory = memory
        self._image: ElfImage = image_at(memory, base)
        self._commons: dict[int, Cie] = {}

    def find(self, address: int) -> Fde | None:
        """Return the entry that covers ``address``, or None; ``FormatError`` or ``MemoryFault`` where it is damaged."""
        if self._header is None:
            return None
        at = self._header.find(address)
        fde = None if at is None else self._parse(at)
        return fde if fde is not None and fde.start <= address < fde.end else None

    def _parse(self, at: int) -> Fde | None:
        entry = read_entry(self._memory, at)
        if entry is None or entry.common is None:
            return None
        cie = self._commons.get(entry.common)
        if cie is None:
            common = read_entry(self._memory, entry.common)
            if common is None or common.common is not None:
                return None
            cie = self._commons[entry.common] = parse_cie(common, self._bases)
        return parse_fde(entry, cie, self._bases)

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
        text, got = next(code, None), self._image.dynamic_address(_DT_PLTGOT)
        return Bases(
            text=None if text is None else bias + text,
            data=None if got is None else bias + got,
            dereference=Reader(self._memory).u64,
        )
