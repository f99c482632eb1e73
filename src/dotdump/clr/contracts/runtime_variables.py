"""The runtime's own variables, for what no name leads to: words of its writable memory that may be addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.data_access import DataAccess

_BSS_SLACK = 0x200000
_LOWEST_POINTER, _HIGHEST_POINTER = 0x10000, 1 << 47


def runtime_variables(access: DataAccess) -> Iterator[tuple[int, int]]:
    """Yield the variables of the runtime that hold what may be an address, and what they hold."""
    module = access.runtime.module
    end = module.end + _BSS_SLACK
    for region in access.target.regions:
        if not module.base <= region.start < end or not region.writable:
            continue
        data = access.reader.memory.read_available(region.start, min(region.size, end - region.start))
        for index, word in enumerate(memoryview(data[: len(data) & ~7]).cast("Q")):
            if word % 8 == 0 and _LOWEST_POINTER < word < _HIGHEST_POINTER:
                yield region.start + 8 * index, word
