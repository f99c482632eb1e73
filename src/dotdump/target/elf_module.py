"""``ElfModule``: a loaded ELF file of a target, from its memory, and from the file itself where it is at hand.

Symbols, version and build-id come from memory first; the file, found by build-id, adds what was never loaded. One of a
module without a build-id adds symbols only.
"""

from __future__ import annotations

from functools import cached_property

from dotdump.formats.elf import SegmentType
from dotdump.formats.elf_image import DT_NULL, image_at
from dotdump.memory.mapped_path import file_name, within
from dotdump.memory.region import Protection
from dotdump.memory.space import MemoryRange, following_place
from dotdump.target.alike_files import find_alike_file
from dotdump.target.debug_files import find_debug_file
from dotdump.target.elf_files import ElfFile, find_elf_file
from dotdump.target.file_layer import initial_data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.formats.elf_image import ElfImage
    from dotdump.formats.elf_symbols import SymbolTable
    from dotdump.memory.space import AddressSpace
    from dotdump.target.core_modules import FoundModule

_VERSION_MARKS = (b"@(#)Version ", b"GNU C Library ")
_VERSION_BYTES = 128
_VARIABLES = 0x200000
"""Bytes behind a file whose header is gone in which its uninitialised variables may lie."""
_SEARCH_STEP = 1 << 20
_SEARCH_LIMIT = 64 << 20
_CONSTANTS, _CODE = Protection.READ.real, Protection.EXECUTE.real


class ElfModule:
    """A loaded file, as it was found; ``memory`` is all memory that can be had, for what the core itself lacks.

    ``symbols`` are folders with separate files of symbols. ``chroot`` is the target's root by the kernel's name.
    """

    def __init__(
        self,
        found: FoundModule,
        memory: AddressSpace,
        sysroots: Sequence[str] = (),
        symbols: Sequence[str] = (),
        chroot: str = "/",
    ) -> None:
        self.path = found.path
        self._inside = within(chroot, found.path)
        self.base = found.base
        self.end = found.end
        self.data_end = found.end + (0 if found.image is not None else _VARIABLES)
        self._memory = memory
        self._image = found.image
        self._sysroots = sysroots
        self._symbols = symbols

    @property
    def name(self) -> str:
        """The last part of its path, also where the file is gone."""
        return file_name(self.path)

    @property
    def bias(self) -> int:
        """What was added to the file's own addresses."""
        return self._image.bias if self._image else self.base

    @property
    def texts(self) -> list[MemoryRange]:
        """Where its code is, as its program headers say."""
        headers = self._image.headers if self._image else ()
        code = [h for h in headers if h.type == SegmentType.LOAD and h.flags & _CODE]
        return [MemoryRange(self.bias + h.vaddr, self.bias + h.vaddr + h.memsz) for h in code]

    @cached_property
    def build_id(self) -> bytes | None:
        """NT_GNU_BUILD_ID from memory."""
        return self._image.build_id if self._image else None

    @cached_property
    def file(self) -> ElfFile | None:
        """The file itself, found by path and build-id, or None."""
        return find_elf_file(self._inside, self.build_id, self._sysroots)

    @cached_property
    def debug_file(self) -> ElfFile | None:
        """The separate file of symbols, found by build-id, or None."""
        return find_debug_file(self._inside, self.build_id, self._sysroots, self._symbols, self.file)

    @cached_property
    def alike_file(self) -> ElfFile | None:
        """Where it has no build-id, the file that is as what memory has of it, or None: for symbols and call frames."""
        if self._image is None or self.build_id is not None:
            return None
        return find_alike_file(self._inside, self._image, self._memory, self._sysroots)

    @property
    def symbol_files(self) -> list[ElfFile]:
        """The files at hand that may have symbols and call frame information of it, the fullest first."""
        return [file for file in (self.debug_file, self.file, self.alike_file) if file is not None]

    def close(self) -> None:
        """Let go of the files that were found for it."""
        for name in ("file", "debug_file", "alike_file"):
            found: ElfFile | None = self.__dict__.get(name)
            if found is not None:
                found.space.close()

    @cached_property
    def version(self) -> str:
        """The version that is embedded in it, or nothing; of a sparse dump wherever it shows."""
        return (self._find_version(self._beside_code) or self._find_version([self._whole]) or (0, ""))[1]

    @property
    def version_place(self) -> tuple[int, int]:
        """The address and the size of that version's text and the mark before it; (0, 0) where there is none."""
        found = self._find_version(self._beside_code or [self._whole])
        return (found[0], _VERSION_BYTES + len(_VERSION_MARKS[0])) if found else (0, 0)

    def _find_version(self, spans: Sequence[tuple[int, int]]) -> tuple[int, str] | None:
        for start, data in self._pieces(spans):
            for mark in _VERSION_MARKS:
                if (at := data.find(mark)) >= 0 and (text := _version_text(data[at + len(mark) :], mark)):
                    return start + at, text
        return None

    def _pieces(self, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, bytes]]:
        """Yield the memory of ``spans`` in pieces that overlap, so that nothing short is missed.

        The last come first: versions are among constants and data. What is not there is passed over.
        """
        for first, limit in reversed(spans):
            for start in reversed(range(first, limit, _SEARCH_STEP)):
                address, end = start, min(start + _SEARCH_STEP + _VERSION_BYTES, limit)
                while address < end:
                    data = self._memory.read_available(address, end - address)
                    if data:
                        yield address, data
                    address = following_place(self._memory, address + len(data))

    @property
    def _whole(self) -> tuple[int, int]:
        return self.base, min(self.end, self.base + _SEARCH_LIMIT)

    @property
    def _beside_code(self) -> list[tuple[int, int]]:
        """Where what is not code starts and ends; nothing where constants are not known to lie apart from it."""
        loads = [part for part in self._image.headers if part.type == SegmentType.LOAD] if self._image else []
        if all(part.flags != _CONSTANTS for part in loads):
            return []
        places = ((self.bias + part.vaddr, min(part.memsz, _SEARCH_LIMIT)) for part in loads if not part.flags & _CODE)
        return [(start, start + size) for start, size in places]

    @cached_property
    def image(self) -> ElfImage | None:
        """The image in all memory that can be had, the file's read-only parts included.

        Where not all of its dynamic section is there it has that of the file, in which nothing is relocated yet.
        """
        if self._image is None:
            return None
        image = image_at(self._memory, self.base)
        if DT_NULL not in image.dynamic and self.file is not None:
            image.dynamic = self.file.image.dynamic
        return image

    @cached_property
    def initial(self) -> AddressSpace | None:
        """Its writable data as it was before the program ran, by address, or None without the file.

        Never part of the target's memory: for constants that happen to lie in writable sections, and for whoever
        knows that what is read there never changes.
        """
        return None if self.file is None else initial_data(self.file, self.bias)

    def find_symbol(self, name: str) -> int | None:
        """Return the address of a defined symbol, or None."""
        if self.image is None:
            return None
        if (found := self.image.find_symbol(name)) is not None:
            return self.bias + found.value
        tables = (table.find(name) for table in self._file_tables)
        return next((self.bias + symbol.value for symbol in tables if symbol is not None), None)

    def symbol_at(self, address: int) -> tuple[str, int] | None:
        """Return the symbol that covers ``address`` and the offset into it, or None."""
        value = address - self.bias
        for table in self._tables:
            if (symbol := table.at(value)) is not None:
                return symbol.name, value - symbol.value
        return None

    @cached_property
    def _file_tables(self) -> tuple[SymbolTable, ...]:
        return tuple(table for file in self.symbol_files for table in file.symbol_tables() if len(table))

    @property
    def _tables(self) -> Iterator[SymbolTable]:
        yield from self._file_tables
        if self.image is not None:
            yield self.image.symbols


def _version_text(data: bytes, mark: bytes) -> str:
    text = data[:_VERSION_BYTES].split(b"\0", 1)[0].split(b"\n", 1)[0].decode("ascii", "replace")
    if mark == _VERSION_MARKS[0]:
        return text.split(" ", 1)[0]
    return text.rpartition("version ")[2].rstrip(".") if "version " in text else ""


def close_files(target: object) -> None:
    """Let go of the files of a target's ``modules``, where these were ever asked for, and of its assemblies."""
    for module in vars(target).get("modules", ()):
        module.close()
    if (places := vars(target).get("places")) is not None:
        places.close()
