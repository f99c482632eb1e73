"""What a runtime says of itself first when it is the one that connects: 34 bytes. Both directions, no I/O.

Source of truth: ``ds-ipc.c`` of dotnet/runtime, ``IpcAdvertise.cs`` of dotnet/diagnostics.
"""

from __future__ import annotations

from struct import Struct

from dotdump.errors import BadMessage
from dotdump.ipc.wire import guid_bytes, guid_text
from dotdump.records import record

MAGIC = b"ADVR_V1\0"
_LAYOUT = Struct("<8s16sQH")
SIZE = _LAYOUT.size
SECONDS = 0.25
"""How long an advertise may take to arrive whole, as dotnet's own server has it."""


@record
class Advertise:
    """Which runtime connects: ``cookie`` a GUID that is new with every start, ``pid`` as the runtime sees it."""

    cookie: str
    pid: int

    def encode(self) -> bytes:
        """Return the 34 bytes."""
        return _LAYOUT.pack(MAGIC, guid_bytes(self.cookie), self.pid, 0)


class AdvertiseDecoder:
    """Takes bytes as they come; nothing may follow the advertise, because a runtime then waits for a command."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def wanted(self) -> int:
        """Bytes still missing."""
        return SIZE - len(self._buffer)

    def feed(self, data: bytes) -> Advertise | None:
        """Take more bytes; return the advertise once it is whole; raises ``BadMessage``."""
        self._buffer += data
        seen = bytes(self._buffer[: len(MAGIC)])
        if seen != MAGIC[: len(seen)]:
            raise BadMessage(f"not an advertise: it begins with {seen!r}")
        if self.wanted > 0:
            return None
        if self.wanted < 0:
            raise BadMessage(f"{-self.wanted} bytes follow an advertise, after which a runtime waits")
        _, cookie, pid, _ = _LAYOUT.unpack(self._buffer)
        return Advertise(guid_text(cookie), pid)
