# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False
"""Runs of pages that hold data, from entries of /proc/PID/pagemap.

Knows four bits of an entry and nothing else: a page is present (63) or swapped out (62), of a file or shared (61), or a
guard (58), which looks swapped out and holds nothing. Source of truth: the kernel's
Documentation/admin-guide/mm/pagemap.rst.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

GUARD, FILE = 1 << 0, 1 << 3
"""Bits of what ``unwanted`` says, counted from bit 58 of an entry."""
_DATA = 3 << 4
_LOWEST = 58


def find_runs(entries: Sequence[int], runs: MutableSequence[int], unwanted: int) -> int:
    """Fill ``runs`` with first and end index of each run of entries with data; return how many numbers were filled.

    Entries with a bit that is ``unwanted`` have none. ``runs`` must hold at least ``len(entries) + 1`` numbers: half as
    many runs as entries is the most there can be.
    """
    filled = 0
    inside = 0
    count = len(entries)
    for index in range(count):
        bits = entries[index] >> _LOWEST
        if (bits & _DATA != 0 and bits & unwanted == 0) != inside:
            runs[filled] = index
            filled += 1
            inside = 1 - inside
    if inside:
        runs[filled] = count
        filled += 1
    return filled
