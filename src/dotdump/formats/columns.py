"""Tables of little-endian 64-bit words, between the bytes of a file and columns."""

from __future__ import annotations

import sys
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.kernels import Column

_SWAPPED = sys.byteorder == "big"


def interleaved(columns: Sequence[array[int]]) -> memoryview:
    """Return the bytes of a row after the other, each with a word of every column."""
    table = array("Q", [0]) * (len(columns) * len(columns[0]))
    for place, column in enumerate(columns):
        table[place :: len(columns)] = column
    if _SWAPPED:
        table.byteswap()
    return memoryview(table).cast("B")


def words_of(data: bytes) -> Column:
    """Return the words in ``data``, which holds nothing else."""
    if not _SWAPPED:
        return memoryview(data).cast("Q")
    words = array("Q", data)
    words.byteswap()
    return words


def whole_words(data: bytes) -> Column:
    """Return the words in ``data``, of which the last may be cut, as memory is that ends in the midst of one."""
    return words_of(data[: len(data) & -8])
