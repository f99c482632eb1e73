"""``FileLayer``: memory that a core left out, from the files that were mapped there.

Only files whose build-id is the one in the core's memory, and of these only what no one could have written to: text,
read-only data, and what the dynamic linker relocates and then protects: RELRO, and text that has relocations. Writable
data is never taken from a file, because the process may have changed it; a relocated slot that depends on another file
is left out, and RELRO of a file that relocates itself: it may have put more there.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property, partial

from dotdump.formats.elf import ProgramHeader, SegmentType
from dotdump.formats.elf_image import DT_NEEDED
from dotdump.formats.elf_relocations import relocated_slots, relocates_text
from dotdump.memory.overlay import Origin
from dotdump.memory.region import Protection
from dotdump.memory.segments import SegmentSpace
from dotdump.memory.space import ADDRESS_END, NOT_MAPPED, BytesSpace, ExactReads, MemoryRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dotdump.target.elf_files import ElfFile
    from dotdump.target.elf_module import ElfModule

    _Space = SegmentSpace | BytesSpace

RELRO_LIMIT = 64 << 20


class FileLayer(ExactReads):
    """The read-only memory of modules whose files are at hand; a file is looked for when its module is asked for."""

    def __init__(self, modules: Callable[[], Sequence[ElfModule]]) -> None:
        self._find_modules = modules
        self._parts: dict[int, list[_Part]] = {}

    def read_available(self, address: int, size: int) -> bytes:
        part = self._part_at(address)
        return part.space.read_available(address, size) if part else b""

    def view(self, address: int, size: int) -> memoryview | None:
        part = self._part_at(address)
        return part.space.view(address, size) if part else None

    def ranges(self) -> list[MemoryRange]:
        return [part for module in self._modules for found in self._of(module) for part in found.space.ranges()]

    def reach(self, address: int) -> int:
        """Return how many bytes it may have from ``address`` on, or less than 0: how many it has certainly not.

        Nothing is relocated to find the slots that it has not.
        """
        part, following = self._find(address)
        return part.end - address if part is not None else address - following

    def origin(self, address: int) -> Origin | None:
        """Return the file and the offset in it that the byte at ``address`` comes from."""
        part = self._part_at(address)
        if part is None or not part.space.read_available(address, 1):
            return None
        return Origin(part.file.path, part.offset + address - part.start, part.relocated)

    def reason(self, address: int) -> str:
        """Return why there is no byte at ``address``."""
        for module in self._modules:
            if module.base <= address < module.end:
                if module.build_id is None:
                    return f"the core does not hold it, and no build-id is known to find the file of {module.path} by"
                if module.file is None:
                    return f"the core does not hold it, and no file with the build-id of {module.path} was found"
                return f"the core does not hold it, and {module.path} cannot tell what it was"
        return NOT_MAPPED

    @cached_property
    def _modules(self) -> Sequence[ElfModule]:
        return self._find_modules()

    @cached_property
    def _bases(self) -> list[int]:
        return [module.base for module in self._modules]

    def _of(self, module: ElfModule) -> list[_Part]:
        """Return what the file of ``module`` has, by start."""
        parts = self._parts.get(module.base)
        if parts is None:
            found = _parts_of(module.file, module.bias) if module.file is not None else ()
            parts = self._parts[module.base] = sorted(found, key=_start_of)
        return parts

    def _part_at(self, address: int) -> _Part | None:
        return self._find(address)[0]

    def _find(self, address: int) -> tuple[_Part | None, int]:
        """Return the part that ``address`` is in, or None, and an address that is above and before any other part."""
        index = bisect_right(self._bases, address)
        following = self._bases[index] if index < len(self._bases) else ADDRESS_END
        if index == 0 or address >= self._modules[index - 1].end:
            return None, following
        parts = self._of(self._modules[index - 1])
        place = bisect_right(parts, address, key=_start_of)
        if place < len(parts):
            following = min(following, parts[place].start)
        return (parts[place - 1] if place and address < parts[place - 1].end else None), following


class _Part:
    """Part of a file in memory: from ``offset`` of the file on, as it is there or ``relocated``."""

    def __init__(self, file: ElfFile, header: ProgramHeader, bias: int, *, relocated: bool) -> None:
        self.file, self.start, self.offset = file, bias + header.vaddr, header.offset
        self.end = self.start + min(header.filesz, header.memsz)
        self.relocated = relocated
        self._make: Callable[[], _Space] = partial(_relocated if relocated else _mapped, file, header, bias)
        self._space: _Space | None = None

    @property
    def space(self) -> _Space:
        """Its bytes by address."""
        if self._space is None:
            self._space = self._make()
        return self._space


def _start_of(part: _Part) -> int:
    return part.start


def _parts_of(file: ElfFile, bias: int) -> Iterator[_Part]:
    """Yield what ``file`` has of its memory; no RELRO of one that needs no other: a linker, or a static program."""
    relocated = relocates_text(file.image)
    for header in file.image.headers:
        small = header.memsz <= RELRO_LIMIT
        if header.type == SegmentType.LOAD and header.filesz and not header.flags & Protection.WRITE:
            if small or not relocated:
                yield _Part(file, header, bias, relocated=relocated)
        elif header.type == SegmentType.GNU_RELRO and small and DT_NEEDED in file.image.dynamic:
            yield _Part(file, header, bias, relocated=True)


def initial_data(file: ElfFile, bias: int) -> BytesSpace:
    """Return the writable segments of ``file`` as the dynamic linker left them, without what only it could fill."""
    loads = (h for h in file.image.headers if h.type == SegmentType.LOAD and h.flags & Protection.WRITE)
    return BytesSpace([chunk for load in loads if load.memsz <= RELRO_LIMIT for chunk in _chunks_of(file, load, bias)])


def _mapped(file: ElfFile, load: ProgramHeader, bias: int) -> SegmentSpace:
    size = min(load.filesz, load.memsz)
    return SegmentSpace(file.space, [(bias + load.vaddr, size, load.offset, size)], file.space.size, file.path)


def _relocated(file: ElfFile, segment: ProgramHeader, bias: int) -> BytesSpace:
    """Return a segment as the dynamic linker left it, without the slots that only it could fill."""
    return BytesSpace(_chunks_of(file, segment, bias))


def _chunks_of(file: ElfFile, segment: ProgramHeader, bias: int) -> list[tuple[int, bytes]]:
    data = bytearray(file.image.memory.read_available(segment.vaddr, min(segment.memsz, segment.filesz)))
    end = segment.vaddr + len(data)
    holes: list[tuple[int, int]] = []
    for place, size, value in relocated_slots(file.image, bias):
        if value is not None and segment.vaddr <= place and place + 8 <= end:
            data[place - segment.vaddr : place - segment.vaddr + 8] = value.to_bytes(8, "little")
        elif place < end and segment.vaddr < place + size:
            holes.append((place, size))
    return list(_chunks(bytes(data), segment.vaddr, holes, bias))


def _chunks(data: bytes, start: int, holes: Sequence[tuple[int, int]], bias: int) -> Iterator[tuple[int, bytes]]:
    position = start
    for hole, size in sorted(holes):
        if hole > position:
            yield bias + position, data[position - start : hole - start]
        position = max(position, hole + size)
    if position < start + len(data):
        yield bias + position, data[position - start :]
