"""Loader: modules, where their images lie, and the metadata in them.

Metadata is read out of the target's memory, in the layout in which the image is there. What cannot be had is None,
and asked for once. A module made at run time has no image: its metadata is the runtime's own tables, not read here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.data.loaded_types import Module, PeAssembly, PeImageLayout, PeImageRecord
from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.metadata import schema
from dotdump.formats.metadata.image import Metadata
from dotdump.formats.pe import PeImage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.data_access import DataAccess


class Loader:
    """The modules of one runtime."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self._images: dict[int, PeImage | None] = {}
        self._metadata: dict[int, Metadata | None] = {}

    def find_image(self, module: int) -> PeImage | None:
        """Return the PE image of the module at address ``module``, or None where it has none in memory."""
        if module not in self._images:
            self._images[module] = next(self._readable_images(module), None)
        return self._images[module]

    def find_metadata(self, module: int) -> Metadata | None:
        """Return the metadata of the module at address ``module``, or None where it cannot be had."""
        if module not in self._metadata:
            self._metadata[module] = self._read_metadata(module)
        return self._metadata[module]

    def name_of(self, module: int) -> str:
        """Return the name that the metadata of the module at address ``module`` gives it; empty where there is none."""
        metadata = self.find_metadata(module)
        try:
            return metadata.string(metadata.row(schema.Module, 1).name) if metadata is not None else ""
        except FormatError:
            return ""

    def _read_metadata(self, module: int) -> Metadata | None:
        for image in self._readable_images(module):
            try:
                return Metadata(image.metadata(), f"metadata of the module at {module:#x}")
            except (FormatError, MemoryFault):
                continue
        return None

    def _readable_images(self, module: int) -> Iterator[PeImage]:
        memory = self._access.reader.memory
        for base in self._bases(module):
            for loaded in (True, False):
                try:
                    image = PeImage(memory, base, loaded=loaded)
                    if image.cli_header() is not None and image.metadata()[:4] == b"BSJB":
                        yield image
                except (FormatError, MemoryFault):
                    continue

    def _bases(self, module: int) -> Iterator[int]:
        """Yield where the module's image may lie, the loaded layout first."""
        access = self._access
        try:
            assembly = Module(access, module).pe_assembly
            record = PeImageRecord(access, PeAssembly(access, assembly).image) if assembly else None
            for name in ("loaded", "flat"):
                if record is None or not access.has("PEImage", f"{name.capitalize()}ImageLayout"):
                    continue
                layout: int = getattr(record, name)
                base = PeImageLayout(access, layout).base if layout else 0
                if base:
                    yield base
        except MemoryFault:
            return
