"""Call frame information: the entries of .eh_frame, common (CIE) and per function (FDE).

Knows where an entry begins and ends and what its head says; what its instructions mean is in ``dwarf_rows``. Source of
truth: DWARF 5, 6.4.1; LSB Core, "The .eh_frame section"; the augmentation letters as GCC and LLVM emit them.
"""

from __future__ import annotations

from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.dwarf_cursor import Bases, Cursor, PointerEncoding
from dotdump.limits import CFI_ENTRY
from dotdump.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.memory.space import AddressSpace

_EXTENDED = 0xFFFFFFFF
_VERSIONS = (1, 3, 4)


@record
class Entry:
    """The bytes of an entry after its length and id: ``data`` at ``address``, the next entry at ``end``.

    ``common`` is the address of the CIE that an FDE belongs to, or None where the entry is a CIE itself.
    """

    address: int
    data: bytes
    end: int
    common: int | None


@record
class Cie:
    """What the functions of one kind share. ``instructions`` begin at ``address``."""

    code_alignment: int
    data_alignment: int
    return_register: int
    instructions: bytes
    address: int
    encoding: int = PointerEncoding.ABSPTR
    lsda_encoding: int = PointerEncoding.OMIT
    augmented: bool = False
    signal_frame: bool = False
    b_key: bool = False


@record
class Fde:
    """The code from ``start`` up to ``end``. ``instructions`` begin at ``address``.

    ``lsda`` is where the language keeps what it knows of the function, 0 for nowhere.
    """

    cie: Cie
    start: int
    end: int
    instructions: bytes
    address: int
    lsda: int = 0


def read_entry(memory: AddressSpace, address: int, *, debug: bool = False) -> Entry | None:
    """Return the entry at ``address``, or None at the end of the section, which an entry of no length marks.

    With ``debug`` it is one of .debug_frame: there common entries are marked, and found from the section's start.
    """
    size = int.from_bytes(memory.read(address, 4), "little")
    at, id_size = address + 4, 4
    if size == _EXTENDED:
        size, at, id_size = int.from_bytes(memory.read(at, 8), "little"), at + 8, 8
    if size == 0:
        return None
    if size > CFI_ENTRY:
        raise LimitExceeded(f"an entry of {size} bytes", source="call frame information", offset=address)
    if size < id_size:
        raise FormatError(f"an entry of {size} bytes", source="call frame information", offset=address)
    data = memory.read(at, size)
    number = int.from_bytes(data[:id_size], "little")
    mark = (1 << 8 * id_size) - 1 if debug else 0
    return Entry(at + id_size, data[id_size:], at + size, None if number == mark else number if debug else at - number)


def parse_cie(entry: Entry, bases: Bases) -> Cie:
    """Return the CIE that ``entry`` is; ``FormatError`` where it cannot be understood."""
    cursor = Cursor(entry.data, entry.address)
    version = cursor.u8()
    if version not in _VERSIONS:
        raise cursor.damaged(f"version {version} of a CIE")
    letters = cursor.string().decode("latin-1")
    if letters.startswith("eh"):
        cursor.u64()
        letters = letters[2:]
    if version == 4 and (cursor.u8(), cursor.u8()) != (8, 0):
        raise cursor.damaged("addresses that are not of 8 bytes, or in segments")
    found = Cie(
        code_alignment=cursor.uleb(),
        data_alignment=cursor.sleb(),
        return_register=cursor.u8() if version == 1 else cursor.uleb(),
        instructions=b"",
        address=0,
    )
    if letters.startswith("z"):
        found = _augmented(found, letters[1:], _augmentation(cursor), bases)
    elif letters:
        raise cursor.damaged(f"augmentation {letters!r}")
    return replace(found, address=cursor.here, instructions=entry.data[cursor.position :])


def _augmentation(cursor: Cursor) -> Cursor:
    """Return what comes next with its length before it, at the address where it is."""
    size = cursor.uleb()
    at = cursor.here
    return Cursor(cursor.block(size), at)


def _augmented(cie: Cie, letters: str, data: Cursor, bases: Bases) -> Cie:
    """Return ``cie`` with what its augmentation says, up to a letter that is not known."""
    cie = replace(cie, augmented=True)
    for letter in letters:
        if letter == "R":
            cie = replace(cie, encoding=data.u8())
        elif letter == "L":
            cie = replace(cie, lsda_encoding=data.u8())
        elif letter == "P":
            data.pointer(data.u8() & ~PointerEncoding.INDIRECT, bases)
        elif letter == "S":
            cie = replace(cie, signal_frame=True)
        elif letter == "B":
            cie = replace(cie, b_key=True)
        elif letter != "G":
            break
    return cie


def parse_fde(entry: Entry, cie: Cie, bases: Bases) -> Fde:
    """Return the FDE that ``entry`` is, its function's addresses decoded as ``cie`` says."""
    cursor = Cursor(entry.data, entry.address)
    start = cursor.pointer(cie.encoding, bases)
    size = cursor.pointer(cie.encoding & PointerEncoding.FORM, bases)
    if start is None or size is None:
        raise cursor.damaged("an FDE without addresses")
    lsda = 0
    if cie.augmented:
        data = _augmentation(cursor)
        if data.data and cie.lsda_encoding != PointerEncoding.OMIT:
            lsda = data.pointer(cie.lsda_encoding & ~PointerEncoding.INDIRECT, bases) or 0
    return Fde(cie, start, start + size, entry.data[cursor.position :], cursor.here, lsda)
