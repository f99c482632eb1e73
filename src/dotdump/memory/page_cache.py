"""``PageCache``: memory of which each page is read once, and a list of which pages were asked for.

Whoever walks structures through it learns what a later reader of the same structures will read. Pages are those of
the target, or parts of them; a page that its source holds only in part is passed through and counted like any other.
What follows a page is read with it, for asking costs more than reading, and counts when it is asked for.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import MappingProxyType

from dotdump.errors import MemoryFault
from dotdump.memory.space import BytesSpace, MemoryRange, following_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
        self._in_block = max(_AHEAD // page_size, 1)
        self._ahead: dict[int, tuple[int, bytes]] = {}

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

    def view(self, address: int, size: int) -> memoryview | None:  # noqa: ARG002 - what is read is to be kept
        return None

    def ranges(self) -> Sequence[MemoryRange]:
        return self._source.ranges()

    @property
    def touched(self) -> list[MemoryRange]:
        """The pages of which something was read and of which there is anything, sorted, neighbours joined."""
        return self._ranges(self._pages)

    def zeros(self, changed: Mapping[int, bytes] = MappingProxyType({})) -> list[MemoryRange]:
        """Return which of the pages that were read are zeros, as ``touched``; those that are ``changed`` as given."""
        zero = bytes(self.page_size)
        return self._ranges(number for number, page in {**self._pages, **changed}.items() if page == zero)

    def copy(self, changed: Mapping[int, bytes] = MappingProxyType({})) -> BytesSpace:
        """Return the pages that were read, apart from their source; those that are ``changed``, by number, as given."""
        return BytesSpace(self._chunks(changed))

    def touch(self, address: int, size: int) -> None:
        """Count the pages of a range as read, as far as there are any; where surely none are is passed over."""
        end, number = address + size, address // self.page_size
        last = (end - 1) // self.page_size if size else -1
        while number <= last:
            following = number + 1
            if not self._pages.get(number) and not self._load(number, last):
                start = max(address, number * self.page_size)
                if not self._in_part(number, start, min(end, following * self.page_size) - start):
                    following = max(following, following_place(self._source, start) // self.page_size)
            number = following

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
            self._pages = counted

    def _ranges(self, pages: Iterable[int]) -> list[MemoryRange]:
        size, numbers = self.page_size, sorted(pages)
        among = set(numbers)
        firsts = [number for number in numbers if number - 1 not in among]
        lasts = [number for number in numbers if number + 1 not in among]
        return [MemoryRange(first * size, (last + 1) * size) for first, last in zip(firsts, lasts, strict=True)]

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
        """Count pages from ``first`` to ``last`` as read, as many as one look has; return the first if it is whole."""
        size = self.page_size
        start, data = self._around(first, last)
        for number in range(first, min(last + 1, start + len(data) // size)):
            self._pages[number] = data[(number - start) * size : (number - start + 1) * size]
        return self._pages.get(first, b"")

    def _around(self, first: int, last: int) -> tuple[int, bytes]:
        """Return memory from a page on, and the page's number: read before or now, with what follows in its block."""
        size = self.page_size
        start, data = self._ahead.get(first // self._in_block, (first, b""))
        if start <= first < start + len(data) // size:
            return start, data
        block = (first if first < start else min(last, first + _RUN // size - 1)) // self._in_block
        end = start if first < start else (block + 1) * self._in_block
        found = self._source.read_available(first * size, (end - first) * size)
        joins = first < start and len(found) == (end - first) * size
        self._ahead[block] = first, found + data if joins else found
        return self._ahead[block]

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
