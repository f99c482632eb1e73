# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False
"""Runs of pages that hold data, from entries of /proc/PID/pagemap.

Knows three bits of an entry and nothing else: a page is present (63) or swapped out (62), and no guard (58): one looks
swapped out and holds nothing. Source of truth: the kernel's Documentation/admin-guide/mm/pagemap.rst.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

_DATA = 3 << 4
_GUARD = 1
_LOWEST = 58
"""The bit from which on an entry is looked at."""


def find_runs(entries: Sequence[int], runs: MutableSequence[int]) -> int:
    """Fill ``runs`` with first and end index of each run of entries with data; return how many numbers were filled.

    ``runs`` must hold at least ``len(entries) + 1`` numbers: half as many runs as entries is the most there can be.
    """
    filled = 0
    inside = 0
    count = len(entries)
    for index in range(count):
        bits = entries[index] >> _LOWEST
        if (bits & _DATA != 0 and bits & _GUARD == 0) != inside:
            runs[filled] = index
            filled += 1
            inside = 1 - inside
    if inside:
        runs[filled] = count
        filled += 1
    return filled
