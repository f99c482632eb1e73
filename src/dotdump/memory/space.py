"""``AddressSpace``: bytes by position.

Files, cores, processes and fakes all implement it, so whatever reads memory does not know where it comes from.
Nothing ever reads silently as zero: what is not there raises ``MemoryFault``.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from operator import itemgetter

from dotdump.errors import MemoryFault
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Protocol

    from dotdump.memory.region import Region
else:
    Protocol = object

ADDRESS_END = 1 << 64
"""What no address reaches."""
ADDRESS_MASK = ADDRESS_END - 1
"""What sums of addresses are cut to, as a CPU does."""
NOT_MAPPED = "not mapped"
"""Why there is no byte where nobody says more."""
PIECE = 1 << 10
"""Bytes that a small dump has or lacks together: whoever passes over what is not there goes on at the next multiple."""


@record
class MemoryRange:
    """Addresses from ``start`` up to, not including, ``end``."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes in the range."""
        return self.end - self.start


class AddressSpace(Protocol):
    """Bytes by position. Addresses are non-negative and below 2**64."""

    def read(self, address: int, size: int) -> bytes:
        """Return exactly ``size`` bytes, or raise ``MemoryFault`` naming the first address that is not there."""

    def read_available(self, address: int, size: int) -> bytes:
        """Return the readable prefix of the range: ``b""`` where even the first byte is not there."""

    def view(self, address: int, size: int) -> memoryview | None:
        """Return the bytes without a copy where they are contiguous in this process's memory, else None."""

    def ranges(self) -> Sequence[MemoryRange]:
        """Return what can be read, sorted by start, disjoint."""


class ExactReads:
    """Base of an ``AddressSpace`` that knows what is available: ``read`` is that, or faults and says why.

    It gives no views, unless a subclass has some.
    """

    __slots__ = ()

    def read(self, address: int, size: int) -> bytes:
        data = self.read_available(address, size)
        if len(data) < size:
            missing = address + len(data)
            raise MemoryFault(missing, size - len(data), self.reason(missing))
        return data

    @abstractmethod
    def read_available(self, address: int, size: int) -> bytes:
        """Return the readable prefix of the range: ``b""`` where even the first byte is not there."""

    def reason(self, address: int) -> str:  # noqa: ARG002 - others have more than one
        """Return why there is no byte at ``address``."""
        return NOT_MAPPED

    def view(self, address: int, size: int) -> memoryview | None:  # noqa: ARG002 - others have what they can show
        """Return None: nothing here is in this process's memory."""
        return None


class BytesSpace(ExactReads):
    """An ``AddressSpace`` over chunks of bytes, keyed by where they start. For fakes and for small copies."""

    def __init__(self, chunks: Iterable[tuple[int, bytes]]) -> None:
        self._chunks = sorted(((start, memoryview(data)) for start, data in chunks if len(data)), key=itemgetter(0))
        self._starts = [start for start, _ in self._chunks]

    def read_available(self, address: int, size: int) -> bytes:
        parts = []
        while size > 0:
            part = self._contiguous(address, size)
            if not part:
                break
            parts.append(part)
            address += len(part)
            size -= len(part)
        return b"".join(parts)

    def view(self, address: int, size: int) -> memoryview | None:
        part = self._contiguous(address, size)
        return part if len(part) == size else None

    def ranges(self) -> list[MemoryRange]:
        return [MemoryRange(start, start + len(data)) for start, data in self._chunks]

    def _contiguous(self, address: int, size: int) -> memoryview:
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return memoryview(b"")
        start, data = self._chunks[index]
        return data[address - start : address - start + size]


def following_place(memory: AddressSpace, address: int) -> int:
    """Return where after ``address``, where there is nothing, there may be something again."""
    reach = getattr(memory, "reach", None)
    return max((address + PIECE) & -PIECE, address - reach(address) if reach is not None else 0)


def joined(parts: Iterable[MemoryRange | Region]) -> list[MemoryRange]:
    """Return what ``parts``, in order and disjoint, cover, neighbours as one."""
    found: list[MemoryRange] = []
    for part in parts:
        if found and found[-1].end == part.start:
            found[-1] = MemoryRange(found[-1].start, part.end)
        else:
            found.append(MemoryRange(part.start, part.end))
    return found


def merged(parts: Iterable[MemoryRange]) -> list[MemoryRange]:
    """Return the union of ranges, sorted and disjoint."""
    found: list[MemoryRange] = []
    for part in sorted(parts, key=lambda item: (item.start, item.end)):
        if found and part.start <= found[-1].end:
            found[-1] = MemoryRange(found[-1].start, max(found[-1].end, part.end))
        else:
            found.append(part)
    return found


def overlaps(parts: Sequence[MemoryRange], starts: list[int], start: int, end: int) -> Iterator[MemoryRange]:
    """Yield the intersections of sorted ``parts`` with ``start`` to ``end``, neighbours joined."""
    current: MemoryRange | None = None
    for index in range(max(0, bisect_right(starts, start) - 1), len(parts)):
        low, high = max(parts[index].start, start), min(parts[index].end, end)
        if parts[index].start >= end:
            break
        if low >= high:
            continue
        if current is not None and current.end == low:
            current = MemoryRange(current.start, high)
            continue
        if current is not None:
            yield current
        current = MemoryRange(low, high)
    if current is not None:
        yield current
