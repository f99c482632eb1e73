"""Loader: modules, where their images lie, and the metadata in them.

Metadata is read out of the target's memory, in the layout in which the image is there; where a sparse dump left it
out, from a file of this machine whose headers are the same. What cannot be had is None, and asked for once. A module
made at run time has no image, but a copy of its metadata.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import starmap
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.dynamic_metadata import read_dynamic_metadata
from dotdump.clr.data.loaded_types import Module, PeAssembly, PeImageLayout, PeImageRecord
from dotdump.errors import FormatError, MemoryFault, UnsupportedRuntime
from dotdump.formats.metadata import schema
from dotdump.formats.metadata.image import SIGNATURE, Metadata
from dotdump.formats.pe import PeImage
from dotdump.memory.region import region_at
from dotdump.target.side_files import open_side_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.data_access import DataAccess
    from dotdump.memory.window import Window

_MADE_AT_RUN_TIME = "RefEmit_InMemoryManifestModule"
"""What every module of ``AssemblyBuilder`` is called, whatever its maker calls it."""


class Loader:
    """The modules of one runtime."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self._images: dict[int, PeImage | None] = {}
        self._opened: dict[tuple[int, bool], PeImage | None] = {}
        self._metadata: dict[int, Metadata | None] = {}
        self._files: dict[int, PeImage | None] = {}

    def find_image(self, module: int) -> PeImage | None:
        """Return the PE image of the module at address ``module`` in the target's memory, or None where none is."""
        if module not in self._images:
            self._images[module] = next(filter(has_metadata, self._in_memory(module)), None)
        return self._images[module]

    def find_metadata(self, module: int) -> Metadata | None:
        """Return the metadata of the module at address ``module``, or None where it cannot be had."""
        if module not in self._metadata:
            self._metadata[module] = self._read_metadata(module)
        return self._metadata[module]

    def name_of(self, module: int) -> str:
        """Return the name that the metadata of the module at address ``module`` gives it; empty where there is none.

        Modules made at run time are all called alike: they have the names of their assemblies.
        """
        metadata = self.find_metadata(module)
        if metadata is None:
            return ""
        try:
            name = metadata.string(metadata.row(schema.Module, 1).name)
            return metadata.string(metadata.row(schema.Assembly, 1).name) if name == _MADE_AT_RUN_TIME else name
        except FormatError:
            return ""

    def path_of(self, module: int) -> str:
        """Return the path of the file that the module at address ``module`` was loaded from; empty where not known."""
        try:
            if self._access.has("Module", "Path"):
                address = Module(self._access, module).path
                path = self._access.reader.utf16_cstring(address) if address else ""
                if path:
                    return path
        except MemoryFault:
            pass
        return next(filter(None, map(self._mapped_path, self.bases_of(module))), "")

    def images(self, module: int) -> Iterator[PeImage]:
        """Yield the images of a module, the one in memory first, then the file's on this machine.

        Of an image in memory everything but its headers may be missing.
        """
        yield from self._in_memory(module)
        image_file = self._find_file(module)
        if image_file is not None:
            yield image_file

    def _in_memory(self, module: int) -> Iterator[PeImage]:
        places = ((base, loaded) for base in self.bases_of(module) for loaded in (True, False))
        return filter(None, starmap(self._managed_at, places))

    def _managed_at(self, base: int, loaded: bool) -> PeImage | None:  # noqa: FBT001 - a key
        """Return the managed image at ``base``, opened once, or None."""
        key = base, loaded
        if key not in self._opened:
            self._opened[key] = None
            with suppress(FormatError, MemoryFault):
                image = PeImage(self._access.reader.memory, base, loaded=loaded)
                self._opened[key] = image if image.cli_header is not None else None
        return self._opened[key]

    def _mapped_path(self, base: int) -> str:
        region = region_at(self._access.target.regions, base)
        return region.path if region is not None else ""

    def _find_file(self, module: int) -> PeImage | None:
        """Return the image of a module from its file, which is believed if its headers are those in memory."""
        if module not in self._files:
            self._files[module] = None
            headers = next(self._headers(module), None)
            path = self.path_of(module)
            if headers is not None and path:
                file = open_side_file(
                    self._access.target.places,
                    [path],
                    lambda space: _identity(PeImage(space, 0, loaded=False)) == headers,
                    limits.ASSEMBLY_FILE,
                )
                self._files[module] = PeImage(file, 0, loaded=False, source=file.name) if file is not None else None
        return self._files[module]

    def has_headers(self, module: int) -> bool:
        """Return whether the headers of a module's image are in memory, which its file is believed by."""
        return next(self._headers(module), None) is not None

    def _headers(self, module: int) -> Iterator[tuple[object, ...]]:
        for base in self.bases_of(module):
            try:
                yield _identity(PeImage(self._access.reader.memory, base, loaded=False))
            except (FormatError, MemoryFault):
                continue

    def _read_metadata(self, module: int) -> Metadata | None:
        source = f"metadata of the module at {module:#x}"
        for image in filter(has_metadata, self.images(module)):
            try:
                return Metadata(image.metadata_window(lambda: self._file_metadata(module)), source)
            except (FormatError, MemoryFault):
                continue
        copy = read_dynamic_metadata(self._access, module)
        try:
            return Metadata(copy, source) if copy is not None else None
        except FormatError:
            return None

    def _file_metadata(self, module: int) -> memoryview | Window | None:
        """Return the metadata of a module out of its file, for the parts of it that memory has not got."""
        image = self._find_file(module)
        return image.metadata_window() if image is not None and has_metadata(image) else None

    def records_of(self, module: int) -> Iterator[int]:
        """Yield the addresses of the runtime's records of the file of a module: PEAssembly, PEImage and its layouts."""
        access = self._access
        try:
            if assembly := Module(access, module).pe_assembly:
                yield assembly
                if image := PeAssembly(access, assembly).image:
                    yield image
                    record = PeImageRecord(access, image)
                    yield from filter(None, (record.loaded, record.flat))
        except (MemoryFault, UnsupportedRuntime):
            return

    def bases_of(self, module: int) -> Iterator[int]:
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


def has_metadata(image: PeImage) -> bool:
    """Return whether the metadata of an image lies where its headers say: a flat file can be read as a loaded one."""
    try:
        return image.metadata_window()[:4] == SIGNATURE
    except (FormatError, MemoryFault):
        return False


def _identity(image: PeImage) -> tuple[object, ...]:
    """Return what tells two images apart by their headers; of builds that can be repeated the time is a hash."""
    return image.machine, image.timestamp, image.size_of_image, tuple(image.sections)
