"""``NativeAotImage``: what a NativeAOT program carries of its types and methods, found in its memory.

Knows where it lies, not what it means. Source of truth: TypeLoaderEnvironment.Metadata.cs and
ExternalReferencesTable.cs of dotnet/runtime, read from 10.0.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import FormatError
from dotdump.formats.native_format import NativeBytes
from dotdump.formats.native_header import HEADER_SIZE, SIGNATURE, SectionId, parse_native_header
from dotdump.formats.native_metadata import NativeMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.native_header import Section

_PIECE = 1 << 20


class NativeAotImage:
    """The sections of the program or library that ``access`` reads."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access

    @cached_property
    def tokens(self) -> Mapping[int, int]:
        """TypeDefinitions by the method table that they describe."""
        types, fixups = (self.section(number) for number in (SectionId.TYPE_MAP, SectionId.COMMON_FIXUPS))
        if types is None or fixups is None:
            return {}
        source = "type map"
        table = NativeBytes(self.read(types), source)
        data = self.read(fixups)
        distances = memoryview(data[: len(data) & ~3]).cast("i")
        tokens: dict[int, int] = {}
        try:
            for entry in table.hashtable():
                index, place = table.unsigned(entry)
                token, _ = table.unsigned(place)
                if index < len(distances):
                    tokens[fixups.start + 4 * index + distances[index]] = token
        except FormatError:
            pass  # what came before the damage is as good as ever
        return tokens

    @cached_property
    def metadata(self) -> NativeMetadata | None:
        """The embedded metadata; None where there is none, or none that can be read."""
        section = self.section(SectionId.EMBEDDED_METADATA)
        try:
            return NativeMetadata(self.read(section), sorted(self.tokens.values())) if section is not None else None
        except FormatError:
            return None

    def section(self, number: int) -> Section | None:
        """Return a section by its number, or None where it is not there or its size is absurd."""
        section = self._sections.get(number)
        if section is None or not 0 < section.end - section.start <= limits.NATIVE_BLOB:
            return None
        return section

    def read(self, section: Section) -> bytes:
        """Return the bytes of a section, as far as they are there."""
        return self._access.reader.memory.read_available(section.start, section.end - section.start)

    @cached_property
    def _sections(self) -> Mapping[int, Section]:
        module = self._access.runtime.module
        for region in self._access.target.regions:
            start, end = max(region.start, module.base), min(region.end, module.end)
            for place in range(start, min(end, start + limits.NATIVE_BLOB), _PIECE):
                sections = self._header_in(place, min(place + _PIECE + HEADER_SIZE, end))
                if sections:
                    return sections
        return {}

    def _header_in(self, start: int, end: int) -> Mapping[int, Section]:
        data = self._access.reader.memory.read_available(start, end - start)
        place = data.find(SIGNATURE)
        while place >= 0:
            try:
                sections = parse_native_header(data[place : place + HEADER_SIZE])
            except FormatError:
                sections = {}
            if SectionId.TYPE_MAP in sections:
                return sections
            place = data.find(SIGNATURE, place + 4)
        return {}
