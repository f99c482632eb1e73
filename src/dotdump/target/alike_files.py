"""Files of modules that have no build-id: taken for symbols and call frame information, never for memory.

Such a file has none either, its program headers are those in memory, and so is each byte of what is read-only, as far
as the target has it: the first page at least, which the kernel dumps of every file. Another build may be alike in all
that, so what the target lacks is not read from it.
"""

from __future__ import annotations

from functools import partial

from dotdump.formats.elf import SegmentType
from dotdump.formats.elf_relocations import relocates_text
from dotdump.limits import COMPARED_TEXT
from dotdump.memory.mapped_path import DELETED
from dotdump.memory.region import Protection
from dotdump.memory.space import following_place
from dotdump.target.elf_files import first_accepted, lacks_code, places_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.formats.elf import ProgramHeader
    from dotdump.formats.elf_image import ElfImage
    from dotdump.memory.space import AddressSpace
    from dotdump.target.elf_files import ElfFile

_PAGE = 4096
_STEP = 1 << 16


def find_alike_file(path: str, image: ElfImage, memory: AddressSpace, sysroots: Sequence[str]) -> ElfFile | None:
    """Return the file at ``path``, under a sysroot or in its own place, that is as ``image`` in ``memory``, or None."""
    if path.endswith(DELETED):
        return None
    return first_accepted(places_of(path, sysroots), partial(_is_alike, image, memory))


def _is_alike(image: ElfImage, memory: AddressSpace, file: ElfFile) -> bool:
    found = file.image
    if found.build_id is not None or found.headers != image.headers or lacks_code(file) or relocates_text(found):
        return False
    constant = [h for h in found.headers if h.type == SegmentType.LOAD and not h.flags & Protection.WRITE]
    if not any(_begins_with_file(load, image, memory) for load in constant):
        return False
    return sum(load.filesz for load in constant) <= COMPARED_TEXT and all(
        _is_same(load, image, memory, file) for load in constant
    )


def _begins_with_file(load: ProgramHeader, image: ElfImage, memory: AddressSpace) -> bool:
    """Whether ``load`` has the start of the file, and memory the first page of that."""
    wanted = min(load.filesz, _PAGE)
    return load.offset == 0 < wanted == len(memory.read_available(image.bias + load.vaddr, wanted))


def _is_same(load: ProgramHeader, image: ElfImage, memory: AddressSpace, file: ElfFile) -> bool:
    address = image.bias + load.vaddr
    end = address + min(load.filesz, load.memsz)
    while address < end:
        wanted = min(_STEP, end - address)
        data = memory.read_available(address, wanted)
        if data != file.image.memory.read_available(address - image.bias, len(data)):
            return False
        address += len(data)
        if len(data) < wanted:
            address = following_place(memory, address)
    return True
