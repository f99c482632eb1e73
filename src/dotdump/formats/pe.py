"""PE images as .NET uses them: sections, the CLI header, where metadata, R2R header and debug entries lie.

An image is flat (as in the file) or loaded (sections at their virtual addresses); only translation of addresses
differs. Nothing is relocated. Source: the PE/COFF specification; ECMA-335 II.25; corcompile.h for machine values of
ready-to-run images, which are XORed with a number of the operating system.
"""

from __future__ import annotations

from functools import cached_property
from struct import Struct, unpack_from
from typing import TYPE_CHECKING

from dotdump.errors import FormatError, LimitExceeded
from dotdump.memory.window import window_on
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.memory.space import AddressSpace
    from dotdump.memory.window import Otherwise, Window

MAX_SECTIONS = 96
"""The limit that Windows itself sets."""

MAX_METADATA = 1 << 30
MAX_DEBUG_ENTRIES = 64
_COFF = Struct("<HHIIIHH")
_SECTION = Struct("<8sIIIIIIHHI")
_CLI = Struct("<IHHIIIIIIIIIIIIIIII")
_DEBUG = Struct("<IIHHIIII")
_DIRECTORIES_32, _DIRECTORIES_64 = 96, 112
DEBUG, CLI_HEADER = 6, 14
"""Numbers of data directories."""

EMBEDDED_PDB, CODEVIEW = 17, 2
"""Types of debug directory entries."""


@record
class Section:
    """A section: ``raw_size`` bytes at ``raw_offset`` of the file are ``virtual_size`` at ``virtual_address``."""

    name: str
    virtual_size: int
    virtual_address: int
    raw_size: int
    raw_offset: int


@record
class DebugEntry:
    """An entry of the debug directory; ``rva`` 0 where the data is only in the file."""

    timestamp: int
    major: int
    minor: int
    type: int
    size: int
    rva: int
    offset: int


@record
class CliHeader:
    """The CLI header, as far as anyone asks: places are (RVA, size)."""

    flags: int
    entry_point: int
    metadata: tuple[int, int]
    resources: tuple[int, int]
    managed_native_header: tuple[int, int]


class PeImage:
    """A PE image at ``base`` of ``space``. ``loaded``: its sections lie at their virtual addresses."""

    def __init__(self, space: AddressSpace, base: int, *, loaded: bool, source: str = "PE image") -> None:
        self._space = space
        self._source = source
        self.base = base
        self.loaded = loaded
        header = self._pe_header()
        self.machine, sections, self.timestamp, _, _, optional_size, _ = _COFF.unpack(self._read(header + 4, 20))
        if sections > MAX_SECTIONS:
            raise LimitExceeded(f"{sections} sections", source=source, offset=header + 6)
        optional = self._read(header + 24, min(optional_size, 512))
        self.size_of_image, self._directories = self._parse_optional(optional)
        self.sections = self._read_sections(header + 24 + optional_size, sections)

    def address_of(self, rva: int) -> int:
        """Return the address in ``space`` of a relative virtual address."""
        if self.loaded:
            return self.base + rva
        for section in self.sections:
            if 0 <= rva - section.virtual_address < max(section.virtual_size, section.raw_size):
                return self.base + section.raw_offset + rva - section.virtual_address
        if rva < min((s.virtual_address for s in self.sections), default=0):
            return self.base + rva
        raise FormatError(f"no section holds RVA {rva:#x}", source=self._source)

    def directory(self, number: int) -> tuple[int, int]:
        """Return (RVA, size) of a data directory; (0, 0) where it is absent."""
        return self._directories[number] if number < len(self._directories) else (0, 0)

    def read(self, rva: int, size: int) -> bytes:
        """Return ``size`` bytes at an RVA."""
        return self._space.read(self.address_of(rva), size)

    @cached_property
    def cli_header(self) -> CliHeader | None:
        """The CLI header; None where the image is not managed."""
        rva, size = self.directory(CLI_HEADER)
        if not rva or size < _CLI.size:
            return None
        fields = _CLI.unpack(self.read(rva, _CLI.size))
        return CliHeader(fields[5], fields[6], (fields[3], fields[4]), (fields[7], fields[8]), (fields[17], fields[18]))

    def metadata_place(self) -> tuple[int, int]:
        """Return the address and the size of the metadata root; ``FormatError`` where there is none."""
        header = self.cli_header
        if header is None or not header.metadata[0]:
            raise FormatError("a PE image without metadata", source=self._source)
        rva, size = header.metadata
        if size > MAX_METADATA:
            raise LimitExceeded(f"metadata of {size} bytes", source=self._source)
        return self.address_of(rva), size

    def metadata(self) -> bytes:
        """Return the bytes of the metadata root; ``FormatError`` where there is none."""
        return self._space.read(*self.metadata_place())

    def metadata_window(self, otherwise: Otherwise | None = None) -> memoryview | Window:
        """Return the same, read as it is asked for: a sparse dump need not have all of it, ``otherwise`` may."""
        return window_on(self._space, *self.metadata_place(), otherwise)

    def debug_entries(self) -> list[DebugEntry]:
        """Return the entries of the debug directory."""
        rva, size = self.directory(DEBUG)
        count = min(size // _DEBUG.size, MAX_DEBUG_ENTRIES)
        if not rva or not count:
            return []
        return [DebugEntry(*row[1:]) for row in _DEBUG.iter_unpack(self.read(rva, count * _DEBUG.size))]

    def debug_data(self, entry: DebugEntry) -> bytes:
        """Return what a debug entry points at."""
        if entry.size > MAX_METADATA:
            raise LimitExceeded(f"debug data of {entry.size} bytes", source=self._source)
        if self.loaded or entry.rva:
            return self.read(entry.rva, entry.size)
        return self._read(entry.offset, entry.size)

    def _read(self, offset: int, size: int) -> bytes:
        return self._space.read(self.base + offset, size)

    def _pe_header(self) -> int:
        start = self._read(0, 64)
        if start[:2] != b"MZ":
            raise FormatError("not a PE image: MZ is missing", source=self._source, offset=0)
        header: int = unpack_from("<I", start, 60)[0]
        if header > 1 << 20 or self._read(header, 4) != b"PE\0\0":
            raise FormatError("not a PE image: no PE header", source=self._source, offset=header)
        return header

    def _parse_optional(self, data: bytes) -> tuple[int, list[tuple[int, int]]]:
        if len(data) < _DIRECTORIES_64:
            raise FormatError(f"an optional header of {len(data)} bytes", source=self._source)
        (magic,) = unpack_from("<H", data)
        start = _DIRECTORIES_64 if magic == 0x20B else _DIRECTORIES_32
        (size_of_image,) = unpack_from("<I", data, 56)
        (count,) = unpack_from("<I", data, start - 4)
        count = min(count, 16, (len(data) - start) // 8)
        return size_of_image, [unpack_from("<II", data, start + 8 * number) for number in range(count)]

    def _read_sections(self, offset: int, count: int) -> list[Section]:
        sections = []
        for name, virtual_size, address, raw_size, raw_offset, *_ in _SECTION.iter_unpack(
            self._read(offset, count * _SECTION.size)
        ):
            text = name.rstrip(b"\0").decode("ascii", "replace")
            sections.append(Section(text, virtual_size, address, raw_size, raw_offset))
        return sections
