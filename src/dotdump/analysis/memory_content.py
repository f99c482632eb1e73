"""Bytes of a core's memory, and which file they come from."""

from __future__ import annotations

from dotdump.errors import MemoryFault
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.target.core import CoreTarget


@record
class MemoryContent:
    """The answer of ``dotdump memory``: ``data`` is shorter than ``asked`` where the rest is not there, and why."""

    address: str
    asked: int
    data: bytes
    source: str
    source_offset: int
    relocated: bool
    missing: str | None


def read_memory(target: CoreTarget, address: int, count: int) -> MemoryContent:
    """Return up to ``count`` bytes from ``address`` on; raises ``MemoryFault`` where not even the first is there."""
    memory = target.memory
    data, origin = memory.read_available(address, count), memory.origin(address)
    if origin is None or not data:
        raise MemoryFault(address, count, memory.reason(address))
    missing = memory.reason(address + len(data)) if len(data) < count else None
    return MemoryContent(f"{address:#x}", count, data, origin.source, origin.offset, origin.relocated, missing)
