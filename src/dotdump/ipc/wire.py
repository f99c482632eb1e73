"""Framing and payload encodings of diagnostics IPC, without I/O: bytes in, messages out.

Does not know what any payload means. Every length is compared with the bytes that are there before anything is made
of it. Source of truth: ``ipc-protocol.md`` of dotnet/diagnostics; ``ds-protocol.c`` of dotnet/runtime.
"""

from __future__ import annotations

from struct import Struct

from dotdump.errors import BadMessage
from dotdump.ipc.commands import command_name
from dotdump.limits import IPC_MESSAGE
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self, TypeVar

    T = TypeVar("T")

MAGIC = b"DOTNET_IPC_V1\0"
HEADER = Struct("<14sHBBH")
_U8, _U16, _U32, _U64 = Struct("<B"), Struct("<H"), Struct("<I"), Struct("<Q")


@record
class Message:
    """A request or an answer: ``command`` is set << 8 | id, ``payload`` at most 65,515 bytes."""

    command: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """Return header and payload; raises ``BadMessage`` where the size field cannot say how long that is."""
        size = HEADER.size + len(self.payload)
        if size > IPC_MESSAGE:
            raise BadMessage(
                f"{command_name(self.command)} with {len(self.payload):,} bytes does not fit into one message: "
                f"at most {IPC_MESSAGE - HEADER.size:,}"
            )
        return HEADER.pack(MAGIC, size, self.command >> 8, self.command & 0xFF, 0) + self.payload


class UnknownMagic(BadMessage):
    """The first bytes are not those of the protocol: servers answer this one with a code of its own."""


class MessageDecoder:
    """Takes bytes as they come, in any split, and says when there is a whole message.

    Only one message travels each way, so what follows it (an event stream, an environment block) stays in ``rest``.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._size = HEADER.size
        self._message: Message | None = None

    @property
    def wanted(self) -> int:
        """Bytes that are still missing from the header, or from the payload once the header is there."""
        return max(0, self._size - len(self._buffer))

    @property
    def rest(self) -> bytes:
        """Bytes fed beyond the end of the message."""
        return bytes(self._buffer) if self._message else b""

    def feed(self, data: bytes) -> Message | None:
        """Take more bytes; return the message once it is whole, then always. Raises ``BadMessage``."""
        self._buffer += data
        if self._message is None and self._header_is_whole() and not self.wanted:
            _, _, command_set, command_id, _ = HEADER.unpack_from(self._buffer)
            self._message = Message(command_set << 8 | command_id, bytes(self._buffer[HEADER.size : self._size]))
            del self._buffer[: self._size]
        return self._message

    def _header_is_whole(self) -> bool:
        seen = bytes(self._buffer[: len(MAGIC)])
        if seen != MAGIC[: len(seen)]:
            raise UnknownMagic(f"not a diagnostics IPC message: it begins with {seen!r}")
        if len(self._buffer) < HEADER.size:
            return False
        self._size = HEADER.unpack_from(self._buffer)[1]
        if self._size < HEADER.size:
            raise BadMessage(f"a message of {self._size} bytes is shorter than its own header of {HEADER.size}")
        return True


class PayloadReader:
    """A cursor over a payload. Every method raises ``BadMessage`` where the bytes it needs are not there."""

    def __init__(self, data: bytes, what: str = "payload") -> None:
        self._data = data
        self._at = 0
        self._what = what

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        if size > self.remaining:
            raise BadMessage(
                f"{self._what}: {size:,} bytes at offset {self._at} where only {self.remaining:,} are left"
            )
        self._at += size
        return self._data[self._at - size : self._at]

    def u8(self) -> int:
        """Return one byte."""
        return self.take(1)[0]

    def boolean(self) -> bool:
        """Return one byte as a truth value."""
        return self.u8() != 0

    def u16(self) -> int:
        """Return two bytes, unsigned."""
        return int(_U16.unpack(self.take(2))[0])

    def u32(self) -> int:
        """Return four bytes, unsigned."""
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        """Return eight bytes, unsigned."""
        return int(_U64.unpack(self.take(8))[0])

    def guid(self) -> str:
        """Return 16 bytes in .NET's layout as text."""
        return guid_text(self.take(16))

    def string(self) -> str:
        """Return a string as ``optional_string`` does, ``""`` for null."""
        return self.optional_string() or ""

    def optional_string(self) -> str | None:
        """Return a counted UTF-16 string without its NUL, which must be there; None (null) for a count of 0."""
        count = self.u32()
        if count * 2 > self.remaining:
            raise BadMessage(f"{self._what}: a string of {count:,} characters where {self.remaining:,} bytes are left")
        if not count:
            return None
        data = self.take(count * 2)
        if data[-2:] != b"\0\0":
            raise BadMessage(f"{self._what}: the string that ends at offset {self._at} has no terminating NUL")
        return data[:-2].decode("utf-16-le", "surrogatepass")

    def array(self, item: Callable[[Self], T], item_size: int) -> tuple[T, ...]:
        """Return a counted array; ``item_size`` is the least an item takes, which bounds the count."""
        count = self.u32()
        if count * item_size > self.remaining:
            raise BadMessage(f"{self._what}: {count:,} items where {self.remaining:,} bytes are left")
        return tuple(item(self) for _ in range(count))


class PayloadWriter:
    """Builds a payload field by field; every method returns the writer. Numbers out of range raise ``BadMessage``."""

    def __init__(self) -> None:
        self._data = bytearray()

    def message(self, command: int) -> Message:
        """Return what was written as the payload of ``command``."""
        return Message(command, bytes(self._data))

    def raw(self, data: bytes) -> Self:
        """Append bytes as they are."""
        self._data += data
        return self

    def u8(self, value: int) -> Self:
        """Append one byte."""
        return self._pack(_U8, value)

    def boolean(self, value: bool) -> Self:  # noqa: FBT001 -- the value is the field, not a switch
        """Append a truth value as one byte."""
        return self.u8(int(value))

    def u16(self, value: int) -> Self:
        """Append two bytes."""
        return self._pack(_U16, value)

    def u32(self, value: int) -> Self:
        """Append four bytes."""
        return self._pack(_U32, value)

    def u64(self, value: int) -> Self:
        """Append eight bytes."""
        return self._pack(_U64, value)

    def guid(self, value: str) -> Self:
        """Append a GUID in .NET's layout."""
        return self.raw(guid_bytes(value))

    def string(self, value: str) -> Self:
        """Append a counted UTF-16 string with its NUL; the empty string as a count of 1 and a NUL."""
        return self.u32(len(data := (value + "\0").encode("utf-16-le", "surrogatepass")) // 2).raw(data)

    def optional_string(self, value: str | None) -> Self:
        """Append a string, or a count of 0 for None."""
        return self.u32(0) if value is None else self.string(value)

    def _pack(self, layout: Struct, value: int) -> Self:
        if not 0 <= value < 1 << 8 * layout.size:
            raise BadMessage(f"{value:#x} does not fit into a field of {layout.size} bytes")
        return self.raw(layout.pack(value))


def guid_text(data: bytes) -> str:
    """Return 16 bytes in .NET's layout (first three fields little-endian) as text."""
    digits = (data[3::-1] + data[5:3:-1] + data[7:5:-1] + data[8:16]).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def guid_bytes(text: str) -> bytes:
    """Return the 16 bytes of a GUID in .NET's layout; raises ``BadMessage`` where the text is none."""
    digits = text.strip("{}").replace("-", "")
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        data = b""
    if len(data) != 16 or len(digits) != 32:
        raise BadMessage(f"{text!r} is not a GUID")
    return data[3::-1] + data[5:3:-1] + data[7:5:-1] + data[8:]
