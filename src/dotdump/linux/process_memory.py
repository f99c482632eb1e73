"""``ProcessMemory``: the memory of a process that stands still, read without a copy of what was not asked for.

Pages of mapped files that the process has not touched are read from the files (``backing``), all others from the
process (``memory_sources``); its page table says which they are (``pagemap``).
"""

from __future__ import annotations

import errno
from array import array
from bisect import bisect_right

from dotdump.closing import Closing
from dotdump.errors import CollectError, ProcessGone
from dotdump.kernels.segment_rows import ALONE, JOINED, LEFT_OUT, join
from dotdump.linux.pagemap import PAGE_SIZE
from dotdump.memory.region import Protection, Region
from dotdump.memory.region_table import SHARED, RegionTable
from dotdump.memory.space import ExactReads, MemoryRange, joined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.linux.backing import BackingFiles
    from dotdump.linux.memory_sources import Source
    from dotdump.linux.pagemap import Pagemap

CHUNK = 1 << 20
"""Bytes of one call: fastest from 64 KiB to 4 MiB on everything measured."""
AWAITED = "the process supplies it as it is touched (userfaultfd), and stands still"
"""Why there is no byte of a page that was not supplied yet."""
NOT_GIVEN = "mapped, but the kernel gives nobody what is there: secret memory, or behind the end of a file"
"""Why there is no byte of a page that may be read by what the map says. Source of truth: memfd_secret(2), mmap(2)."""
_HIGHEST = 1 << 63
_ANONYMOUS = ("[heap]", "[stack", "[anon")
_KINDS = bytes(
    LEFT_OUT if not rights & Protection.READ.real else ALONE if rights & SHARED else JOINED for rights in range(256)
)
"""How regions are gone about, by the rights of their row; of those that are to be joined, what has no path."""


class ProcessMemory(ExactReads, Closing):
    """An ``AddressSpace`` over a process that stands still: what its readable regions map, read by ``source``.

    ``pages`` tells which pages hold data; ``files``, where given, serve the pages of file mappings that are absent.
    It closes them, and where it cannot be made, too. Of ``awaited`` memory (``userfaults``) no absent page is read.
    Any thread may call ``read_into``.
    """

    def __init__(
        self,
        source: Source,
        regions: Sequence[Region],
        pages: Pagemap,
        files: BackingFiles | None = None,
        awaited: Sequence[MemoryRange] = (),
    ) -> None:
        self._source = source
        self._pages = pages
        self._files = files
        self._awaited = awaited
        try:
            self._regions = _joined_anonymous(RegionTable.of(regions))
            self._starts = [region.start for region in self._regions]
            self._buffer = bytearray(CHUNK)
        except BaseException:
            self.close()
            raise

    def read_available(self, address: int, size: int) -> bytes:
        buffer = memoryview(self._buffer if size <= CHUNK else bytearray(size))[:size]
        return bytes(buffer[: self.read_into(address, buffer)])

    def read_into(self, address: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``address`` on and return the length of the readable prefix."""
        filled = 0
        while filled < len(buffer):
            region = self._region_at(address + filled)
            if region is None:
                break
            part = buffer[filled : filled + region.end - address - filled]
            count = self._read_region(region, address + filled, part)
            filled += count
            if count < len(part):
                break
        return filled

    def ranges(self) -> Sequence[MemoryRange]:
        return joined(self._regions)

    def present_runs(self, start: int, end: int) -> Iterator[MemoryRange]:
        """Yield what must be read of a range, in order: the rest is anonymous memory never touched, so zero."""
        while start < end:
            region = self._region_at(start)
            if region is None:
                yield MemoryRange(start, end)
                return
            stop = min(end, region.end)
            if _is_anonymous(region):
                yield from self._pages.populated(start, stop)
            else:
                yield MemoryRange(start, stop)
            start = stop

    def copied(self, parts: Iterable[MemoryRange]) -> list[MemoryRange]:
        """Return the pages of private file mappings that may differ from their files; they are not read."""
        return [run for part in parts for run in self._pages.copied(part.start, part.end)]

    def reason(self, address: int) -> str:
        if any(part.start <= address < part.end for part in self._awaited):
            return AWAITED
        return NOT_GIVEN if self._region_at(address) else super().reason(address)

    def close(self) -> None:
        """Give up the descriptors."""
        self._source.close()
        self._pages.close()
        if self._files is not None:
            self._files.close()

    def _region_at(self, address: int) -> Region | None:
        index = bisect_right(self._starts, address) - 1
        return self._regions[index] if index >= 0 and address < self._regions[index].end else None

    def _read_region(self, region: Region, address: int, buffer: memoryview) -> int:
        if self._files is None or not region.inode or _is_anonymous(region):
            return self._read_process(address, buffer)
        first, end = address & -PAGE_SIZE, address + len(buffer)
        position = address
        for run in self._pages.populated(first, -(-end // PAGE_SIZE) * PAGE_SIZE):
            if run.start > position:
                position += self._read_file(region, position, buffer[position - address : run.start - address])
                if position < run.start:
                    return position - address
            stop = min(run.end, end)
            position += self._read_process(position, buffer[position - address : stop - address])
            if position < stop:
                return position - address
        return position - address + self._read_file(region, position, buffer[position - address :])

    def _read_file(self, region: Region, address: int, buffer: memoryview) -> int:
        if not len(buffer):
            return 0
        count = self._files.read_into(region, address, buffer) if self._files is not None else None
        return self._read_process(address, buffer) if count is None else count

    def _read_process(self, address: int, buffer: memoryview) -> int:
        if self._awaited:
            buffer = buffer[: self._first_awaited(address, address + len(buffer)) - address]
        filled = 0
        while filled < len(buffer):
            count = self._read_once(address + filled, buffer[filled : filled + CHUNK])
            if not count:
                break
            filled += count
        return filled

    def _first_awaited(self, start: int, end: int) -> int:
        """Return the first address of a range whose page only the process itself could supply; ``end`` without any."""
        for part in self._awaited:
            low, high = max(part.start, start), min(part.end, end)
            position = low & -PAGE_SIZE
            while position < high:
                run = next(self._pages.populated(position, -(-high // PAGE_SIZE) * PAGE_SIZE), None)
                if run is None or run.start > position:
                    return max(position, start)
                position = run.end
        return end

    def _read_once(self, address: int, buffer: memoryview) -> int:
        """Return how much was read: less than asked for before the first page that cannot be read."""
        if address + len(buffer) > _HIGHEST:
            return 0
        while True:
            try:
                return self._source.read_into(address, buffer)
            except CollectError:
                raise
            except OSError as error:
                if error.errno == errno.ESRCH:
                    raise ProcessGone(f"cannot read {len(buffer)} bytes at {address:#x}: the process ended") from error
                if error.errno not in (errno.EFAULT, errno.EIO):
                    said = f"cannot read {len(buffer)} bytes at {address:#x} of the process: {error.strerror}"
                    raise CollectError(said) from error
            first_page = PAGE_SIZE - address % PAGE_SIZE
            if len(buffer) <= first_page:
                return 0
            buffer = buffer[:first_page]


def _is_anonymous(region: Region) -> bool:
    """Whether an absent page is zero: private memory that neither a file nor the kernel (``[vdso]``) fills."""
    return not region.shared and (not region.path or region.path.startswith(_ANONYMOUS))


def _joined_anonymous(table: RegionTable) -> list[Region]:
    """Return what is readable, anonymous neighbours as one: there may be tens of thousands of a few pages each."""
    kinds = bytearray(table.rights.translate(_KINDS))
    for row, path in table.paths.items():
        if kinds[row] == JOINED and not path.startswith(_ANONYMOUS):
            kinds[row] = ALONE
    spans = array("Q", [0]) * (2 * len(table))
    numbers = iter(spans[: join(table.starts, table.ends, kinds, spans)])
    return [
        table[first] if kinds[first] == ALONE else Region(table.starts[first], table.ends[last], Protection.READ)
        for first, last in zip(numbers, numbers, strict=True)
    ]
