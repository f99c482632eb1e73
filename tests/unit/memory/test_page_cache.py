import pytest

from dotdump.errors import MemoryFault
from dotdump.memory.page_cache import PageCache
from dotdump.memory.space import BytesSpace, MemoryRange

PAGE = 4096


class Counted(BytesSpace):
    """Memory that counts how often it is read."""

    def __init__(self, chunks: list[tuple[int, bytes]]) -> None:
        super().__init__(chunks)
        self.reads = 0

    def read_available(self, address: int, size: int) -> bytes:
        self.reads += 1
        return super().read_available(address, size)


def memory() -> Counted:
    return Counted([(PAGE, bytes(range(256)) * 48), (10 * PAGE + 100, b"part")])


def test_what_is_read_is_what_the_source_holds() -> None:
    cache = PageCache(memory())
    assert cache.read(PAGE + 10, 4) == bytes([10, 11, 12, 13])
    assert cache.read(2 * PAGE - 2, 4) == bytes([254, 255, 0, 1])
    assert cache.read_available(4 * PAGE - 1, 10) == bytes([255])
    assert cache.read_available(0, 4) == b""
    assert cache.read_available(PAGE, 0) == b""
    with pytest.raises(MemoryFault):
        cache.read(4 * PAGE - 1, 2)


def test_a_page_is_read_once() -> None:
    source = memory()
    cache = PageCache(source)
    for offset in range(0, PAGE, 64):
        cache.read(PAGE + offset, 8)
    assert source.reads == 1


def test_pages_that_were_read_are_listed_and_neighbours_joined() -> None:
    cache = PageCache(memory())
    cache.read(3 * PAGE, 1)
    cache.read(PAGE + 5, 1)
    assert cache.touched == [MemoryRange(PAGE, 2 * PAGE), MemoryRange(3 * PAGE, 4 * PAGE)]
    cache.read(2 * PAGE, 1)
    assert cache.touched == [MemoryRange(PAGE, 4 * PAGE)]


def test_what_is_not_there_is_not_listed() -> None:
    cache = PageCache(memory())
    cache.touch(0, 20 * PAGE)
    assert cache.touched == [MemoryRange(PAGE, 4 * PAGE)]


def test_where_surely_nothing_is_nothing_is_asked_for() -> None:
    class Sparse(Counted):
        """Memory that knows where the next of it begins."""

        def reach(self, address: int) -> int:
            starts = [PAGE, 10 * PAGE + 100, 1 << 31]
            return address - next((start for start in starts if start > address), 1 << 64)

    source = Sparse([(PAGE, bytes(PAGE)), (1 << 31, bytes(PAGE))])
    cache = PageCache(source)
    cache.touch(0, 1 << 32)
    assert cache.touched == [MemoryRange(PAGE, 2 * PAGE), MemoryRange(1 << 31, (1 << 31) + PAGE)]
    assert source.reads < 30


def test_a_range_of_nothing_touches_no_page() -> None:
    cache = PageCache(memory())
    cache.touch(PAGE + 5, 0)
    assert cache.touched == []


def test_a_page_that_is_there_in_part_is_passed_through_and_listed() -> None:
    cache = PageCache(memory())
    assert cache.read(10 * PAGE + 100, 4) == b"part"
    assert cache.touched == [MemoryRange(10 * PAGE, 11 * PAGE)]
    assert cache.read_available(10 * PAGE + 102, 50) == b"rt"


def test_nothing_is_given_without_counting() -> None:
    assert PageCache(memory()).view(PAGE, 8) is None


def test_what_is_read_uncounted_is_not_listed_until_it_is_read_again() -> None:
    cache = PageCache(memory())
    cache.read(PAGE, 1)
    with cache.uncounted():
        cache.read(3 * PAGE, 1)
        cache.read(PAGE, 1)
    assert cache.touched == [MemoryRange(PAGE, 2 * PAGE)]
    cache.read(3 * PAGE, 1)
    assert cache.touched == [MemoryRange(PAGE, 2 * PAGE), MemoryRange(3 * PAGE, 4 * PAGE)]


def test_what_follows_is_read_along_and_counts_only_when_it_is_asked_for() -> None:
    source = memory()
    cache = PageCache(source)
    cache.read(PAGE, 1)
    assert cache.touched == [MemoryRange(PAGE, 2 * PAGE)]
    cache.read(2 * PAGE, 1)
    assert source.reads == 1
    assert cache.touched == [MemoryRange(PAGE, 3 * PAGE)]


def test_pages_may_be_smaller_than_those_of_the_target_and_be_widened_later() -> None:
    source = memory()
    cache = PageCache(source, 1024)
    cache.read(PAGE + 1500, 1)
    cache.read(3 * PAGE + 1000, 100)
    assert cache.touched == [MemoryRange(PAGE + 1024, PAGE + 2048), MemoryRange(3 * PAGE, 3 * PAGE + 2048)]
    cache.widen(2048)
    assert cache.touched == [MemoryRange(PAGE, PAGE + 2048), MemoryRange(3 * PAGE, 3 * PAGE + 2048)]
    cache.widen(PAGE)
    assert cache.touched == [MemoryRange(PAGE, 2 * PAGE), MemoryRange(3 * PAGE, 4 * PAGE)]
    assert source.reads == 2


def test_a_copy_has_what_was_read_changed_where_that_is_wanted_and_nothing_else() -> None:
    cache = PageCache(memory())
    cache.read(2 * PAGE - 1, 2)
    cache.read(10 * PAGE + 100, 4)
    copy = cache.copy({2: b"x" * PAGE})
    assert copy.ranges() == [MemoryRange(PAGE, 3 * PAGE)]
    assert copy.read(2 * PAGE - 2, 4) == bytes([254, 255]) + b"xx"
