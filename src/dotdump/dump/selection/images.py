"""The managed images of a target: headers, metadata, what leads to PDBs.

A mapping begins with one, or a runtime knows it: those in a single-file program lie anywhere in that file.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from dotdump.errors import DotdumpError
from dotdump.formats.metadata.image import SIGNATURE
from dotdump.formats.pe import CODEVIEW, EMBEDDED_PDB, PeImage
from dotdump.memory.space import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dotdump.dump.selection.recording import RecordingTarget
    from dotdump.memory.page_cache import PageCache

_MAGIC = b"MZ"
_READY_TO_RUN_HEADER = 1 << 10
"""Bytes of the header of ready-to-run code with its sections, of which there are some twenty, and of what follows."""
_NAME = 6 << 10
"""Bytes of metadata that hold a module's own name: pieces of the root, of the head of the tables, of a string."""


class Keep(Enum):
    """Which images' metadata is kept whole: of the others only what was read of it is there."""

    NONE = 0
    USED = 1
    ALL = 2


def touch_images(target: RecordingTarget, known: Iterable[PeImage], keep: Keep) -> None:
    """Read the headers of every image, the ``known`` ones too, and the metadata of those that are to ``keep`` theirs.

    An image is used where its code is on a stack, or more than its name was read.
    """
    images = {image.base: image for image in known}
    unknown = (base for base in _bases(target) if base not in images)
    images |= {base: found for base in unknown if (found := _open(target.memory, base)) is not None}
    for image in images.values():
        with suppress(DotdumpError):
            _touch_headers(target.memory, image)
            _touch_pdb(image, is_used=image.base in target.used_images)
    touched = target.memory.touched
    starts = [part.start for part in touched]
    for image in images.values() if keep is not Keep.NONE else ():
        address, size = image.metadata_place()
        read = sum(part.size for part in overlaps(touched, starts, address, address + size))
        if keep is Keep.ALL or image.base in target.used_images or read > _NAME:
            target.memory.touch(address, size)


def _bases(target: RecordingTarget) -> Iterator[int]:
    for region in target.regions:
        if region.readable and target.unrecorded.read_available(region.start, 2) == _MAGIC:
            yield region.start


def _open(memory: PageCache, base: int) -> PeImage | None:
    for loaded in (True, False):
        with suppress(DotdumpError):
            image = PeImage(memory, base, loaded=loaded)
            if memory.read(image.metadata_place()[0], 4) == SIGNATURE:
                return image
    return None


def _touch_headers(memory: PageCache, image: PeImage) -> None:
    header = image.cli_header
    if header is not None and header.managed_native_header[0]:
        memory.touch(image.address_of(header.managed_native_header[0]), _READY_TO_RUN_HEADER)


def _touch_pdb(image: PeImage, *, is_used: bool) -> None:
    """Read what leads to the PDB of an image; of one that is used a PDB within it, too."""
    for entry in image.debug_entries():
        if entry.type == CODEVIEW or (is_used and entry.type == EMBEDDED_PDB):
            image.debug_data(entry)
