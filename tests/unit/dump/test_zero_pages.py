from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdump.dump.zero_pages import page_runs


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"x", [(0, 1, False)]),
        (bytes(8), [(0, 8, True)]),
        (bytes(7) + b"x", [(0, 8, False)]),
        (b"x" * 8 + bytes(16) + b"x" * 8, [(0, 8, False), (8, 24, True), (24, 32, False)]),
        (bytes(12), [(0, 8, True), (8, 12, False)]),
    ],
)
@pytest.mark.parametrize("form", [bytes, bytearray, memoryview])
def test_runs_of_pages(
    data: bytes, expected: list[tuple[int, int, bool]], form: Callable[[bytes], bytes | bytearray | memoryview]
) -> None:
    assert list(page_runs(form(data), bytes(8))) == expected


@given(st.lists(st.sampled_from([bytes(16), bytes(15) + b"x", b"x" * 16, b"x" + bytes(15)])), st.integers(0, 15))
def test_runs_of_pages_cover_all_and_tell_zeros(pages: list[bytes], rest: int) -> None:
    data = b"".join(pages) + bytes(rest)
    runs = list(page_runs(data, bytes(16)))
    told = [is_zero for start, end, is_zero in runs for _ in range(start, end, 16)]
    assert told == [not any(page) for page in pages] + [False] * (rest > 0)
    assert all(end == start and was != is_zero for (_, end, was), (start, _, is_zero) in pairwise(runs))
