"""``Cursor``: values of DWARF read one after the other from bytes that lie at a known address.

Knows LEB128 and the pointer encodings of .eh_frame, nothing of what the values mean. Never reads beyond the bytes it
was given. Source of truth: DWARF 5, 7.6; LSB Core, "DWARF Exception Header Encoding".
"""

from __future__ import annotations

from struct import Struct

from dotdump.errors import FormatError
from dotdump.memory.space import ADDRESS_MASK
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LEB_BYTES = 16
_U16, _U32, _U64 = Struct("<H"), Struct("<I"), Struct("<Q")
_I8, _I16, _I32, _I64 = Struct("<b"), Struct("<h"), Struct("<i"), Struct("<q")


class PointerEncoding:
    """``DW_EH_PE_*``: the low four bits are the form, the next three what it is relative to, the last a dereference."""

    ABSPTR, ULEB128, UDATA2, UDATA4, UDATA8 = range(5)
    SIGNED, SLEB128, SDATA2, SDATA4, SDATA8 = range(8, 13)
    PCREL, TEXTREL, DATAREL, FUNCREL, ALIGNED = 0x10, 0x20, 0x30, 0x40, 0x50
    INDIRECT = 0x80
    OMIT = 0xFF
    FORM = 0x0F
    RELATION = 0x70


@record
class Bases:
    """What encoded pointers are relative to, and how one that is indirect is followed; None where it cannot be."""

    text: int | None = None
    data: int | None = None
    function: int | None = None
    dereference: Callable[[int], int] | None = None


class Cursor:
    """Reads ``data``, whose first byte is at ``address``; ``FormatError`` where it ends too early."""

    __slots__ = ("address", "data", "position")

    def __init__(self, data: bytes, address: int = 0, position: int = 0) -> None:
        self.data = data
        self.address = address
        self.position = position

    @property
    def here(self) -> int:
        """The address of the next byte."""
        return self.address + self.position

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.position >= len(self.data)

    def fixed(self, layout: Struct) -> int:
        """Return one integer of ``layout``."""
        if self.position + layout.size > len(self.data):
            raise self.damaged(f"{layout.size} bytes are wanted, {len(self.data) - self.position} are left")
        value: int = layout.unpack_from(self.data, self.position)[0]
        self.position += layout.size
        return value

    def u8(self) -> int:
        """Return an unsigned byte."""
        if self.position >= len(self.data):
            raise self.damaged("a byte is wanted, none is left")
        self.position += 1
        return self.data[self.position - 1]

    def i8(self) -> int:
        """Return a signed byte."""
        return self.fixed(_I8)

    def u16(self) -> int:
        """Return an unsigned 16-bit integer."""
        return self.fixed(_U16)

    def i16(self) -> int:
        """Return a signed 16-bit integer."""
        return self.fixed(_I16)

    def u32(self) -> int:
        """Return an unsigned 32-bit integer."""
        return self.fixed(_U32)

    def i32(self) -> int:
        """Return a signed 32-bit integer."""
        return self.fixed(_I32)

    def u64(self) -> int:
        """Return an unsigned 64-bit integer."""
        return self.fixed(_U64)

    def i64(self) -> int:
        """Return a signed 64-bit integer."""
        return self.fixed(_I64)

    def uleb(self) -> int:
        """Return an unsigned LEB128, of 64 bits at most."""
        return self._leb()[0] & ADDRESS_MASK

    def sleb(self) -> int:
        """Return a signed LEB128, of 64 bits at most."""
        value, bits = self._leb()
        value &= ADDRESS_MASK
        bits = min(bits, 64)
        return value - (1 << bits) if value >> (bits - 1) & 1 else value

    def _leb(self) -> tuple[int, int]:
        value = 0
        for count in range(_LEB_BYTES):
            byte = self.u8()
            value |= (byte & 0x7F) << (7 * count)
            if byte < 0x80:
                return value, 7 * count + 7
        raise self.damaged(f"a LEB128 of more than {_LEB_BYTES} bytes")

    def block(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        if size > len(self.data) - self.position:
            raise self.damaged(f"{size} bytes are wanted, {len(self.data) - self.position} are left")
        self.position += size
        return self.data[self.position - size : self.position]

    def string(self) -> bytes:
        """Return the bytes up to a NUL, and pass over that."""
        end = self.data.find(0, self.position)
        if end < 0:
            raise self.damaged("a string without an end")
        found = self.data[self.position : end]
        self.position = end + 1
        return found

    def pointer(self, encoding: int, bases: Bases) -> int | None:
        """Return the address that is encoded here, or None where it is left out."""
        if encoding == PointerEncoding.OMIT:
            return None
        if encoding & PointerEncoding.RELATION == PointerEncoding.ALIGNED:
            self.position += -self.here & 7
        place = self.here
        value = self._form(encoding & PointerEncoding.FORM)
        if value == 0:
            return 0
        value = (value + self._base(encoding, place, bases)) & ADDRESS_MASK
        if not encoding & PointerEncoding.INDIRECT:
            return value
        if bases.dereference is None:
            raise self.damaged("an indirect pointer where none can be followed")
        return bases.dereference(value)

    def _form(self, form: int) -> int:
        read = _FORMS.get(form)
        if read is None:
            raise self.damaged(f"a pointer of unknown form {form:#x}")
        return read(self)

    def _base(self, encoding: int, place: int, bases: Bases) -> int:
        relation = encoding & PointerEncoding.RELATION
        known = {
            PointerEncoding.ABSPTR: 0,
            PointerEncoding.PCREL: place,
            PointerEncoding.TEXTREL: bases.text,
            PointerEncoding.DATAREL: bases.data,
            PointerEncoding.FUNCREL: bases.function,
            PointerEncoding.ALIGNED: 0,
        }
        base = known.get(relation)
        if base is None:
            raise self.damaged(f"a pointer relative to what is not known: encoding {encoding:#x}")
        return base

    def damaged(self, message: str) -> FormatError:
        """Return the error that ``message`` is true of the next byte."""
        return FormatError(message, source="call frame information", offset=self.here)


_FORMS: dict[int, Callable[[Cursor], int]] = {
    PointerEncoding.ABSPTR: Cursor.u64,
    PointerEncoding.ULEB128: Cursor.uleb,
    PointerEncoding.UDATA2: Cursor.u16,
    PointerEncoding.UDATA4: Cursor.u32,
    PointerEncoding.UDATA8: Cursor.u64,
    PointerEncoding.SIGNED: Cursor.i64,
    PointerEncoding.SLEB128: Cursor.sleb,
    PointerEncoding.SDATA2: Cursor.i16,
    PointerEncoding.SDATA4: Cursor.i32,
    PointerEncoding.SDATA8: Cursor.i64,
}
