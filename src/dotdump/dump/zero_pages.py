"""Pages that hold nothing: those that were never there, which some memory knows, and those that are all zeros."""

from __future__ import annotations

from itertools import groupby

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.memory.space import AddressSpace

    Data = bytes | bytearray | memoryview


def present_parts(memory: AddressSpace, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield what must be read of a range: all of it, unless the space knows pages that were never there."""
    runs = getattr(memory, "present_runs", None)
    if runs is None:
        yield start, end
        return
    for part in runs(start, end):
        yield part.start, part.end


def page_runs(data: Data, zero_page: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, whether all zero) for the longest runs of pages alike; a part of a page counts as data."""
    view, start = memoryview(data), 0
    for is_zero, run in groupby(_zero_pages(view, zero_page)):
        end = min(start + len(list(run)) * len(zero_page), len(view))
        yield start, end, is_zero
        start = end


def _zero_pages(view: memoryview, zero_page: bytes) -> list[bool]:
    """Tell of each page whether it is all zero, which of most their first word says that they are not."""
    page, size = len(zero_page), len(view)
    words = view[: size & -8].cast("Q")
    whole = range(0, size - page + 1, page)
    found = [not words[at >> 3] and view[at : at + page].tobytes() == zero_page for at in whole]
    return found + [False] * (size % page > 0)
