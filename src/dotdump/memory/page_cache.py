"""``PageCache``: memory read a page at a time, each page once, and a list of which pages were read.

Whoever walks structures through it learns what a later reader of the same structures will read. Pages are those of
the target; a page that its source holds only in part is passed through and counted like any other.
"""

from __future__ import annotations

from contextlib import contextmanager

from dotdump.errors import MemoryFault
from dotdump.memory.space import MemoryRange, joined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.memory.space import AddressSpace

_RUN = 1 << 20


class PageCache:
    """An ``AddressSpace`` over ``source`` that keeps what was read of it."""

    def __init__(self, source: AddressSpace, page_size: int = 4096) -> None:
        self._source = source
        self._size = page_size
        self._pages: dict[int, bytes] = {}

    def read(self, address: int, size: int) -> bytes:
        data = self.read_available(address, size)
        if len(data) < size:
            self._source.read(address, size)  # says why
            raise MemoryFault(address + len(data), size - len(data))
        return data

    def read_available(self, address: int, size: int) -> bytes:
        number, start = divmod(address, self._size)
        if 0 < size <= self._size - start:
            page = self._pages.get(number) or self._load(number, number)
            return page[start : start + size] if page else self._in_part(number, address, size)
        return self._spanning(address, size) if size > 0 else b""

    def view(self, address: int, size: int) -> memoryview | None:  # noqa: ARG002
        return None

    def ranges(self) -> Sequence[MemoryRange]:
        return self._source.ranges()

    @property
    def touched(self) -> list[MemoryRange]:
        """The pages of which something was read and of which there is anything, sorted, neighbours joined."""
        size = self._size
        return joined(MemoryRange(number * size, (number + 1) * size) for number in sorted(self._pages))

    def touch(self, address: int, size: int) -> None:
        """Count the pages of a range as read, as far as there are any."""
        end = address + size
        while address < end:
            wanted = min(_RUN, end - address)
            there = len(self.read_available(address, wanted))
            address += there if there == wanted else there + self._size - (address + there) % self._size

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Count nothing as read that is read until the end of the block: a search that need not be repeated."""
        counted, self._pages = self._pages, self._pages.copy()
        try:
            yield
        finally:
            self._pages = counted

    def _spanning(self, address: int, size: int) -> bytes:
        end, last = address + size, (address + size - 1) // self._size
        parts = []
        while address < end:
            number, start = divmod(address, self._size)
            wanted = min(self._size - start, end - address)
            page = self._pages.get(number) or self._load(number, last)
            part = page[start : start + wanted] if page else self._in_part(number, address, wanted)
            parts.append(part)
            if len(part) < wanted:
                break
            address += wanted
        return b"".join(parts)

    def _load(self, first: int, last: int) -> bytes:
        """Read pages from ``first`` on, as many as are new and wanted; return the first, empty if it is not whole."""
        page, count = self._size, 1
        while first + count <= last and count * page < _RUN and first + count not in self._pages:
            count += 1
        data = self._source.read_available(first * page, count * page)
        for index in range(len(data) // page):
            self._pages[first + index] = data[index * page : index * page + page]
        return self._pages.get(first, b"")

    def _in_part(self, number: int, address: int, size: int) -> bytes:
        """Read from a page that is not there as a whole."""
        data = self._source.read_available(address, size)
        if data:
            self._pages.setdefault(number, b"")
        return data
