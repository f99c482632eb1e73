"""Lists of the runtime whose entries lead to each other, of which a damaged one need not end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import FormatError, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def follow(first: int, following: Callable[[int], int], most: int, source: str) -> Iterator[int]:
    """Yield the addresses of a list from ``first`` to the one that 0 follows, ``most`` at most.

    Raises ``FormatError`` where one comes again, ``LimitExceeded`` where there are more, and what ``following`` raises;
    ``source`` says what the list is.
    """
    address, seen = first, set[int]()
    while address:
        if address in seen:
            raise FormatError(f"it comes back to {address:#x}", source=source)
        if len(seen) >= most:
            raise LimitExceeded(f"more than {most:,} entries", source=source)
        seen.add(address)
        yield address
        address = following(address)
