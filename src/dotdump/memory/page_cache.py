"""``PageCache``: memory of which each page is read once, and a list of which pages were asked for.

Whoever walks structures through it learns what a later reader of the same structures will read. Pages are those of
the target, or parts of them; a page that its source holds only in part is passed through and counted like any other.
What follows a page is read with it, for asking costs more than reading, and counts when it is asked for.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import MappingProxyType

from dotdump.errors import MemoryFault
from dotdump.memory.space import BytesSpace, MemoryRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dotdump.memory.space import AddressSpace

_RUN = 1 << 20
_AHEAD = 64 << 10
"""Bytes that are read at once, up to the next multiple."""


class PageCache:
    """An ``AddressSpace`` over ``source`` that keeps what was read of it; ``page_size`` is a power of two."""

    def __init__(self, source: AddressSpace, page_size: int = 4096) -> None:
        self.page_size = page_size
        self._source = source
        self._pages: dict[int, bytes] = {}
        self._ahead: dict[int, bytes] = {}

    def read(self, address: int, size: int) -> bytes:
        data = self.read_available(address, size)
        if len(data) < size:
            self._source.read(address, size)  # says why
            raise MemoryFault(address + len(data), size - len(data))
        return data

    def read_available(self, address: int, size: int) -> bytes:
        number, start = divmod(address, self.page_size)
        if 0 < size <= self.page_size - start:
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
        numbers = sorted(self._pages)
        firsts = [number for number in numbers if number - 1 not in self._pages]
        lasts = [number for number in numbers if number + 1 not in self._pages]
        return [
            MemoryRange(first * self.page_size, (last + 1) * self.page_size)
            for first, last in zip(firsts, lasts, strict=True)
        ]

    def copy(self, changed: Mapping[int, bytes] = MappingProxyType({})) -> BytesSpace:
        """Return the pages that were read, apart from their source; those that are ``changed``, by number, as given."""
        return BytesSpace(self._chunks(changed))

    def touch(self, address: int, size: int) -> None:
        """Count the pages of a range as read, as far as there are any."""
        end, last = address + size, (address + size - 1) // self.page_size
        for number in range(address // self.page_size, last + 1):
            if not self._pages.get(number) and not self._load(number, last):
                start = max(address, number * self.page_size)
                self._in_part(number, start, min(end, (number + 1) * self.page_size) - start)

    def widen(self, size: int) -> None:
        """Count all of the blocks of ``size`` bytes as read in which something was; ``size`` is a power of two."""
        for part in self.touched:
            start = part.start & -size
            self.touch(start, (part.end + size - 1 & -size) - start)

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Count nothing as read that is read until the end of the block: a search that need not be repeated."""
        counted, self._pages = self._pages, self._pages.copy()
        try:
            yield
        finally:
            self._ahead |= {number: page for number, page in self._pages.items() if page and number not in counted}
            self._pages = counted

    def _spanning(self, address: int, size: int) -> bytes:
        end, last = address + size, (address + size - 1) // self.page_size
        parts = []
        while address < end:
            number, start = divmod(address, self.page_size)
            wanted = min(self.page_size - start, end - address)
            page = self._pages.get(number) or self._load(number, last)
            part = page[start : start + wanted] if page else self._in_part(number, address, wanted)
            parts.append(part)
            if len(part) < wanted:
                break
            address += wanted
        return b"".join(parts)

    def _load(self, first: int, last: int) -> bytes:
        """Count pages from ``first`` on as read, as many as are new and wanted; return it, empty if it is not whole."""
        page = self._ahead.pop(first, None)
        if page is not None:
            self._pages[first] = page
            return page
        size = self.page_size
        limit = min(max(last, first | (_AHEAD // size - 1)), first + _RUN // size - 1)
        count = 1
        while first + count <= limit and first + count not in self._pages and first + count not in self._ahead:
            count += 1
        data = self._source.read_available(first * size, count * size)
        for index in range(len(data) // size):
            pages = self._pages if first + index <= last else self._ahead
            pages[first + index] = data[index * size : index * size + size]
        return self._pages.get(first, b"")

    def _in_part(self, number: int, address: int, size: int) -> bytes:
        """Read from a page that is not there as a whole."""
        data = self._source.read_available(address, size)
        if data:
            self._pages.setdefault(number, b"")
        return data

    def _chunks(self, changed: Mapping[int, bytes]) -> Iterator[tuple[int, bytes]]:
        """Yield what was read as (address, bytes), whole pages that are neighbours as one."""
        size = self.page_size
        for part in self.touched:
            start, pages = part.start, list[bytes]()
            for number in range(part.start // size, part.end // size):
                page = changed.get(number) or self._pages[number]
                pages.append(page or self._source.read_available(number * size, size))
                if len(pages[-1]) < size:
                    yield start, b"".join(pages)
                    start, pages = (number + 1) * size, []
            yield start, b"".join(pages)
