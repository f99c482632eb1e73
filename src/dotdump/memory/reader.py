"""``Reader``: an ``AddressSpace`` with a byte order and a pointer size.

Only little-endian targets exist for .NET on Linux that we read; the byte order is fixed, the pointer size is not.
"""

from __future__ import annotations

from struct import Struct

from dotdump.errors import MemoryFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.memory.space import AddressSpace

_STRING_STEP = 256
_U16, _U32, _U64 = Struct("<H"), Struct("<I"), Struct("<Q")
_I8, _I16, _I32, _I64 = Struct("<b"), Struct("<h"), Struct("<i"), Struct("<q")


class Reader:
    """Typed reads at addresses; every one of them exact, or ``MemoryFault``."""

    __slots__ = ("memory", "pointer_size")

    def __init__(self, memory: AddressSpace, pointer_size: int = 8) -> None:
        self.memory = memory
        self.pointer_size = pointer_size

    def u8(self, address: int) -> int:
        """Return an unsigned byte."""
        return self.memory.read(address, 1)[0]

    def u16(self, address: int) -> int:
        """Return an unsigned 16-bit integer."""
        value: int = _U16.unpack(self.memory.read(address, 2))[0]
        return value

    def u32(self, address: int) -> int:
        """Return an unsigned 32-bit integer."""
        value: int = _U32.unpack(self.memory.read(address, 4))[0]
        return value

    def u64(self, address: int) -> int:
        """Return an unsigned 64-bit integer."""
        value: int = _U64.unpack(self.memory.read(address, 8))[0]
        return value

    def i8(self, address: int) -> int:
        """Return a signed byte."""
        value: int = _I8.unpack(self.memory.read(address, 1))[0]
        return value

    def i16(self, address: int) -> int:
        """Return a signed 16-bit integer."""
        value: int = _I16.unpack(self.memory.read(address, 2))[0]
        return value

    def i32(self, address: int) -> int:
        """Return a signed 32-bit integer."""
        value: int = _I32.unpack(self.memory.read(address, 4))[0]
        return value

    def i64(self, address: int) -> int:
        """Return a signed 64-bit integer."""
        value: int = _I64.unpack(self.memory.read(address, 8))[0]
        return value

    def pointer(self, address: int) -> int:
        """Return an address of the target's pointer size."""
        return self.u64(address) if self.pointer_size == 8 else self.u32(address)

    def cstring(self, address: int, limit: int = 4096) -> bytes:
        """Return the bytes up to a NUL, which must come within ``limit`` bytes, else ``MemoryFault``."""
        found = bytearray()
        while len(found) < limit:
            step = min(_STRING_STEP, limit - len(found))
            part = self.memory.read_available(address + len(found), step)
            end = part.find(0)
            if end >= 0:
                found += part[:end]
                return bytes(found)
            found += part
            if len(part) < step:
                raise MemoryFault(address + len(found), 1)
        raise MemoryFault(address, limit, f"no end of string within {limit} bytes")

    def utf16_cstring(self, address: int, limit: int = 4096) -> str:
        """Return the UTF-16 text up to a NUL, which must come within ``limit`` units, else ``MemoryFault``."""
        found = bytearray()
        while len(found) < 2 * limit:
            step = min(_STRING_STEP, 2 * limit - len(found))
            part = self.memory.read_available(address + len(found), step)
            words = memoryview(part[: len(part) & ~1]).cast("H")
            end = next((2 * index for index, unit in enumerate(words) if not unit), None)
            found += part[:end]
            if end is not None:
                return found.decode("utf-16-le", "replace")
            if len(part) < step:
                raise MemoryFault(address + len(found), 2)
        raise MemoryFault(address, 2 * limit, f"no end of string within {limit} units")

    def utf16(self, address: int, count: int) -> str:
        """Return ``count`` UTF-16 code units as text; lone surrogates are kept as they are."""
        return self.memory.read(address, count * 2).decode("utf-16-le", "surrogatepass")
