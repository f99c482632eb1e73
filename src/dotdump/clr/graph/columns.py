"""Columns: long rows of numbers that numpy and pyarrow take without a copy.

A column is a ``memoryview`` over memory that the operating system gives page by page, when it is first touched: one
may be asked for that is longer than what will be needed.
"""

from __future__ import annotations

import mmap
import sys
from contextlib import suppress
from typing import Literal

Code = Literal["B", "I", "Q"]

_NO_RESERVE = 0x4000 if sys.platform == "linux" else 0
_LONG = 8 << 20
"""Bytes from which on a column is better given in large pages: faults for small ones take as long as filling it."""

ITEM_SIZES = {"B": 1, "I": 4, "Q": 8}


def allocate(code: Code, count: int) -> memoryview[int]:
    """Return ``count`` zeros of type ``code`` (``B``, ``I`` or ``Q``: unsigned of 1, 4 or 8 bytes)."""
    size = count * ITEM_SIZES[code]
    if size == 0:
        return memoryview(bytearray()).cast(code)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE)
    if size >= _LONG and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory).cast(code)


def narrowest(highest: int) -> Literal["I", "Q"]:
    """Return the type code of the narrower of the two column types that hold numbers up to ``highest``."""
    return "I" if highest < 1 << 32 else "Q"
