"""A cache of pages answers as what it reads from, in whatever order it is asked, and lists what it was asked for."""

from hypothesis import given
from hypothesis import strategies as st

from dotdump.memory.page_cache import PageCache
from dotdump.memory.space import BytesSpace

PAGE = 1024
SPAN = 300 * PAGE
RANGES = st.tuples(st.integers(0, SPAN), st.sampled_from([1, 8, 100, PAGE, 3 * PAGE, 70 * PAGE]))
HOLES = st.lists(st.tuples(st.integers(0, SPAN), st.integers(1, 40 * PAGE)), max_size=4)
WHOLE = b"".join(bytes([number % 251 if number % 3 else 0]) * PAGE for number in range(SPAN // PAGE))


def with_holes(holes: list[tuple[int, int]]) -> BytesSpace:
    """Return memory that is not there in ``holes``, and of which every third page is zeros."""
    chunks, position = [], 0
    for start, size in sorted(holes):
        chunks.append((position, WHOLE[position:start]))
        position = max(position, start + size)
    return BytesSpace([*chunks, (position, WHOLE[position:])])


@given(HOLES, st.lists(st.tuples(RANGES, st.booleans()), max_size=12))
def test_a_cache_answers_as_its_source(holes: list[tuple[int, int]], asked: list[tuple[tuple[int, int], bool]]) -> None:
    source = with_holes(holes)
    cache, counted = PageCache(source, PAGE), set[int]()
    for (address, size), is_search in asked:
        expected = source.read_available(address, size)
        if is_search:
            with cache.uncounted():
                assert cache.read_available(address, size) == expected
        else:
            assert cache.read_available(address, size) == expected
            counted.update(range(address // PAGE, (address + len(expected) - 1) // PAGE + 1) if expected else ())
    assert {at // PAGE for part in cache.touched for at in range(part.start, part.end, PAGE)} == counted
    whole = {number for number in counted if source.read_available(number * PAGE, PAGE) == bytes(PAGE)}
    assert {at // PAGE for part in cache.zeros() for at in range(part.start, part.end, PAGE)} == whole
    copy = cache.copy()
    assert all(copy.read_available(n * PAGE, 1) == source.read_available(n * PAGE, 1) for n in counted)
