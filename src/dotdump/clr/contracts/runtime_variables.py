"""The runtime's own variables, for what no name leads to: words of its writable memory that may be addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.runtime_module import writable_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.data_access import DataAccess

_LOWEST_POINTER, _HIGHEST_POINTER = 0x10000, 1 << 47


def runtime_variables(access: DataAccess) -> Iterator[tuple[int, int]]:
    """Yield the variables of the runtime that hold what may be an address, and what they hold."""
    for start, words in writable_words(access.target, access.runtime.module):
        for index, word in enumerate(words):
            if word % 8 == 0 and _LOWEST_POINTER < word < _HIGHEST_POINTER:
                yield start + 8 * index, word
