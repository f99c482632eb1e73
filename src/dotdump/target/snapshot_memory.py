"""``SnapshotMemory``: a twin's memory, with copies of what it has not got, and the running process for what is left."""

from __future__ import annotations

from bisect import bisect_right

from dotdump.linux.process_memory import ProcessMemory
from dotdump.memory.space import ADDRESS_END, BytesSpace, ExactReads, MemoryRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dotdump.linux.unfrozen import Copies
    from dotdump.memory.space import AddressSpace


class SnapshotMemory(ExactReads):
    """An ``AddressSpace`` of three sources that do not overlap. ``watch`` is called before memory is read."""

    def __init__(
        self, frozen: ProcessMemory, copies: Copies, running: ProcessMemory | None, watch: Callable[[], None]
    ) -> None:
        self._frozen = frozen
        self._copied = BytesSpace(copies.chunks)
        self._running = running
        self._watch = watch
        apart = [MemoryRange(start, start + len(data)) for start, data in copies.chunks]
        self._apart = sorted([*apart, *copies.live], key=lambda part: part.start)
        self._starts = [part.start for part in self._apart]
        self._live = {part.start for part in copies.live}

    def read_available(self, address: int, size: int) -> bytes:
        self._watch()
        parts = []
        while size > 0 and address < ADDRESS_END:  # a pointer that lies, and an offset, can lead past it
            source, there = self._source_at(address)
            wanted = min(size, there)
            data = source.read_available(address, wanted)
            parts.append(data)
            if len(data) < wanted:
                break
            address += len(data)
            size -= len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_into(self, address: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``address`` on and return the length of the readable prefix."""
        source, there = self._source_at(address)
        if isinstance(source, ProcessMemory) and there >= len(buffer):
            self._watch()
            return source.read_into(address, buffer)
        data = self.read_available(address, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def copied(self, parts: Iterable[MemoryRange]) -> list[MemoryRange]:
        """Return the pages of private file mappings that may differ from their files; they are not read."""
        return self._frozen.copied(parts)

    def ranges(self) -> Sequence[MemoryRange]:
        return self._frozen.ranges()

    def present_runs(self, start: int, end: int) -> Iterator[MemoryRange]:
        """Yield what must be read of a range, in order: the rest is anonymous memory never touched, so zero."""
        while start < end:
            source, there = self._source_at(start)
            stop = min(end, start + there)
            if source is self._frozen:
                yield from self._frozen.present_runs(start, stop)
            else:
                yield MemoryRange(start, stop)
            start = stop

    def close(self) -> None:
        """Give up the descriptors."""
        self._frozen.close()
        if self._running is not None:
            self._running.close()

    def _source_at(self, address: int) -> tuple[AddressSpace, int]:
        """Return who has ``address``, and for how many bytes from there on."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0 and address < self._apart[index].end:
            part = self._apart[index]
            running = self._running if part.start in self._live else None
            return running or self._copied, part.end - address
        following = self._starts[index + 1] if index + 1 < len(self._starts) else ADDRESS_END
        return self._frozen, following - address
