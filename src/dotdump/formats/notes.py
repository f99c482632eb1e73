"""ELF notes: owner, type and bytes, from a PT_NOTE segment or a SHT_NOTE section, and built again.

What the bytes mean is not known here: see ``core_notes`` for those of cores. Source of truth: gABI ch. 5, "Note
Section"; in practice every 64-bit Linux file uses 4-byte words and 4-byte alignment, GNU properties (8) excepted.
"""

from __future__ import annotations

from struct import Struct

from dotdump.limits import NOTE_SEGMENT, NOTES
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dotdump.formats.elf import ProgramHeader
    from dotdump.memory.space import AddressSpace

NOTE_HEADER = Struct("<III")
NT_GNU_BUILD_ID = 3
_OWNER_BYTES = 256


@record
class Note:
    """One note. ``content`` is part of the bytes it was parsed from, ``offset`` where in them its header is."""

    owner: str
    type: int
    content: bytes | memoryview
    offset: int = 0

    @property
    def data(self) -> bytes:
        """A copy of its bytes."""
        return bytes(self.content)


@record
class Notes:
    """What could be parsed. ``end`` is where parsing stopped: before the last byte where a note is cut or false."""

    notes: tuple[Note, ...]
    end: int


def parse_notes(data: bytes | memoryview, align: int = 4, most: int = NOTES) -> Notes:
    """Return the whole notes of ``data``, in order and at ``most`` so many, and where they end.

    ``align`` is the segment's: only 8 means something; 0 and 1, which the kernel and others write, mean 4.
    """
    unpack, mask = NOTE_HEADER.unpack_from, -8 if align == 8 else -4
    notes: list[Note] = []
    owners: dict[bytes, str] = {}
    position, size = 0, len(data)
    while position + NOTE_HEADER.size <= size and len(notes) < most:
        namesz, descsz, kind = unpack(data, position)
        name = position + NOTE_HEADER.size
        body = name + namesz + ~mask & mask
        end = body + descsz
        if namesz > _OWNER_BYTES or end > size:
            break
        written = bytes(data[name : name + namesz])
        owner = owners.get(written)
        if owner is None:
            owner = owners[written] = written.split(b"\0", 1)[0].decode("ascii", "backslashreplace")
        notes.append(Note(owner, kind, data[body:end], position))
        position = end + ~mask & mask
    return Notes(tuple(notes), min(position, size))


def read_notes(
    space: AddressSpace, segments: Iterable[ProgramHeader]
) -> Iterator[tuple[ProgramHeader, memoryview, Notes]]:
    """Yield the bytes that are there of each PT_NOTE of a core, and the notes in them.

    Bytes and notes of all together are bounded: segments may share bytes, so that a small file could hold any number.
    """
    size, most = NOTE_SEGMENT, NOTES
    for segment in segments:
        data = memoryview(space.read_available(segment.offset, min(segment.filesz, size)))
        found = parse_notes(data, segment.align, most)
        size, most = size - len(data), most - len(found.notes)
        yield segment, data, found


def build_note(owner: str, kind: int, data: bytes) -> bytes:
    """Return one note, padded to 4 bytes."""
    name = owner.encode("ascii") + b"\0"
    return NOTE_HEADER.pack(len(name), len(data), kind) + _padded(name) + _padded(data)


def find_build_id(notes: Notes) -> bytes | None:
    """Return the bytes of NT_GNU_BUILD_ID, or None."""
    return next((n.data for n in notes.notes if n.owner == "GNU" and n.type == NT_GNU_BUILD_ID and n.data), None)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
